#include "phases/postgres/child_process.hpp"

#include <fcntl.h>
#include <grp.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <csignal>
#include <cstring>
#include <fstream>
#include <sstream>
#include <thread>

namespace pgphase {
namespace {

// What the child reports through a pipe that closes by itself when exec succeeds.
struct Failure {
  enum Stage : int { descriptors, folder, user, parent_gone, program } stage = descriptors;
  int number = 0;
};

std::vector<char*> pointers(const std::vector<std::string>& strings) {
  std::vector<char*> out;
  out.reserve(strings.size() + 1);
  for (const std::string& s : strings) out.push_back(const_cast<char*>(s.c_str()));
  out.push_back(nullptr);
  return out;
}

[[noreturn]] void fail(int pipe, Failure::Stage stage) {
  const Failure failure{stage, errno};
  [[maybe_unused]] const auto written = ::write(pipe, &failure, sizeof failure);
  ::_exit(127);
}

// Between fork and exec only system calls are allowed: another thread of ours may have held malloc's lock.
[[noreturn]] void become(const ChildOptions& o, char* const* argv, char* const* envp, pid_t parent, int pipe) {
  for (const int signal : {SIGINT, SIGTERM, SIGHUP, SIGPIPE, SIGQUIT, SIGCHLD, SIGUSR1, SIGUSR2}) {
    ::signal(signal, SIG_DFL);
  }
  sigset_t none;
  ::sigemptyset(&none);
  ::sigprocmask(SIG_SETMASK, &none, nullptr);
  if (o.session == ProcessSession::own) ::setsid();

  const std::array<int, 3> wanted{o.in, o.out, o.err};
  for (int target = 0; target < 3; ++target) {
    int source = wanted[static_cast<std::size_t>(target)];
    if (source < 0) source = ::open("/dev/null", O_RDWR | O_CLOEXEC);
    if (source < 0 || ::dup2(source, target) < 0) fail(pipe, Failure::descriptors);
  }
  ::close_range(3, ~0U, CLOSE_RANGE_CLOEXEC);
  if (o.keep >= 0 && ::fcntl(o.keep, F_SETFD, 0) != 0) fail(pipe, Failure::descriptors);

  if (o.user && (::setgroups(1, &o.user->gid) != 0 || ::setgid(o.user->gid) != 0 || ::setuid(o.user->uid) != 0)) {
    fail(pipe, Failure::user);
  }
  if (!o.folder.empty() && ::chdir(o.folder.c_str()) != 0) fail(pipe, Failure::folder);
  if (o.death_signal != 0) {
    // After setuid, which clears it; and a parent that died before this line will send nothing.
    ::prctl(PR_SET_PDEATHSIG, o.death_signal);
    if (::getppid() != parent) fail(pipe, Failure::parent_gone);
  }
  ::execve(argv[0], argv, envp);
  fail(pipe, Failure::program);
}

std::string describe(const Failure& failure, const ChildOptions& o) {
  const std::string why = std::strerror(failure.number);
  switch (failure.stage) {
    case Failure::folder:
      return "could not enter the folder " + o.folder + ": " + why;
    case Failure::user:
      return "could not become the user " + (o.user ? o.user->name : "?") + ": " + why;
    case Failure::parent_gone:
      return "could not start " + o.argv[0] + ": its parent is gone";
    case Failure::program:
      return "could not run " + o.argv[0] + (o.user ? " as " + o.user->name : "") + ": " + why;
    case Failure::descriptors:
      break;
  }
  return "could not start " + o.argv[0] + ": " + why;
}

}  // namespace

Result<pid_t> start_child(const ChildOptions& options) {
  const auto argv = pointers(options.argv);
  const auto envp = pointers(options.environment);
  int ends[2];
  if (::pipe2(ends, O_CLOEXEC) != 0) {
    return make_error(Errc::unreachable, std::string("could not make a pipe: ") + std::strerror(errno));
  }
  const pid_t parent = ::getpid();
  const pid_t pid = ::fork();
  if (pid == 0) become(options, argv.data(), envp.data(), parent, ends[1]);
  const int fork_errno = errno;
  ::close(ends[1]);
  if (pid < 0) {
    ::close(ends[0]);
    return make_error(Errc::unreachable, "could not start " + options.argv[0] + ": " + std::strerror(fork_errno));
  }
  Failure failure;
  ssize_t got = 0;
  do {
    got = ::read(ends[0], &failure, sizeof failure);
  } while (got < 0 && errno == EINTR);
  ::close(ends[0]);
  if (got == 0) return pid;
  ::waitpid(pid, nullptr, 0);
  return make_error(Errc::unreachable, describe(failure, options));
}

std::optional<int> wait_child(pid_t pid, std::chrono::milliseconds limit) {
  const auto deadline = std::chrono::steady_clock::now() + limit;
  while (true) {
    int status = 0;
    const pid_t got = ::waitpid(pid, &status, WNOHANG);
    if (got == pid) return status;
    if (got < 0 && errno == ECHILD) return 0;  // somebody else reaped it: gone, which is what was asked
    if (std::chrono::steady_clock::now() >= deadline) return std::nullopt;
    std::this_thread::sleep_for(std::chrono::milliseconds(5));
  }
}

std::optional<ProcessId> process_id(pid_t pid) {
  std::ifstream in("/proc/" + std::to_string(pid) + "/stat");
  std::string text;
  if (!std::getline(in, text)) return std::nullopt;
  // "pid (name) state …": the name may hold spaces and parentheses, so fields are counted from the last ')'.
  const auto name_end = text.rfind(')');
  if (name_end == std::string::npos) return std::nullopt;
  std::istringstream fields(text.substr(name_end + 1));
  std::string field;
  fields >> field;
  if (field == "Z" || field == "X") return std::nullopt;
  for (int number = 4; number < 22; ++number) fields >> field;
  ProcessId out{pid, 0};
  if (!(fields >> out.start_ticks)) return std::nullopt;
  return out;
}

bool is_running(const ProcessId& process) {
  const auto now = process_id(process.pid);
  return now && now->start_ticks == process.start_ticks;
}

}  // namespace pgphase
