// Which plans a run works on and in which order: what the folder holds against what the ledger knows. Pure.
#pragma once

#include <optional>
#include <vector>

#include "phases/ledger/records.hpp"
#include "plans/phased_plan.hpp"

namespace pgphase {

struct AgendaItem {
  PlanId id;
  const PhasedPlan* record = nullptr;  // to be written to the ledger before it runs: new, or edited and accepted
};

struct AgendaWishes {
  std::optional<PlanId> only;  // `up PLAN`
  bool accept_edit = false;    // take an edited text for steps that have not run
};

// In the order in which they run: plans that the ledger knows and the folder does not, then the folder's order. Finished
// ones are left out, and, unless named, those of which nothing stands and whose file is gone. `folder` must outlive the result. Errors: a plan edited after it started (plan_rejected, says what
// differs), a plan that is not known, a required plan that is not done (refused).
Result<std::vector<AgendaItem>> make_agenda(const std::vector<PhasedPlan>& folder, const LedgerView& ledger,
                                            const AgendaWishes& wishes);

// Something of the plan has happened and was not rolled back.
bool has_started(const PlanRecord& plan);
bool is_finished(const PlanRecord& plan);
// Only the constraint phase is left: later plans may pass, unless they build on it.
bool only_constraint_left(const PlanRecord& plan);

// `later` requires `earlier`, or touches one of its tables.
bool builds_on(const PhasedPlan& later, const PhasedPlan& earlier);

}  // namespace pgphase
