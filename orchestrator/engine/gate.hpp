// Whether a gate is open. Approval and soak time are decided from the ledger, purely; check and window ask the server,
// command runs a program. Everything in the gate must hold. io_context's thread only.
#pragma once

#include <boost/asio/awaitable.hpp>
#include <string>
#include <vector>

#include "orchestrator/engine/run_context.hpp"
#include "phases/ledger/records.hpp"

namespace pgphase {

struct ShutPart {
  std::string kind;  // approve, wait, check, command, window
  std::string why;   // in words: "opens in 12 min", "nobody has approved it: pgphase approve …"
};

// What keeps the gate shut as far as the ledger alone can tell: approve and wait. Pure.
std::vector<ShutPart> shut_by_ledger(const PlanRecord& plan, Phase phase, const std::vector<RequestRecord>& requests,
                                     ServerTime now);

// All of it. Empty: open. `check` and `window` run on the lease's session, `command` as a child process that is ended
// after 60 s or when the run is asked to stop; neither runs while a cheaper part is shut.
boost::asio::awaitable<Result<std::vector<ShutPart>>> shut_parts(RunContext& run, const PlanRecord& plan, Phase phase,
                                                                 const std::vector<RequestRecord>& requests,
                                                                 ServerTime now);

}  // namespace pgphase
