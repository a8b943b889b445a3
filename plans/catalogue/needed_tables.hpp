// Which tables have to be in the database before plans run: what can be told from their texts. Pure; any thread.
#pragma once

#include <string>
#include <vector>

#include "plans/phased_plan.hpp"

namespace pgphase {

struct NeededTable {
  TableName table;
  PlanId plan;
  Phase phase = Phase::additive;
  std::string step;  // the first that needs it
  int line = 0;      // of that step, in the plan's file
};

// `in_order`: all plans that are to run, in the order in which they do. A table that one of them creates is needed by
// none behind it. Errs on the side of silence: behind a statement whose effects are not known, which may create, rename
// or move any table, nothing is said.
std::vector<NeededTable> needed_tables(const std::vector<const PhasedPlan*>& in_order);

}  // namespace pgphase
