// Starting a program as a child process: with the rights of another user, and bound to our own life if wanted.
//
// Blocking and meant for short use before the event loop exists (the private server) and in tests. Any thread may
// call it, but a death signal follows the *thread* that started the child: start such children on a thread that
// lives as long as they should.
#pragma once

#include <sys/types.h>

#include <chrono>
#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "plans/base/result.hpp"

namespace pgphase {

struct User {
  uid_t uid = 0;
  gid_t gid = 0;
  std::string name;
};

enum class ProcessSession {
  shared,  // the terminal's Ctrl-C reaches the child too
  own,     // setsid(): only we signal it
};

struct ChildOptions {
  std::vector<std::string> argv;         // argv[0] is the program's path; PATH is not searched
  std::vector<std::string> environment;  // "NAME=value", all of it
  std::string folder;                    // working folder; empty: ours
  int in = -1, out = -1, err = -1;       // file descriptors; -1: /dev/null
  int keep = -1;                         // one more descriptor that stays open in the child; all others are closed
  std::optional<User> user;              // whose rights the program gets; only root can do that
  int death_signal = 0;                  // sent to the child when we die, however we die; 0: it outlives us
  ProcessSession session = ProcessSession::own;
};

// The child's pid, once the program really runs: a failing exec is an error here, not an exit code later.
Result<pid_t> start_child(const ChildOptions& options);

// The child's status as waitpid() gives it, or nothing when it still runs at the deadline.
std::optional<int> wait_child(pid_t pid, std::chrono::milliseconds limit);

// A process named for good: a pid alone may be taken by another program later.
struct ProcessId {
  pid_t pid = 0;
  std::uint64_t start_ticks = 0;  // /proc/<pid>/stat, field 22
};
std::optional<ProcessId> process_id(pid_t pid);  // nothing: no such process, or only its zombie is left
bool is_running(const ProcessId& process);

}  // namespace pgphase
