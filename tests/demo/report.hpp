// The reckoning at the end of the demo: what each phase did, and what the application noticed of it.
#pragma once

#include <string>
#include <vector>

#include "tests/demo/application.hpp"
#include "tests/demo/write_log.hpp"

namespace pgphase::demo {

// "1,234 statements of the application, the longest waited 5.6 ms, none failed"
std::string in_words(const Chapter& chapter);

// `history` is what `pgphase history PLAN --json` printed.
void print_phases(const std::string& history);

struct Outcome {
  std::int64_t failed = 0;
  std::int64_t wrong = 0;
};

// The application must have been stopped.
Outcome print_reckoning(const Application& application, const Comparison& comparison);

}  // namespace pgphase::demo
