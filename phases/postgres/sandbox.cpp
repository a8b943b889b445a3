#include "phases/postgres/sandbox.hpp"

#include <fcntl.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include <boost/json.hpp>
#include <cerrno>
#include <cstring>
#include <filesystem>
#include <fstream>
#include <sstream>

#include "phases/postgres/server_folder.hpp"

namespace pgphase {
namespace {

namespace fs = std::filesystem;
namespace json = boost::json;

// Two commands at once: the second waits until the first has written, or removed, the state.
class StateFolder {
 public:
  static Result<StateFolder> open(const std::string& path) {
    std::error_code error;
    fs::create_directories(fs::path(path).parent_path(), error);
    if (::mkdir(path.c_str(), 0700) != 0 && errno != EEXIST) {
      return make_error(Errc::refused, "could not make the folder " + path + ": " + std::strerror(errno));
    }
    // What is written in there names a process to stop and a folder to remove: nobody else may have put it there.
    struct stat now {};
    if (::lstat(path.c_str(), &now) != 0 || !S_ISDIR(now.st_mode) || now.st_uid != ::geteuid() ||
        (now.st_mode & 077U) != 0) {
      return make_error(Errc::refused, path + " must be a folder that only you can enter", "chmod 700, or remove it");
    }
    StateFolder out(path);
    out.lock_ = ::open(path.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (out.lock_ < 0 || ::flock(out.lock_, LOCK_EX) != 0) {
      return make_error(Errc::refused, "could not lock the folder " + path + ": " + std::strerror(errno));
    }
    return out;
  }

  StateFolder(StateFolder&& other) noexcept : path_(std::move(other.path_)), lock_(std::exchange(other.lock_, -1)) {}
  StateFolder& operator=(StateFolder&&) = delete;
  ~StateFolder() {
    if (lock_ >= 0) ::close(lock_);
  }

  std::string file() const { return path_ + "/server.json"; }

  std::optional<RunningServer> read() const {
    std::ifstream in(file());
    if (!in) return std::nullopt;
    std::ostringstream text;
    text << in.rdbuf();
    json::error_code error;
    const json::value value = json::parse(text.str(), error);
    if (error) return std::nullopt;
    try {
      RunningServer out;
      out.process = {value.at("pid").to_number<pid_t>(), value.at("start_ticks").to_number<std::uint64_t>()};
      out.start_time = value.at("start_time").to_number<long>();
      out.port = value.at("port").to_number<int>();
      out.folder = value.at("folder").as_string();
      out.password = value.at("password").as_string();
      out.version = value.at("version").as_string();
      out.major = value.at("major").to_number<int>();
      return out;
    } catch (const std::exception&) {
      return std::nullopt;  // cut short or of another version: the sweep takes care of the server's folder
    }
  }

  Result<void> write(const RunningServer& server) const {
    const json::object value = {{"pid", server.process.pid},       {"start_ticks", server.process.start_ticks},
                                {"start_time", server.start_time}, {"port", server.port},
                                {"folder", server.folder},         {"password", server.password},
                                {"version", server.version},       {"major", server.major}};
    PGPHASE_CHECK(write_private_file(file() + ".new", json::serialize(value) + "\n", std::nullopt));
    if (::rename((file() + ".new").c_str(), file().c_str()) == 0) return {};
    return make_error(Errc::refused, "could not write " + file() + ": " + std::strerror(errno));
  }

  void clear() const {
    ::unlink(file().c_str());
    ::rmdir(path_.c_str());  // only when nothing else is in it
  }

 private:
  explicit StateFolder(std::string path) : path_(std::move(path)) {}
  std::string path_;
  int lock_ = -1;
};

}  // namespace

Result<Sandbox> start_sandbox(const std::string& state_folder, ServerOptions options) {
  PGPHASE_TRY(state, StateFolder::open(state_folder));
  if (const auto server = state.read()) {
    if (is_running(*server)) return Sandbox{*server, Sandbox::Started::earlier};
    remove_unused_folder(server->folder);
  }
  options.lifetime = Lifetime::until_stopped;
  PGPHASE_TRY(server, LocalServer::start(options));
  if (const auto written = state.write(server.info()); !written) {
    PGPHASE_CHECK(server.stop());
    return written.error();
  }
  return Sandbox{server.info(), Sandbox::Started::now};
}

Result<std::optional<RunningServer>> find_sandbox(const std::string& state_folder) {
  std::error_code error;
  if (!fs::exists(state_folder, error)) return std::optional<RunningServer>();
  PGPHASE_TRY(state, StateFolder::open(state_folder));
  auto server = state.read();
  if (server && !is_running(*server)) server.reset();
  return server;
}

Result<bool> stop_sandbox(const std::string& state_folder) {
  std::error_code error;
  if (!fs::exists(state_folder, error)) return false;
  PGPHASE_TRY(state, StateFolder::open(state_folder));
  const auto server = state.read();
  const bool running = server && is_running(*server);
  if (running) PGPHASE_CHECK(stop_server(*server, Shutdown::fast));
  if (server) remove_unused_folder(server->folder);
  state.clear();
  return running;
}

}  // namespace pgphase
