// What a rollback has to undo, in which order, and what stands in its way. Pure.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "phases/ledger/records.hpp"

namespace pgphase {

struct RollbackWishes {
  std::optional<PlanId> plan;   // `rollback PLAN`
  std::optional<Phase> phase;   // only this phase of it
  int last = 0;                 // `rollback -N`: the last N plans
  bool with_later = false;      // later phases and plans that build on it, too
};

struct PhaseToUndo {
  PlanId plan;
  Phase phase = Phase::additive;
  bool operator==(const PhaseToUndo&) const = default;
};

// Latest first. Empty: nothing of it stands. Errc::refused names the later phases and plans that stand in the way, a
// sealed phase, or a step that says it is irreversible and has run.
Result<std::vector<PhaseToUndo>> rollback_order(const LedgerView& ledger, const RollbackWishes& wishes);

// Something of the step happened and has not been taken back.
bool has_effect(const StepRecord& step);

}  // namespace pgphase
