#include "orchestrator/throttle/latency_window.hpp"

#include <algorithm>
#include <vector>

namespace pgphase {

void LatencyWindow::add(TimePoint now, double ms) {
  while (!seen_.empty() && seen_.front().at <= now - k_length) seen_.pop_front();
  seen_.push_back({now, ms});
}

std::optional<double> LatencyWindow::p95(TimePoint now) const {
  std::vector<double> recent;
  for (const Seen& one : seen_) {
    if (one.at > now - k_length) recent.push_back(one.ms);
  }
  if (recent.size() < k_fewest) return std::nullopt;
  const std::size_t rank = (recent.size() * 95 + 99) / 100;  // ceil(0.95 n), from 1
  std::nth_element(recent.begin(), recent.begin() + static_cast<std::ptrdiff_t>(rank - 1), recent.end());
  return recent[rank - 1];
}

}  // namespace pgphase
