// Programs under test: started, watched, killed. One thread at a time per object.
//
// A child dies with the thread that started it, so a test that is killed leaves no program behind.
#pragma once

#include <sys/types.h>

#include <chrono>
#include <csignal>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <vector>

namespace pgphase::testing {

struct ProcessOptions {
  std::map<std::string, std::string> env;  // added to ours
  std::vector<std::string> without_env;    // taken from ours
  std::string folder;                      // working folder; empty: ours
  std::string input;                       // what it reads on stdin
};

struct Output {
  int code = -1;  // exit code, or 128 + the signal that ended it
  std::string out;
  std::string err;
};

class Process {
 public:
  // args[0] is a path, or a name looked up in PATH. Throws std::runtime_error when it cannot be run.
  explicit Process(std::vector<std::string> args, const ProcessOptions& options = {});
  ~Process();  // SIGKILL, if it still runs
  Process(const Process&) = delete;
  Process& operator=(const Process&) = delete;

  pid_t pid() const { return pid_; }
  bool running();
  void kill(int signal) const;

  // The exit code, or nothing when it still runs at the deadline.
  std::optional<int> wait(std::chrono::milliseconds limit);

  // What it has printed so far; complete after wait() returned a code.
  std::string out() const;
  std::string err() const;

  // True as soon as `text` was printed on either stream; false at the deadline or when it ended without.
  bool wait_for_output(const std::string& text, std::chrono::milliseconds limit);

 private:
  struct Streams;
  std::unique_ptr<Streams> streams_;
  std::vector<std::string> args_;
  pid_t pid_ = -1;
  std::optional<int> code_;
};

// Runs a program to its end. Killed at the deadline: code 128 + 9, and err says so.
Output run(std::vector<std::string> args, const ProcessOptions& options = {},
           std::chrono::milliseconds limit = std::chrono::seconds(120));

// True as soon as `condition` holds, tried every 10 ms; false at the deadline.
bool eventually(const std::function<bool()>& condition, std::chrono::milliseconds limit = std::chrono::seconds(20));

}  // namespace pgphase::testing
