#include "phases/postgres/password_command.hpp"

#include "plans/base/units.hpp"

#include <fcntl.h>
#include <fmt/format.h>
#include <poll.h>
#include <signal.h>
#include <spawn.h>
#include <sys/wait.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <cstring>
#include <optional>

namespace pgphase {
namespace {

using Clock = std::chrono::steady_clock;

// A password is a line, a token a few kilobytes. More is a command that prints something else.
constexpr std::size_t k_max_output = 64 * 1024;
// How often the child's end is looked for. A daemon that it leaves behind may hold the pipe open, so that the end of
// the output is not the end of the command.
constexpr int k_poll_ms = 10;

struct Pipe {
  std::array<int, 2> fds{-1, -1};
  Pipe() = default;
  Pipe(const Pipe&) = delete;
  Pipe& operator=(const Pipe&) = delete;
  ~Pipe() {
    close_end(0);
    close_end(1);
  }
  void close_end(std::size_t end) {
    if (fds[end] >= 0) ::close(fds[end]);
    fds[end] = -1;
  }
};

Error failed(const std::string& command, const std::string& what) {
  return make_error(
      Errc::unreachable, fmt::format("password_command {}: {}", command, what),
      "No connection was tried. Run the command by hand to see what it says: its output is not shown here.");
}

// posix_spawn and not fork: other threads of this process may hold locks at this moment.
std::optional<int> spawn(const std::vector<std::string>& argv, int stdout_fd, pid_t& pid) {
  std::vector<char*> args;
  for (const std::string& arg : argv) args.push_back(const_cast<char*>(arg.c_str()));
  args.push_back(nullptr);

  posix_spawn_file_actions_t files;
  posix_spawn_file_actions_init(&files);
  posix_spawn_file_actions_addopen(&files, STDIN_FILENO, "/dev/null", O_RDONLY, 0);
  posix_spawn_file_actions_adddup2(&files, stdout_fd, STDOUT_FILENO);
  posix_spawn_file_actions_addopen(&files, STDERR_FILENO, "/dev/null", O_WRONLY, 0);

  // Signals as a program expects them, whatever this thread blocks; a process group of its own, to be killed as one.
  posix_spawnattr_t attributes;
  posix_spawnattr_init(&attributes);
  sigset_t none;
  sigset_t defaults;
  sigemptyset(&none);
  sigemptyset(&defaults);
  for (const int signal : {SIGINT, SIGTERM, SIGPIPE, SIGHUP, SIGCHLD}) sigaddset(&defaults, signal);
  posix_spawnattr_setsigmask(&attributes, &none);
  posix_spawnattr_setsigdefault(&attributes, &defaults);
  posix_spawnattr_setpgroup(&attributes, 0);
  posix_spawnattr_setflags(&attributes, POSIX_SPAWN_SETSIGMASK | POSIX_SPAWN_SETSIGDEF | POSIX_SPAWN_SETPGROUP);

  const int error = posix_spawnp(&pid, args[0], &files, &attributes, args.data(), environ);
  posix_spawnattr_destroy(&attributes);
  posix_spawn_file_actions_destroy(&files);
  return error == 0 ? std::nullopt : std::optional(error);
}

// Appends what can be read now; false at the end of the output.
bool read_available(int fd, std::string& output) {
  std::array<char, 4096> buffer{};
  while (output.size() <= k_max_output) {
    const ssize_t count = ::read(fd, buffer.data(), buffer.size());
    if (count > 0) {
      output.append(buffer.data(), static_cast<std::size_t>(count));
    } else if (count == 0) {
      return false;
    } else if (errno != EINTR) {
      return errno == EAGAIN;
    }
  }
  return true;
}

// Nothing when the child had to be killed: out of time, or it prints without end.
std::optional<int> wait_for_end(pid_t pid, int fd, Clock::time_point deadline, std::string& output) {
  bool open = true;
  while (true) {
    pollfd waiting{open ? fd : -1, POLLIN, 0};
    ::poll(&waiting, 1, k_poll_ms);
    if (open) open = read_available(fd, output);
    int status = 0;
    if (::waitpid(pid, &status, WNOHANG) == pid) {
      if (open) read_available(fd, output);  // written between our read and its end
      return status;
    }
    if (Clock::now() >= deadline || output.size() > k_max_output) {
      ::kill(-pid, SIGKILL);
      ::kill(pid, SIGKILL);  // in case it left its group
      ::waitpid(pid, &status, 0);
      return std::nullopt;
    }
  }
}

}  // namespace

Result<std::string> run_password_command(const std::vector<std::string>& argv, std::chrono::milliseconds deadline) {
  if (argv.empty() || argv[0].empty()) return make_error(Errc::usage, "password_command names no command");
  const Clock::time_point until = Clock::now() + deadline;

  Pipe out;
  if (::pipe2(out.fds.data(), O_CLOEXEC) != 0) return failed(argv[0], fmt::format("no pipe: {}", std::strerror(errno)));
  ::fcntl(out.fds[0], F_SETFL, O_NONBLOCK);
  pid_t pid = -1;
  if (const auto error = spawn(argv, out.fds[1], pid)) {
    return failed(argv[0], fmt::format("cannot be started: {}", std::strerror(*error)));
  }
  out.close_end(1);

  std::string output;
  const std::optional<int> status = wait_for_end(pid, out.fds[0], until, output);
  if (output.size() > k_max_output) return failed(argv[0], "printed more than 64 KiB, which is no password");
  if (!status) return failed(argv[0], fmt::format("did not end within {}, and was killed", format_duration(deadline)));
  if (WIFSIGNALED(*status)) return failed(argv[0], fmt::format("was ended by signal {}", WTERMSIG(*status)));
  if (WEXITSTATUS(*status) != 0) return failed(argv[0], fmt::format("failed with exit code {}", WEXITSTATUS(*status)));

  std::string password = output.substr(0, output.find('\n'));
  if (password.ends_with('\r')) password.pop_back();
  if (password.empty()) return failed(argv[0], "printed no password on the first line of its output");
  if (password.find('\0') != std::string::npos) return failed(argv[0], "printed a zero byte");
  return password;
}

}  // namespace pgphase
