// How long the application's statements took, chapter by chapter of the story. Values; one thread at a time.
#pragma once

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <string>
#include <vector>

namespace pgphase::demo {

using Milliseconds = std::chrono::duration<double, std::milli>;

struct Waits {
  std::vector<float> finished_ms;  // of statements that ended in the chapter
  Milliseconds longest{0};         // of statements that ran in it, wherever they began and ended
  std::int64_t failed = 0;
  std::int64_t writes = 0;  // acknowledged

  void merge(const Waits& other);
  double p99_ms() const;  // 0 where nothing ended
};

struct Chapter {
  std::string name;
  Milliseconds length{0};
  Waits waits;
};

}  // namespace pgphase::demo
