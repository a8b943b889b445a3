// What a person or a program reads. stdout carries the answer: sentences, or with --json one object and nothing else.
// stderr carries logs, warnings and progress. One thread.
#pragma once

#include <boost/json/object.hpp>
#include <string>

#include "orchestrator/cli/exit_code.hpp"
#include "orchestrator/engine/reporter.hpp"

namespace pgphase {

class Console final : public Reporter {
 public:
  explicit Console(bool json);
  ~Console() override;

  bool json() const { return json_; }
  bool colour() const { return colour_; }  // stdout is a terminal, and NO_COLOR is not set

  // Answers. With --json they go to stderr as log lines: the object is the answer.
  void say(const std::string& line) override;
  void warn(const std::string& line) override;
  void progress(const std::string& line) override;

  void object(const boost::json::object& answer);  // with --json: the one object
  ExitCode fail(const Error& error);               // tells it in the form that is wanted; returns its exit code

 private:
  void end_progress();
  bool json_;
  bool colour_;
  bool progress_on_terminal_;
  bool progress_shown_ = false;
};

}  // namespace pgphase
