// Steers the duty so that the probe's p95 stays at its limit: what the database can spare is used, and no more. Pure;
// no clock: step() is called once a second. One thread at a time.
//
// The p95 follows the duty after seconds, because it is taken over a window, and it is noisy: fifty samples give it to
// a fifth or so. So each step goes a part of the way, in proportion to what is missing and to the duty at hand. A limit
// in multiples of the value at rest is found out and corrected here too: traffic changes, and what was rest in the
// morning is not rest at noon.
#pragma once

#include <optional>

#include "phases/throttle/signal.hpp"

namespace pgphase {

class ProbeControl {
 public:
  explicit ProbeControl(const SignalLimit& limit) : limit_(limit) {}

  // The p95 while nothing of ours ran, in milliseconds. Without it, the first value counts as such.
  void at_rest(double ms) { rest_ = ms; }

  // One second has passed, with this p95 and under this duty.
  void step(double p95, double duty);

  double cap() const { return cap_; }  // the most that the duty may be
  bool hold() const { return held_ > 0; }
  double limit() const;  // in milliseconds; 0 while it is not known
  std::optional<double> rest() const { return limit_.times_rest > 0 ? rest_ : std::nullopt; }

  static constexpr double k_least = 0.05;   // as slow as it gets without stopping
  static constexpr double k_target = 0.95;  // of the limit
  static constexpr double k_floor_ms = 5;   // a limit by multiples is never below: noise must not slow anything
  static constexpr double k_steady = 1.2;   // so much of the limit is tolerated before it stops
  static constexpr int k_patience = 10;     // steps at k_least before it stops
  static constexpr int k_settle = 6;        // steps stopped before the p95 is taken for one at rest

 private:
  void steer(double ratio, double duty);
  void while_held(double p95);
  void lower_rest(double p95);

  SignalLimit limit_;
  std::optional<double> rest_;
  double cap_ = 1;
  int at_floor_ = 0;   // steps in a row
  int held_ = 0;       // likewise
  int far_below_ = 0;  // steps in a row with a p95 below half of what was taken for rest
  double highest_of_those_ = 0;
};

}  // namespace pgphase
