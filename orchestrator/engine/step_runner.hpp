// Carries one step out, or back: attempts and the pauses between them, batches and the looks for a stop between them.
// The doing is in phases/; this paces it. io_context's thread only.
#pragma once

#include <boost/asio/awaitable.hpp>
#include <functional>

#include "orchestrator/engine/run_context.hpp"
#include "orchestrator/engine/state_machine.hpp"

namespace pgphase {

enum class StepOutcome { done, stopped, failed_as_wished };
// Called when a part of a step is committed and more of it is to come.
using PartDone = std::function<boost::asio::awaitable<Result<void>>()>;

enum class StepEnding {
  its_own,
  failure,  // does its work, and then fails as if its verification had: for rehearsals
};

// On an Error the ledger says `failed` (or `undo_failed`) with the reason, unless the connection is gone.
boost::asio::awaitable<Result<StepOutcome>> run_step(RunContext& run, const PlanRecord& plan, Phase phase,
                                                     std::size_t index, StepEnding ending = StepEnding::its_own);
boost::asio::awaitable<Result<StepOutcome>> undo_step(RunContext& run, const PlanRecord& plan, Phase phase,
                                                      std::size_t index, const PartDone& part_done);

// The first undo statement that has something to undo, for a step of which `done` of `forward` statements took effect
// (docs/plans.md, "rollback"). Pure.
std::size_t first_undo_statement(std::size_t forward, std::size_t undo, std::size_t done);

}  // namespace pgphase
