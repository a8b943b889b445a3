#include "orchestrator/cli/wait_rule.hpp"

#include <fmt/format.h>

#include "orchestrator/engine/derived_state.hpp"

namespace pgphase {
namespace {

std::string failure(const PlanRecord& plan) {
  for (const auto phase : k_phases) {
    for (const auto& step : plan[phase].steps) {
      if (step.state == StepState::failed || step.state == StepState::undo_failed) {
        return fmt::format("{}: {} {}/{} failed: {}", plan.plan.id.value,
                           step.state == StepState::failed ? "step" : "undoing step", to_string(phase), step.name,
                           step.error);
      }
    }
  }
  return plan.plan.id.value + " failed";
}

}  // namespace

WaitVerdict wait_verdict(const LedgerView& ledger, const PlanId& id, Phase phase) {
  const auto* plan = ledger.find(id);
  if (!plan) return {std::nullopt, to_string(PhaseStatus::pending), ""};
  const auto status = status_of(*plan, phase, ledger);
  const auto end = [&](ExitCode exit, std::string why) { return WaitVerdict{exit, to_string(status), std::move(why)}; };
  if (status == PhaseStatus::done || status == PhaseStatus::sealed) {
    return end(ExitCode::done, fmt::format("{} {} is done", id.value, to_string(phase)));
  }
  // Whoever runs `up` again after a failure is at work until that step has begun anew.
  const bool somebody_works = ledger.lease && ledger.lease->live;
  if (status_of(*plan, ledger) == PlanStatus::failed && !somebody_works)
    return end(ExitCode::step_failed, failure(*plan));
  if (plan->held) {
    return end(ExitCode::paused, fmt::format("{} is held by {}: {}", id.value, plan->hold_by, plan->hold_reason));
  }
  return {std::nullopt, to_string(status), ""};
}

}  // namespace pgphase
