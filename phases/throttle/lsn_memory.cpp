#include "phases/throttle/lsn_memory.hpp"

#include <algorithm>

namespace pgphase {

void LsnMemory::saw(TimePoint now, std::uint64_t lsn) {
  // A failover may have brought us to a server whose WAL is shorter: what was remembered says nothing about it.
  if (!seen_.empty() && lsn < seen_.back().lsn) seen_.clear();
  if (seen_.size() >= 2 && seen_.back().lsn == lsn && seen_[seen_.size() - 2].lsn == lsn) {
    seen_.back().at = now;  // nothing was written in between: the first and the last such moment are enough
    return;
  }
  seen_.push_back({now, lsn});
  if (seen_.size() <= k_most) return;
  std::deque<Seen> thinned;
  const std::size_t half = seen_.size() / 2;
  for (std::size_t i = 0; i < seen_.size(); ++i) {
    if (i >= half || i % 2 == 0) thinned.push_back(seen_[i]);
  }
  seen_.swap(thinned);
}

LsnMemory::Lag LsnMemory::lag_at(TimePoint now, std::uint64_t lsn) const {
  if (seen_.empty() || lsn >= seen_.back().lsn) return {};
  const auto after = std::find_if(seen_.begin(), seen_.end(), [lsn](const Seen& seen) { return seen.lsn > lsn; });
  if (after == seen_.begin()) return {now - after->at, true};
  // WAL is taken to have been written evenly in between: a healthy standby is a few bytes behind, and not a second.
  const auto before = std::prev(after);
  const double part = static_cast<double>(lsn - before->lsn) / static_cast<double>(after->lsn - before->lsn);
  const Milliseconds since_before = now - before->at;
  return {since_before - Milliseconds(after->at - before->at) * part, false};
}

}  // namespace pgphase
