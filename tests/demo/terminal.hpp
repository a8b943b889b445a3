// What the reader of the demo sees: chapters, sentences, and commands typed into terminals with what they print. The
// commands are the real binary's, run as a user runs it. One thread.
#pragma once

#include <filesystem>
#include <memory>
#include <string>
#include <vector>

#include "tests/support/process.hpp"

namespace pgphase::demo {

void print_heading(const std::string& text);
void print_line(const std::string& text = "");

// A command that runs on, in a terminal of its own.
class RunningCommand {
 public:
  RunningCommand(std::string title, std::vector<std::string> args, const testing::ProcessOptions& options);

  bool running() { return process_.running(); }
  void show_news();  // prints the lines that have come since

  // Shows the rest. Throws std::runtime_error when the exit code is another one; 0 is not told.
  void expect(int exit_code);

 private:
  std::string title_;
  testing::Process process_;
  std::size_t out_shown_ = 0, err_shown_ = 0;
};

class Terminal {
 public:
  // The project's folder, and a name where there are several terminals.
  explicit Terminal(std::filesystem::path folder, std::string name = "");

  // `line` is what follows `pgphase`, as one types it: words, and 'one argument' in single quotes.
  void type(const std::string& line, int exit_code = 0) const;
  std::unique_ptr<RunningCommand> start(const std::string& line) const;

  // A command that is not shown; it must exit with 0. Returns its stdout.
  std::string ask(const std::string& line) const;

 private:
  std::filesystem::path folder_;
  std::string name_;
};

}  // namespace pgphase::demo
