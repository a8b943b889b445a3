// From readings to speed: how much of the time a backfill may work, or that it must wait, and why. Pure, with the
// caller's clock; one thread at a time. docs/design/throttle.md tells the rules and why they are these.
//
// The worst signal decides. Up to 60 % of its limit a signal says nothing; from there the duty it allows falls evenly
// to nothing at the limit, where the backfill is held until the signal is back at 90 %. The duty itself follows that:
// up by at most 0.1 a second, down to half of itself within one. The probe is not a level but a consequence of the
// duty: probe_control.hpp steers it.
#pragma once

#include <chrono>
#include <string>
#include <vector>

#include "orchestrator/throttle/probe_control.hpp"
#include "phases/throttle/signal.hpp"

namespace pgphase {

struct SignalView {
  Signal signal = Signal::custom;
  std::optional<double> value;  // nothing: not read yet, or unreadable
  double limit = 0;
  std::string words;  // "replica standby1 replays 12.3 s behind", "cannot be read, because …"
};

struct Verdict {
  double duty = 1;                  // of the time that a worker may work; 0 when held
  bool hold = false;                // begin nothing now, and ask again soon
  bool first_look = false;          // it holds only because not every signal has been read yet: a matter of milliseconds
  std::string why;                  // "replica_lag 12.3 s, limit 10 s"; empty: nothing slows it down
  std::vector<SignalView> signals;  // those that are on
};

class Governor {
 public:
  using TimePoint = std::chrono::steady_clock::time_point;

  Governor(const ThrottleLimits& limits, TimePoint now);

  // Of a signal that is not on: ignored.
  void see(const Reading& reading, TimePoint now);
  // The probe's p95 before any work began, in milliseconds.
  void see_at_rest(double p95);

  // Moves the duty by the time that has passed. Until every signal has been read once, or k_first has passed, it says
  // hold: nobody begins in the dark.
  Verdict verdict(TimePoint now);

  static constexpr std::chrono::seconds k_first{2};
  // A value counts so long when the next readings fail: one timeout on a busy server is neither a reason to stop nor
  // one to go faster. Then WhenUnreadable decides.
  static constexpr std::chrono::seconds k_stale{5};
  static constexpr std::chrono::seconds k_step{1};
  static constexpr double k_ease_from = 0.6;   // of the limit
  static constexpr double k_release_at = 0.9;  // of the limit
  static constexpr double k_up = 0.1;          // a step
  static constexpr double k_down = 0.5;        // of the duty, a step
  static constexpr double k_least = ProbeControl::k_least;

 private:
  struct State {
    std::optional<double> value;
    TimePoint value_at;
    bool failed = false;  // the last reading
    bool read = false;    // at least once, with whatever outcome
    bool held = false;
    std::string words;
  };
  struct Opinion {
    std::optional<Signal> signal;  // whose it is
    double cap = 1;
    bool hold = false;
    bool steady = false;  // an old value: not a reason to go faster
    std::string why;
  };

  State& state(Signal signal) { return states_[static_cast<std::size_t>(signal)]; }
  bool fresh(const State& state, TimePoint now) const { return state.value && now - state.value_at <= k_stale; }
  Opinion opinion(Signal signal, TimePoint now);
  Opinion opinion_of_probe(const State& probe) const;
  Opinion worst(TimePoint now);
  void step(const Opinion& opinion, TimePoint now);
  std::string not_read_yet(TimePoint now);

  ThrottleLimits limits_;
  ProbeControl probe_;
  std::array<State, k_signals.size()> states_;
  TimePoint begun_, stepped_;
  double duty_ = 1;
  bool moved_ = false;                // the first step goes all the way
  std::optional<Signal> last_cause_;  // for the time in which the duty recovers
};

// How long a worker pauses after `worked`, so that it works `duty` of the time. Held: how soon to ask again.
std::chrono::milliseconds pause_after(std::chrono::milliseconds worked, const Verdict& verdict);

}  // namespace pgphase
