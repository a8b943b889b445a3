// When the primary had written how much WAL: turns a standby's position into time. Pure, with the caller's clock; one
// thread at a time.
//
// pg_stat_replication.replay_lag cannot do that: it is NULL where nothing was written lately, and keeps its last value
// while replay is paused. The time since the primary passed the position that the standby has reached is zero for a
// standby that has everything, and grows by a second a second for one that stands still.
#pragma once

#include <chrono>
#include <cstdint>
#include <deque>
#include <optional>

namespace pgphase {

class LsnMemory {
 public:
  using TimePoint = std::chrono::steady_clock::time_point;
  using Milliseconds = std::chrono::duration<double, std::milli>;

  // The primary's position (bytes since 0/0) at `now`. Call it about once a second, with a clock that never goes back.
  void saw(TimePoint now, std::uint64_t lsn);

  struct Lag {
    Milliseconds time{0};
    bool at_least = false;  // the standby stands before everything remembered: it may be more
  };
  // Of a standby that has replayed up to `lsn`.
  Lag lag_at(TimePoint now, std::uint64_t lsn) const;

  std::size_t size() const { return seen_.size(); }
  // Beyond that, older entries are thinned: hours of lag need no precision of a second.
  static constexpr std::size_t k_most = 2048;

 private:
  struct Seen {
    TimePoint at;
    std::uint64_t lsn;
  };
  std::deque<Seen> seen_;  // both ascending
};

}  // namespace pgphase
