// Limits of the throttle for the tests: one signal on, all others off.
#pragma once

#include "phases/throttle/signal.hpp"

namespace pgphase::testing {

inline ThrottleLimits limits_with(Signal signal, double limit, WhenUnreadable unreadable = WhenUnreadable::go_on) {
  ThrottleLimits out;
  out[signal].on = true;
  out[signal].limit = limit;
  out[signal].unreadable = unreadable;
  return out;
}

// The probe's limit, in multiples of its value at rest.
inline ThrottleLimits probe_times_rest(double times) {
  ThrottleLimits out = limits_with(Signal::probe_p95, 0);
  out[Signal::probe_p95].times_rest = times;
  return out;
}

}  // namespace pgphase::testing
