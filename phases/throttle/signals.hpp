// All signals but the probe, by name: what reads each of them, and what must be remembered from one reading to the
// next. Blocking; same threading as the Session.
#pragma once

#include "phases/postgres/session.hpp"
#include "phases/throttle/replica_lag.hpp"
#include "phases/throttle/signal.hpp"

namespace pgphase {

class Signals {
 public:
  explicit Signals(const ThrottleLimits& limits) : limits_(limits) {}

  // The signals that are on, in the order in which to read them; the probe is not among them.
  std::vector<Signal> wanted() const;

  // Whatever goes wrong is an unreadable signal, never an exception. Each query is bounded by the session's statement
  // timeout: give the session a short one. Leaves no transaction open.
  Reading read(Session& session, Signal signal, const AtWork& at_work, std::chrono::steady_clock::time_point now);

 private:
  Reading dispatch(Session& session, Signal signal, const AtWork& at_work, std::chrono::steady_clock::time_point now);

  ThrottleLimits limits_;
  ReplicaLag replica_lag_;
};

}  // namespace pgphase
