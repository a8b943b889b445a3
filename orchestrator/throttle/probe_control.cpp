#include "orchestrator/throttle/probe_control.hpp"

#include <algorithm>

namespace pgphase {
namespace {

constexpr double k_gain = 0.25;
constexpr double k_most_up = 0.1;
constexpr double k_most_down = 0.5;  // of the duty
constexpr int k_sure = 10;           // two windows

}  // namespace

double ProbeControl::limit() const {
  if (limit_.times_rest <= 0) return limit_.limit;
  return rest_ ? std::max(*rest_ * limit_.times_rest, k_floor_ms) : 0;
}

void ProbeControl::step(double p95, double duty) {
  if (!rest_) rest_ = p95;
  if (hold()) {
    while_held(p95);
    return;
  }
  lower_rest(p95);
  const double ratio = p95 / std::max(limit(), 0.001);
  steer(ratio, duty);
  const double too_much = limit_.times_rest > 0 ? 1.0 : k_steady;
  at_floor_ = cap_ <= k_least && ratio > too_much ? at_floor_ + 1 : 0;
  // Slower than this is to stop. It is either far too much at any speed, or not our doing: then only stopping tells.
  if (at_floor_ >= k_patience) held_ = 1;
}

void ProbeControl::steer(double ratio, double duty) {
  // Somebody else limits the duty: a cap far above it would say nothing, and let go all at once later.
  cap_ = std::min(cap_, duty + k_most_up);
  const double missing = k_target - ratio;
  const double wanted = k_gain * missing * std::max(cap_, k_least);
  cap_ += std::clamp(wanted, -k_most_down * cap_, k_most_up);
  cap_ = std::clamp(cap_, k_least, 1.0);
}

void ProbeControl::while_held(double p95) {
  if (++held_ <= k_settle) return;
  if (limit_.times_rest > 0) {
    rest_ = std::max(*rest_, p95);
  } else if (p95 > 0.9 * limit()) {
    return;  // the service level is missed without us too; the user has said what it is
  }
  held_ = 0;
  at_floor_ = 0;
  cap_ = k_least;
}

void ProbeControl::lower_rest(double p95) {
  if (p95 >= *rest_ / 2) {
    far_below_ = 0;
    highest_of_those_ = 0;
    return;
  }
  highest_of_those_ = std::max(highest_of_those_, p95);
  if (++far_below_ < k_sure) return;
  rest_ = highest_of_those_;
  far_below_ = 0;
  highest_of_those_ = 0;
}

}  // namespace pgphase
