// Where a run tells what it does, one sentence at a time. The console prints it; tests collect it. Called on the
// io_context's thread only; must not block.
#pragma once

#include <string>

namespace pgphase {

class Reporter {
 public:
  virtual ~Reporter() = default;
  virtual void say(const std::string& line) = 0;    // what a person wants to read
  virtual void warn(const std::string& line) = 0;   // somebody is in the way, something was retried
  virtual void progress(const std::string& line) = 0;  // replaces the line before, on a terminal; else now and then
};

}  // namespace pgphase
