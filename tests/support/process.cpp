#include "tests/support/process.hpp"

#include <fcntl.h>
#include <sys/wait.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <cstdlib>
#include <cstring>
#include <mutex>
#include <sstream>
#include <stdexcept>
#include <thread>

#include "phases/postgres/child_process.hpp"

namespace pgphase::testing {
namespace {

using std::chrono::steady_clock;

std::string found_in_path(const std::string& name) {
  if (name.find('/') != std::string::npos) return name;
  const char* path_list = std::getenv("PATH");
  std::istringstream folders(path_list != nullptr ? path_list : "/usr/bin:/bin");
  for (std::string folder; std::getline(folders, folder, ':');) {
    std::string path = folder + "/" + name;
    if (::access(path.c_str(), X_OK) == 0) return path;
  }
  throw std::runtime_error("no program " + name + " in PATH");
}

std::vector<std::string> environment(const ProcessOptions& options) {
  std::map<std::string, std::string> all;
  for (char** entry = environ; *entry != nullptr; ++entry) {
    const std::string text = *entry;
    const auto equals = text.find('=');
    if (equals != std::string::npos) all[text.substr(0, equals)] = text.substr(equals + 1);
  }
  for (const std::string& name : options.without_env) all.erase(name);
  for (const auto& [name, value] : options.env) all[name] = value;
  std::vector<std::string> out;
  out.reserve(all.size());
  for (const auto& [name, value] : all) out.push_back(name + "=" + value);
  return out;
}

class Pipe {
 public:
  Pipe() {
    if (::pipe2(ends_.data(), O_CLOEXEC) != 0) throw std::runtime_error("pipe2: " + std::string(std::strerror(errno)));
  }
  ~Pipe() {
    close_read();
    close_write();
  }
  Pipe(const Pipe&) = delete;
  Pipe& operator=(const Pipe&) = delete;
  int read_end() const { return ends_[0]; }
  int write_end() const { return ends_[1]; }
  void close_read() { close(ends_[0]); }
  void close_write() { close(ends_[1]); }

 private:
  static void close(int& end) {
    if (end >= 0) ::close(end);
    end = -1;
  }
  std::array<int, 2> ends_{-1, -1};
};

}  // namespace

struct Process::Streams {
  Pipe in, out, err;
  mutable std::mutex mutex;
  std::string out_text, err_text;
  std::thread out_reader, err_reader, in_writer;

  void read_all(int fd, std::string& into) {
    std::array<char, 4096> buffer{};
    while (true) {
      const ssize_t got = ::read(fd, buffer.data(), buffer.size());
      if (got == 0 || (got < 0 && errno != EINTR)) return;
      const std::lock_guard lock(mutex);
      if (got > 0) into.append(buffer.data(), static_cast<std::size_t>(got));
    }
  }

  void write_all(const std::string& text) {
    for (std::size_t done = 0; done < text.size();) {
      const ssize_t put = ::write(in.write_end(), text.data() + done, text.size() - done);
      if (put < 0 && errno != EINTR) break;  // it does not read its input: its affair
      if (put > 0) done += static_cast<std::size_t>(put);
    }
    in.close_write();
  }

  ~Streams() {
    for (std::thread* thread : {&out_reader, &err_reader, &in_writer}) {
      if (thread->joinable()) thread->join();
    }
  }
};

Process::Process(std::vector<std::string> args, const ProcessOptions& options)
    : streams_(std::make_unique<Streams>()), args_(std::move(args)) {
  ::signal(SIGPIPE, SIG_IGN);  // a program that ends without reading its input must not end the test
  ChildOptions child;
  child.argv = args_;
  child.argv[0] = found_in_path(args_.at(0));
  child.environment = environment(options);
  child.folder = options.folder;
  child.in = streams_->in.read_end();
  child.out = streams_->out.write_end();
  child.err = streams_->err.write_end();
  child.death_signal = SIGKILL;
  const auto started = start_child(child);
  if (!started) throw std::runtime_error(started.error().text());
  pid_ = *started;
  Streams* streams = streams_.get();
  streams->in.close_read();
  streams->out.close_write();
  streams->err.close_write();
  streams->out_reader = std::thread([streams] { streams->read_all(streams->out.read_end(), streams->out_text); });
  streams->err_reader = std::thread([streams] { streams->read_all(streams->err.read_end(), streams->err_text); });
  streams->in_writer = std::thread([streams, text = options.input] { streams->write_all(text); });
}

Process::~Process() {
  if (!code_) {
    kill(SIGKILL);
    wait(std::chrono::seconds(10));
  }
}

bool Process::running() {
  return !wait(std::chrono::milliseconds(0));
}

void Process::kill(int signal) const {
  if (!code_) ::kill(pid_, signal);
}

std::optional<int> Process::wait(std::chrono::milliseconds limit) {
  if (code_) return code_;
  const auto status = wait_child(pid_, limit);
  if (!status) return std::nullopt;
  code_ = WIFSIGNALED(*status) ? 128 + WTERMSIG(*status) : WEXITSTATUS(*status);
  // The streams end with the program, unless a grandchild holds them: then this waits for it, too.
  for (std::thread* thread : {&streams_->out_reader, &streams_->err_reader}) {
    if (thread->joinable()) thread->join();
  }
  return code_;
}

std::string Process::out() const {
  const std::lock_guard lock(streams_->mutex);
  return streams_->out_text;
}

std::string Process::err() const {
  const std::lock_guard lock(streams_->mutex);
  return streams_->err_text;
}

bool Process::wait_for_output(const std::string& text, std::chrono::milliseconds limit) {
  const auto printed = [&] { return out().find(text) != std::string::npos || err().find(text) != std::string::npos; };
  eventually([&] { return printed() || !running(); }, limit);
  return printed();
}

Output run(std::vector<std::string> args, const ProcessOptions& options, std::chrono::milliseconds limit) {
  Process process(std::move(args), options);
  auto code = process.wait(limit);
  std::string remark;
  if (!code) {
    process.kill(SIGKILL);
    code = process.wait(std::chrono::seconds(10));
    remark = "\n[killed by the test after " + std::to_string(limit.count()) + " ms]\n";
  }
  return {code.value_or(-1), process.out(), process.err() + remark};
}

bool eventually(const std::function<bool()>& condition, std::chrono::milliseconds limit) {
  const auto deadline = steady_clock::now() + limit;
  while (!condition()) {
    if (steady_clock::now() >= deadline) return false;
    std::this_thread::sleep_for(std::chrono::milliseconds(10));
  }
  return true;
}

}  // namespace pgphase::testing
