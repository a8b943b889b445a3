// The procedure, on a branch: for each phase of a plan forward, back and forward again, then the plan as a whole, and
// after each move the catalogue and the rows compared with what they were. Blocking; one thread.
#pragma once

#include <functional>

#include "orchestrator/rehearsal/killer.hpp"
#include "orchestrator/rehearsal/report.hpp"
#include "orchestrator/rehearsal/stage.hpp"

namespace pgphase {

struct ProcedureWishes {
  int seed_rows = 100;                           // for tables that have none; 0: leaves them empty
  bool every_step = false;                       // stop after each step in turn
  std::optional<Killer> killer;                  // kill a process in the middle of each backfill
  std::optional<std::uint64_t> writers;          // applications write meanwhile; the seed of their choices
  std::function<void(const std::string&)> tell;  // what is being done, a line now and then
};

// Leaves the plan applied, for those that follow. What is wrong with the plan is in the report; an Error is about the
// branch or the connection, and an interruption.
Result<RehearsedPlan> rehearse_plan(Stage& stage, const PhasedPlan& plan, const ProcedureWishes& wishes);

}  // namespace pgphase
