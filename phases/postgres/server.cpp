#include "phases/postgres/server.hpp"

#include <fcntl.h>
#include <sys/wait.h>
#include <unistd.h>

#include <csignal>
#include <cstdio>
#include <filesystem>
#include <fstream>
#include <sstream>
#include <thread>

#include "phases/postgres/postmaster_pid.hpp"
#include "phases/postgres/server_binaries.hpp"
#include "phases/postgres/server_folder.hpp"

namespace pgphase {
namespace {

using std::chrono::steady_clock;

constexpr auto k_poll = std::chrono::milliseconds(10);
constexpr int k_port_attempts = 5;
constexpr std::size_t k_log_lines = 12;

std::string percent_encoded(const std::string& text) {
  std::string out;
  for (const char c : text) {
    const bool plain = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '-' ||
                       c == '_' || c == '.' || c == '~';
    char hex[4];
    std::snprintf(hex, sizeof hex, "%%%02X", static_cast<unsigned>(static_cast<unsigned char>(c)));
    out += plain ? std::string(1, c) : std::string(hex);
  }
  return out;
}

int open_log(const std::string& path) {
  return ::open(path.c_str(), O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0600);
}

Error with_log(const std::string& message, const RunningServer& server) {
  return make_error(Errc::unreachable, message,
                    "the last lines of its log:" + last_lines(server.log_file(), k_log_lines));
}

// Reaps the server if it is our child: a zombie is not running.
bool gone(const RunningServer& server) {
  ::waitpid(server.process.pid, nullptr, WNOHANG);
  return !is_running(server.process);
}

bool wait_until_gone(const RunningServer& server, std::chrono::milliseconds limit) {
  const auto deadline = steady_clock::now() + limit;
  while (!gone(server)) {
    if (steady_clock::now() >= deadline) return false;
    std::this_thread::sleep_for(k_poll);
  }
  return true;
}

}  // namespace

std::string RunningServer::url(const std::string& database) const {
  return "postgresql://postgres@/" + percent_encoded(database) + "?host=" + percent_encoded(folder) +
         "&port=" + std::to_string(port);
}

std::string RunningServer::tcp_url(const std::string& database) const {
  return "postgresql://postgres:" + password + "@127.0.0.1:" + std::to_string(port) + "/" + percent_encoded(database);
}

bool is_running(const RunningServer& server) {
  const auto file = read_postmaster_pid(server.data_folder());
  return file && file->pid == server.process.pid && file->start_time == server.start_time &&
         file->data_folder == server.data_folder() && is_running(server.process);
}

Result<void> stop_server(const RunningServer& server, Shutdown how, std::chrono::milliseconds limit) {
  const auto grace = std::chrono::seconds(5);
  if (gone(server)) return {};
  ::kill(server.process.pid, how == Shutdown::fast ? SIGINT : SIGQUIT);
  if (wait_until_gone(server, limit)) return {};
  ::kill(server.process.pid, SIGQUIT);
  if (wait_until_gone(server, grace)) return {};
  ::kill(server.process.pid, SIGKILL);
  if (wait_until_gone(server, grace)) return {};
  return make_error(Errc::unreachable,
                    "the PostgreSQL server with pid " + std::to_string(server.process.pid) + " does not stop");
}

Result<LocalServer> LocalServer::start(const ServerOptions& options) {
  LocalServer server;
  PGPHASE_TRY(binaries, find_server_binaries(options.bin_folder, options.major));
  PGPHASE_TRY(user, server_user());
  sweep_server_folders(user);
  PGPHASE_TRY(folder, make_server_folder(options.folder, user));

  // From here on `server` owns the folder and removes it, whichever way this function is left.
  server.options_ = options;
  server.options_.lifetime = Lifetime::ours;
  server.bin_folder_ = binaries.folder;
  server.user_ = user;
  server.lock_ = folder.lock;
  server.info_.folder = folder.path;
  server.info_.password = random_password();
  server.info_.version = binaries.version;
  server.info_.major = binaries.major;

  PGPHASE_CHECK(server.initialise(options));
  PGPHASE_CHECK(server.configure());
  server.options_.lifetime = options.lifetime;
  if (const auto launched = server.launch(); !launched) {
    server.options_.lifetime = Lifetime::ours;
    return launched.error();
  }
  return server;
}

Result<void> LocalServer::initialise(const ServerOptions& options) {
  const std::string password_file = info_.folder + "/password";
  PGPHASE_CHECK(write_private_file(password_file, info_.password + "\n", user_));
  PGPHASE_CHECK(write_private_file(info_.log_file(), "", user_));
  std::vector<std::string> argv = {
      bin_folder_ + "/initdb", "--pgdata=" + info_.data_folder(), "--username=postgres", "--pwfile=" + password_file,
      "--auth-local=trust",    "--auth-host=scram-sha-256",       "--encoding=UTF8",     "--locale=C.UTF-8"};
  if (options.durability == Durability::throwaway) argv.emplace_back("--no-sync");
  auto done = run_and_wait(argv);
  ::unlink(password_file.c_str());
  return done;
}

ChildOptions LocalServer::child(std::vector<std::string> argv, int log) const {
  ChildOptions out;
  out.argv = std::move(argv);
  // Nothing of the caller's environment: PGDATA, PGOPTIONS or a locale would change the server.
  out.environment = {"LC_ALL=C", "PATH=/usr/bin:/bin", "HOME=" + info_.folder, "PGTZ=UTC"};
  out.folder = info_.folder;
  out.out = out.err = log;
  out.user = user_;
  return out;
}

Result<void> LocalServer::run_and_wait(const std::vector<std::string>& argv) const {
  const int log = open_log(info_.log_file());
  ChildOptions options = child(argv, log);
  options.death_signal = SIGKILL;
  const auto pid = start_child(options);
  ::close(log);
  if (!pid) return pid.error();
  const auto status = wait_child(*pid, options_.start_limit);
  if (status == 0) return {};
  if (!status) {
    ::kill(*pid, SIGKILL);
    ::waitpid(*pid, nullptr, 0);
    return with_log(argv[0] + " did not end in time", info_);
  }
  return with_log(argv[0] + " failed", info_);
}

Result<void> LocalServer::configure() const {
  std::vector<std::pair<std::string, std::string>> lines = {
      {"listen_addresses", "127.0.0.1"},
      {"unix_socket_directories", info_.folder},
      {"max_connections", "200"},
      {"shared_buffers", "128MB"},
      {"timezone", "UTC"},
      {"log_timezone", "UTC"},
      {"log_line_prefix", "%m [%p] %q%a "},
      {"cluster_name", "pgphase"},
  };
  if (options_.durability == Durability::throwaway) {
    // synchronous_commit stays on: with it off, a kill of the server alone would lose what was told as committed.
    lines.emplace_back("fsync", "off");
    lines.emplace_back("full_page_writes", "off");
  }
  lines.insert(lines.end(), options_.settings.begin(), options_.settings.end());
  std::ofstream out(info_.data_folder() + "/postgresql.conf", std::ios::app);
  for (const auto& [name, value] : lines) {
    std::string quoted;
    for (const char c : value) quoted += c == '\'' ? std::string("''") : std::string(1, c);
    out << name << " = '" << quoted << "'\n";
  }
  out.close();
  if (!out) return make_error(Errc::refused, "could not write " + info_.data_folder() + "/postgresql.conf");
  return {};
}

Result<void> LocalServer::launch() {
  for (int attempt = 1;; ++attempt) {
    const int port = free_loopback_port();
    if (port == 0) return make_error(Errc::unreachable, "no free port on 127.0.0.1");
    const auto log_size = std::filesystem::file_size(info_.log_file());
    auto launched = launch_on(port);
    if (launched || attempt == k_port_attempts) return launched;
    // Somebody may have taken the port between our look and the server's bind.
    std::ifstream log(info_.log_file());
    log.seekg(static_cast<std::streamoff>(log_size));
    std::ostringstream fresh;
    fresh << log.rdbuf();
    if (fresh.str().find("Address already in use") == std::string::npos) return launched;
  }
}

Result<void> LocalServer::launch_on(int port) {
  const int log = open_log(info_.log_file());
  ChildOptions options = child({bin_folder_ + "/postgres", "-D", info_.data_folder(), "-p", std::to_string(port)}, log);
  options.keep = lock_;
  options.death_signal = options_.lifetime == Lifetime::ours ? SIGINT : 0;
  const auto pid = start_child(options);
  ::close(log);
  if (!pid) return pid.error();
  info_.port = port;
  info_.process = process_id(*pid).value_or(ProcessId{*pid, 0});

  const auto deadline = steady_clock::now() + options_.start_limit;
  while (steady_clock::now() < deadline) {
    if (::waitpid(*pid, nullptr, WNOHANG) == *pid) {
      info_.process = {};
      return with_log("the PostgreSQL server ended while it started", info_);
    }
    const auto file = read_postmaster_pid(info_.data_folder());
    if (file && file->pid == *pid && file->ready()) {
      info_.start_time = file->start_time;
      return {};
    }
    std::this_thread::sleep_for(k_poll);
  }
  Error error = with_log("the PostgreSQL server was not ready in time", info_);
  PGPHASE_CHECK(stop_server(info_, Shutdown::immediate));
  info_.process = {};
  return error;
}

Result<void> LocalServer::stop() {
  if (info_.process.pid != 0) PGPHASE_CHECK(stop_server(info_, Shutdown::fast));
  info_.process = {};
  discard();
  return {};
}

Result<void> LocalServer::restart(Shutdown how) {
  PGPHASE_CHECK(stop_server(info_, how));
  info_.process = {};
  return launch_on(info_.port);
}

void LocalServer::discard() {
  if (lock_ < 0) return;
  remove_folder(info_.folder);
  ::close(lock_);
  lock_ = -1;
}

LocalServer::LocalServer(LocalServer&& other) noexcept {
  *this = std::move(other);
}

LocalServer& LocalServer::operator=(LocalServer&& other) noexcept {
  if (this == &other) return *this;
  std::swap(options_, other.options_);
  std::swap(info_, other.info_);
  std::swap(bin_folder_, other.bin_folder_);
  std::swap(user_, other.user_);
  std::swap(lock_, other.lock_);
  return *this;
}

LocalServer::~LocalServer() {
  if (lock_ < 0) return;
  if (options_.lifetime == Lifetime::until_stopped) {
    ::close(lock_);  // the server holds it as well
    return;
  }
  if (const auto stopped = stop(); !stopped) std::fprintf(stderr, "pgphase: %s\n", stopped.error().text().c_str());
}

SweptFolders sweep_dead_servers() {
  const auto user = server_user();
  return user ? sweep_server_folders(*user) : SweptFolders{};
}

}  // namespace pgphase
