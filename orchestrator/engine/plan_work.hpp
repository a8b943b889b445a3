// What the ways forward and back of a plan have in common: reading and writing the ledger between two steps, and why a
// plan is not worked on any further. io_context's thread only.
#pragma once

#include <boost/asio/awaitable.hpp>
#include <functional>
#include <optional>
#include <string>
#include <vector>

#include "orchestrator/engine/gate.hpp"
#include "orchestrator/engine/run_context.hpp"
#include "orchestrator/engine/state_machine.hpp"
#include "phases/catalogue/snapshot.hpp"

namespace pgphase {

// Why a plan is not worked on any further.
struct PlanStop {
  StopReason reason = StopReason::done;
  Phase phase = Phase::additive;
  std::vector<ShutPart> shut;  // at_gate
  std::string why;             // paused, held: who and why
  std::string lifted_by;       // paused: the command that ends it
};

boost::asio::awaitable<Result<LedgerView>> read_view(RunContext& run);

// Runs `body` in a transaction under the fence. `label` names its failpoints.
boost::asio::awaitable<Result<void>> write_ledger(RunContext& run, std::string label,
                                                  std::function<Result<void>(Session&)> body);

StepKey phase_key(const PlanId& plan, Phase phase);  // of what concerns the phase as a whole

std::string why_paused(const LedgerView& ledger, const PlanId& id);
PlanStop paused_at(Phase phase, const LedgerView& ledger, const PlanId& id);

// The plan stops because somebody or something asked for it: what to tell and to record.
boost::asio::awaitable<Result<PlanStop>> stopped(RunContext& run, const PlanId& id, Phase phase);

// What `drift` will compare with, to be kept in the transaction that records what was done. An error has been told as a
// warning: it must not fail the run.
boost::asio::awaitable<Result<Snapshot>> see_catalogue(RunContext& run);

// The same behind a phase. Of one without steps nothing is kept: it has changed nothing, and what others have changed
// must not be forgotten.
boost::asio::awaitable<std::optional<Result<Snapshot>>> see_result(RunContext& run, const PlanRecord& plan,
                                                                   Phase phase);

}  // namespace pgphase
