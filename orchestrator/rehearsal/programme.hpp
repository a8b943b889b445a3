// Which plans of the folder a rehearsal is about. Pure; any thread.
#pragma once

#include <set>
#include <string>
#include <vector>

#include "phases/ledger/records.hpp"
#include "plans/phased_plan.hpp"

namespace pgphase {

// The plans to rehearse, and those that have to be applied before one of them. Points into the folder.
struct Programme {
  std::vector<const PhasedPlan*> in_order;
  std::set<PlanId> rehearsed;
};

// `wanted` empty: all that the ledger does not call applied. Errc::refused for a plan that is applied, or that is not
// in the folder.
Result<Programme> programme(const std::vector<PhasedPlan>& folder, const std::vector<PlanId>& wanted,
                            const LedgerView& ledger);

// A step of those plans, forward or back, that changes what all databases of the server share ("003_a additive/role");
// empty: none does.
std::string reaches_beyond_the_database(const std::vector<PhasedPlan>& folder, const std::vector<PlanId>& wanted);

}  // namespace pgphase
