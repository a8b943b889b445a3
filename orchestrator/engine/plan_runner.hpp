// One plan forward: asks the state machine, does what it says, reads the ledger again. It reads as the story of a run.
// io_context's thread only.
#pragma once

#include <boost/asio/awaitable.hpp>
#include <optional>

#include "orchestrator/engine/plan_work.hpp"

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

boost::asio::awaitable<Result<PlanStop>> run_plan(RunContext& run, PlanId id, ForwardWishes wishes);

}  // namespace pgphase
