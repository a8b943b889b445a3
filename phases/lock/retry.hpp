// When to try for a lock again, and when to give up. Pure: no clock, no sleep; the random source is given.
#pragma once

#include <chrono>
#include <optional>
#include <random>

#include "phases/lock/attempt.hpp"

namespace pgphase {

class LockRetry {
 public:
  LockRetry(const LockLimits& limits, std::uint64_t seed) : limits_(limits), random_(seed) {}

  // After a failed attempt that took `attempt`: how long to leave everybody else alone, or nothing when attempts or
  // budget are used up. Full jitter over a window that doubles up to 30 s, never below three times the attempt, so that
  // whoever queued behind us gets through (AWS Architecture Blog, "Exponential Backoff And Jitter", gives the formula).
  std::optional<std::chrono::milliseconds> next_pause(std::chrono::milliseconds attempt);

  int failed() const { return failed_; }
  std::chrono::milliseconds spent() const { return spent_; }

 private:
  LockLimits limits_;
  std::mt19937_64 random_;
  int failed_ = 0;
  std::chrono::milliseconds spent_{0};
};

}  // namespace pgphase
