// One plan forward, or phases of it back: asks the state machine, does what it says, reads the ledger again. It reads
// as the story of a run. io_context's thread only.
#pragma once

#include <boost/asio/awaitable.hpp>
#include <vector>

#include "orchestrator/engine/gate.hpp"
#include "orchestrator/engine/run_context.hpp"
#include "orchestrator/engine/state_machine.hpp"
#include "phases/catalogue/snapshot.hpp"

namespace pgphase {

enum class AtClosedGate {
  stop,
  wait,
  pass,  // on a branch, where nobody approves anything: gates are not even looked at
};

struct ForwardWishes {
  ForwardLimits limits;
  AtClosedGate closed = AtClosedGate::stop;  // wait: for gates to open and pauses to be lifted
  bool approve = false;                      // give this plan's approvals as its gates are reached
  // For rehearsals, both end with StopReason::interrupted:
  std::optional<std::size_t> most_steps = {};  // stop after so many
  std::optional<StepKey> fail_after = {};      // this step does its work and is then recorded as failed
};

// Why a plan is not worked on any further.
struct PlanStop {
  StopReason reason = StopReason::done;
  Phase phase = Phase::additive;
  std::vector<ShutPart> shut;  // at_gate
  std::string why;             // paused, held: who and why
  std::string lifted_by;       // paused: the command that ends it
};

boost::asio::awaitable<Result<PlanStop>> run_plan(RunContext& run, PlanId id, ForwardWishes wishes);

// The phase must be the latest that stands. Leaves a hold on the plan and voids its approvals first of all.
boost::asio::awaitable<Result<PlanStop>> undo_phase(RunContext& run, PlanId id, Phase phase, std::string reason);

// What `drift` will compare with, to be kept in the transaction that records what was done. An error has been told as a
// warning: it must not fail the run.
boost::asio::awaitable<Result<Snapshot>> see_catalogue(RunContext& run);

// Runs `body` in a transaction under the fence. `label` names its failpoints.
boost::asio::awaitable<Result<void>> write_ledger(RunContext& run, std::string label,
                                                  std::function<Result<void>(Session&)> body);

}  // namespace pgphase
