#include "phases/lock/retry.hpp"

#include <algorithm>

namespace pgphase {

std::optional<std::chrono::milliseconds> LockRetry::next_pause(std::chrono::milliseconds attempt) {
  using std::chrono::milliseconds;
  constexpr milliseconds k_longest{30'000};
  ++failed_;
  spent_ += attempt;
  if (failed_ >= limits_.attempts) return std::nullopt;
  const int doublings = std::min(failed_ - 1, 10);
  const auto window = std::min(limits_.pause * (1 << doublings), k_longest);
  std::uniform_int_distribution<milliseconds::rep> any(0, window.count());
  const auto pause = std::max(milliseconds(any(random_)), attempt * 3);
  if (spent_ + pause >= limits_.budget) return std::nullopt;
  spent_ += pause;
  return pause;
}

}  // namespace pgphase
