#include "phases/branch/clients.hpp"

#include <fcntl.h>
#include <fmt/format.h>
#include <sys/wait.h>
#include <unistd.h>

#include <csignal>
#include <cstdio>
#include <cstdlib>
#include <filesystem>
#include <memory>

#include "phases/postgres/child_process.hpp"
#include "phases/postgres/server_binaries.hpp"

namespace pgphase {
namespace {

namespace fs = std::filesystem;

constexpr std::chrono::hours k_longest_copy{6};
constexpr std::chrono::seconds k_longest_end{60};  // of the program that reads, once the other one has ended

struct CloseFile {
  void operator()(std::FILE* file) const { std::fclose(file); }
};
using File = std::unique_ptr<std::FILE, CloseFile>;

// Without a name, so that nobody else reads it and a kill leaves nothing.
Result<File> nameless_file(const std::string& text = {}) {
  File file(std::tmpfile());
  const bool written =
      file && std::fwrite(text.data(), 1, text.size(), file.get()) == text.size() && std::fflush(file.get()) == 0;
  if (!written) return make_error(Errc::refused, "no file can be written in the folder for temporary files");
  ::lseek(::fileno(file.get()), 0, SEEK_SET);
  return file;
}

std::string contents(std::FILE* file) {
  constexpr std::size_t k_enough = 4000;
  std::string text(k_enough, '\0');
  std::rewind(file);
  text.resize(std::fread(text.data(), 1, text.size(), file));
  while (!text.empty() && text.back() == '\n') text.pop_back();
  return text;
}

class Descriptor {
 public:
  explicit Descriptor(int number = -1) : number_(number) {}
  ~Descriptor() { close(); }
  Descriptor(const Descriptor&) = delete;
  Descriptor& operator=(const Descriptor&) = delete;
  int get() const { return number_; }
  void close() {
    if (number_ >= 0) ::close(number_);
    number_ = -1;
  }

 private:
  int number_;
};

class Client {
 public:
  static Result<Client> start(const ClientCall& call, int in, int out) {
    PGPHASE_TRY(errors, nameless_file());
    PGPHASE_TRY(input, nameless_file(call.input));
    Client client;
    client.name_ = fs::path(call.program).filename().string();
    auto child = options(call);
    child.in = call.input.empty() ? in : ::fileno(input.get());
    child.out = out;
    child.err = ::fileno(errors.get());
    PGPHASE_TRY(pid, start_child(child));
    client.pid_ = pid;
    client.errors_ = std::move(errors);
    return client;
  }
  ~Client() {
    if (pid_ <= 0) return;
    ::kill(pid_, SIGKILL);
    wait_child(pid_, std::chrono::seconds(10));
  }
  Client(Client&& other) noexcept
      : pid_(std::exchange(other.pid_, 0)), errors_(std::move(other.errors_)), name_(std::move(other.name_)) {}
  Client& operator=(Client&&) = delete;

  // What went wrong, in the program's own words; empty: nothing.
  std::string wait(std::chrono::milliseconds limit) {
    const auto status = wait_child(pid_, limit);
    if (!status) return fmt::format("{} did not end in time", name_);
    pid_ = 0;
    if (*status == 0) return {};
    auto said = contents(errors_.get());
    if (said.empty()) said = WIFSIGNALED(*status) ? fmt::format("signal {}", WTERMSIG(*status)) : "it does not say why";
    return fmt::format("{} failed: {}", name_, said);
  }

 private:
  Client() = default;

  static ChildOptions options(const ClientCall& call) {
    ConnInfo shown;
    ChildOptions child;
    for (const auto& [key, value] : call.connection.pairs) {
      if (key == "password") {
        child.environment.push_back("PGPASSWORD=" + value);
      } else {
        shown.pairs.emplace_back(key, value);
      }
    }
    for (const auto* name : {"PATH", "HOME", "PGPASSFILE", "PGSSLROOTCERT", "PGSSLCERT", "PGSSLKEY", "PGSERVICEFILE"}) {
      if (const auto* value = std::getenv(name)) child.environment.push_back(fmt::format("{}={}", name, value));
    }
    child.argv = {call.program, "--dbname=" + shown.to_libpq()};
    child.argv.insert(child.argv.end(), call.arguments.begin(), call.arguments.end());
    child.death_signal = SIGKILL;
    child.session = ProcessSession::shared;
    return child;
  }

  pid_t pid_ = 0;
  File errors_;
  std::string name_;
};

}  // namespace

Result<ClientPrograms> find_clients(int major) {
  PGPHASE_TRY(binaries, find_server_binaries({}, 0));
  const fs::path folder(binaries.folder);
  const auto there = [&](const char* name) { return ::access((folder / name).c_str(), X_OK) == 0; };
  if (binaries.major >= major && there("pg_dump") && there("psql")) {
    return ClientPrograms{(folder / "pg_dump").string(), (folder / "psql").string()};
  }
  return make_error(
      Errc::refused,
      fmt::format("copying a PostgreSQL {} database needs pg_dump and psql of that version or newer, and {} has none",
                  major, binaries.folder),
      "Nothing was made. Install the client programs, or rehearse on a disposable database: --branch url.");
}

Result<void> pipe(const ClientCall& from, const ClientCall& into) {
  int ends[2];
  if (::pipe2(ends, O_CLOEXEC) != 0) return make_error(Errc::refused, "no pipe can be made: too many open files");
  Descriptor reading(ends[0]), writing(ends[1]);
  auto reader = Client::start(into, reading.get(), -1);
  if (!reader) return reader.error();
  auto writer = Client::start(from, -1, writing.get());
  if (!writer) return writer.error();
  reading.close();
  writing.close();
  const auto wrote = writer->wait(k_longest_copy);
  const auto read = reader->wait(k_longest_end);
  if (wrote.empty() && read.empty()) return {};
  return make_error(Errc::refused, wrote + (wrote.empty() || read.empty() ? "" : "; ") + read,
                    "The branch is removed, and the source was only read.");
}

}  // namespace pgphase
