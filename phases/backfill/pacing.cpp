#include "phases/backfill/pacing.hpp"

#include <algorithm>
#include <cmath>

namespace pgphase {
namespace {

constexpr double k_overshoot = 5.0;
constexpr double k_growth = 1.5;
constexpr double k_easing = 0.5;  // the most that a batch which was only somewhat too long takes away

std::int64_t within_bounds(double pages) {
  const double bounded = std::clamp(pages, 1.0, static_cast<double>(Pacing::k_most_pages));
  return static_cast<std::int64_t>(std::floor(bounded));
}

}  // namespace

void Pacing::took(std::int64_t pages, Duration elapsed) {
  const double now = static_cast<double>(pages_);
  const double ideal = static_cast<double>(pages) * target_.count() / std::max(elapsed.count(), 0.001);
  if (elapsed > target_ * k_overshoot) {
    pages_ = within_bounds(std::min(ideal, now));
    return;
  }
  // The last window of a chunk may be a few pages: what it cost is mostly the transaction itself.
  if (pages * 2 < pages_ && elapsed <= target_) return;
  // From one page, 1.5 pages would round down to one for ever.
  const double most = std::max(now * k_growth, now + 1);
  pages_ = within_bounds(std::clamp(ideal, now * k_easing, most));
}

void Pacing::timed_out() {
  pages_ = within_bounds(static_cast<double>(pages_) / k_overshoot);
}

}  // namespace pgphase
