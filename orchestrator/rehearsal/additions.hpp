// What a phase adds that an application could write to, read off the plan's steps. Pure; any thread.
#pragma once

#include <set>
#include <string>
#include <utility>
#include <vector>

#include "plans/phased_plan.hpp"

namespace pgphase {

struct Additions {
  std::vector<TableName> tables;
  std::vector<std::pair<TableName, std::string>> columns;  // of tables that were there before
};

Additions additions_of(const PhasedPlan& plan, Phase phase);

// Columns whose values a rollback of the backfill leaves as they are: it has no undo of the author's, and says that it
// needs none because the plan has added them.
std::set<std::pair<TableName, std::string>> kept_by_rollback(const PhasedPlan& plan);

// Why the phase cannot be rolled back, as its author says; empty: it can.
std::string irreversible(const PhasedPlan& plan, Phase phase);

}  // namespace pgphase
