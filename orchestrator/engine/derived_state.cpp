#include "orchestrator/engine/derived_state.hpp"

#include <algorithm>

#include "orchestrator/engine/state_machine.hpp"

namespace pgphase {
namespace {

bool somebody_works(const LedgerView& ledger) {
  return ledger.lease && ledger.lease->live;
}

bool any_step(const PhaseRecord& phase, StepState state) {
  return std::any_of(phase.steps.begin(), phase.steps.end(),
                     [state](const StepRecord& step) { return step.state == state; });
}

bool is_over(PhaseState state) {
  return state == PhaseState::done || state == PhaseState::sealed;
}

// The first phase that is not over: the one that the next `up` works on. Nothing when all are.
std::optional<Phase> phase_at_hand(const PlanRecord& plan) {
  for (const auto phase : k_phases) {
    if (!is_over(plan[phase].state) && !plan.plan[phase].steps.empty()) return phase;
  }
  return std::nullopt;
}

bool at_its_gate(const PlanRecord& plan, Phase phase) {
  return leaves_no_trace(plan[phase]) && !plan.plan[phase].gate.always_open() && phase_at_hand(plan) == phase &&
         gate_reached_at(plan, phase).has_value();
}

// Something was rolled back, and nothing of the plan is left.
bool is_rolled_back(const PlanRecord& plan) {
  bool any = false;
  for (const auto phase : k_phases) {
    if (plan.plan[phase].steps.empty()) continue;
    if (!leaves_no_trace(plan[phase])) return false;
    any = any || plan[phase].state == PhaseState::rolled_back;
  }
  return any;
}

PlanStatus plan_status(PhaseStatus phase) {
  switch (phase) {
    case PhaseStatus::waiting:
      return PlanStatus::at_gate;
    case PhaseStatus::running:
      return PlanStatus::running;
    case PhaseStatus::paused:
      return PlanStatus::paused;
    case PhaseStatus::interrupted:
      return PlanStatus::interrupted;
    case PhaseStatus::failed:
      return PlanStatus::failed;
    case PhaseStatus::rolling_back:
      return PlanStatus::rolling_back;
    case PhaseStatus::pending:
    case PhaseStatus::done:
    case PhaseStatus::rolled_back:
    case PhaseStatus::sealed:
      return PlanStatus::pending;
  }
  return PlanStatus::pending;
}

}  // namespace

const char* to_string(PlanStatus status) {
  switch (status) {
    case PlanStatus::pending:
      return "pending";
    case PlanStatus::running:
      return "running";
    case PlanStatus::at_gate:
      return "at_gate";
    case PlanStatus::paused:
      return "paused";
    case PlanStatus::held:
      return "held";
    case PlanStatus::interrupted:
      return "interrupted";
    case PlanStatus::failed:
      return "failed";
    case PlanStatus::done:
      return "done";
    case PlanStatus::rolling_back:
      return "rolling_back";
    case PlanStatus::rolled_back:
      return "rolled_back";
  }
  return "?";
}

const char* to_string(PhaseStatus status) {
  switch (status) {
    case PhaseStatus::pending:
      return "pending";
    case PhaseStatus::waiting:
      return "waiting";
    case PhaseStatus::running:
      return "running";
    case PhaseStatus::paused:
      return "paused";
    case PhaseStatus::interrupted:
      return "interrupted";
    case PhaseStatus::failed:
      return "failed";
    case PhaseStatus::done:
      return "done";
    case PhaseStatus::rolling_back:
      return "rolling_back";
    case PhaseStatus::rolled_back:
      return "rolled_back";
    case PhaseStatus::sealed:
      return "sealed";
  }
  return "?";
}

PhaseStatus status_of(const PlanRecord& plan, Phase phase, const LedgerView& ledger) {
  const auto& record = plan[phase];
  const bool paused = pause_in_force(ledger.requests, plan.plan.id) != nullptr;
  switch (record.state) {
    case PhaseState::done:
      return PhaseStatus::done;
    case PhaseState::sealed:
      return PhaseStatus::sealed;
    case PhaseState::rolled_back:
      // Once the hold is lifted it is a phase like any other that waits to begin.
      return !plan.held && at_its_gate(plan, phase) ? PhaseStatus::waiting : PhaseStatus::rolled_back;
    case PhaseState::pending:
      return at_its_gate(plan, phase) ? PhaseStatus::waiting : PhaseStatus::pending;
    case PhaseState::running:
      if (any_step(record, StepState::failed)) return PhaseStatus::failed;
      // A run that waits for the pause to be lifted keeps the lease: the pause is what people need to know.
      if (paused) return PhaseStatus::paused;
      return somebody_works(ledger) ? PhaseStatus::running : PhaseStatus::interrupted;
    case PhaseState::rolling_back:
      if (any_step(record, StepState::undo_failed)) return PhaseStatus::failed;
      // A pause that is older than the rollback does not stop it.
      if (somebody_works(ledger)) return PhaseStatus::rolling_back;
      return paused ? PhaseStatus::paused : PhaseStatus::interrupted;
  }
  return PhaseStatus::pending;
}

PlanStatus status_of(const PlanRecord& plan, const LedgerView& ledger) {
  if (plan.finished_at) return PlanStatus::done;
  // The phase that a rollback left half way counts before those that were to come.
  for (const auto phase : k_phases) {
    if (plan[phase].state == PhaseState::rolling_back) return plan_status(status_of(plan, phase, ledger));
  }
  if (is_rolled_back(plan)) return PlanStatus::rolled_back;
  const auto at_hand = phase_at_hand(plan);
  const auto phase = at_hand ? status_of(plan, *at_hand, ledger) : PhaseStatus::pending;
  if (phase == PhaseStatus::failed || phase == PhaseStatus::running) return plan_status(phase);
  if (plan.held) return PlanStatus::held;
  if (pause_in_force(ledger.requests, plan.plan.id)) return PlanStatus::paused;
  if (at_hand && at_its_gate(plan, *at_hand)) return PlanStatus::at_gate;
  if (phase == PhaseStatus::interrupted || plan.interrupted) return PlanStatus::interrupted;
  return PlanStatus::pending;
}

}  // namespace pgphase
