// What may stop a run: people's requests, signals, the deadline, a lost lease. The runner looks between increments; the
// supervisor and the signal handler write. Only on the io_context's thread.
#pragma once

#include <chrono>
#include <functional>
#include <optional>
#include <string>
#include <vector>

#include "orchestrator/engine/state_machine.hpp"
#include "phases/ledger/records.hpp"

namespace pgphase {

class Control {
 public:
  // What the supervisor has read last.
  std::vector<RequestRecord> requests;
  std::optional<Error> lease_error;  // the lease is not ours any more, or its connection is gone
  int signals = 0;                   // SIGINT and SIGTERM received
  std::optional<std::chrono::steady_clock::time_point> deadline;
  bool finished = false;             // the run is over: the supervisor may end
  std::function<void()> wake;        // ends the supervisor's sleep; set while it lives
  PlanId plan;                       // the one at work
  // A step's own statement is under way. Only that is ever cancelled: what the run records must come through.
  bool step_in_flight = false;
  bool cancel_in_flight = false;  // asked of the server and not answered yet
  ServerTime stops_count_from = ServerTime::min();  // a `stop` was meant for whoever held the lease when it was given
  ServerTime pauses_count_from = ServerTime::min();  // a rollback goes on under a pause that is older than itself

  // Why the work must stop after the increment in flight; nothing: go on.
  std::optional<StopReason> reason_to_stop() const;

  // True when the statement that runs must be cancelled, not waited for.
  bool cancel_wanted() const;

 private:
  bool concerns_us(const RequestRecord& request) const;
};

}  // namespace pgphase
