// The latencies of the last seconds and their 95th percentile. Pure, with the caller's clock; one thread at a time.
#pragma once

#include <chrono>
#include <deque>
#include <optional>

namespace pgphase {

class LatencyWindow {
 public:
  using TimePoint = std::chrono::steady_clock::time_point;

  // Fifty probes in it: a shorter one jumps, a longer one tells of what the duty was before the last change.
  static constexpr std::chrono::seconds k_length{5};
  // Three, so that a server that takes a second for each still counts as slow and not as silent.
  static constexpr std::size_t k_fewest = 3;

  void add(TimePoint now, double ms);
  void clear() { seen_.clear(); }

  // In milliseconds, by nearest rank; nothing with fewer than k_fewest in the window.
  std::optional<double> p95(TimePoint now) const;

 private:
  struct Seen {
    TimePoint at;
    double ms;
  };
  std::deque<Seen> seen_;
};

}  // namespace pgphase
