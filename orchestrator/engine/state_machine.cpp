#include "orchestrator/engine/state_machine.hpp"

#include <algorithm>

namespace pgphase {
namespace {

bool finished(StepState state) { return state == StepState::done || state == StepState::skipped; }

// An intent counts too: an undo outside a transaction was begun, and may have happened although no part is recorded.
bool half_undone(const StepRecord& step) {
  return (step.state == StepState::undoing || step.state == StepState::undo_failed) &&
         (step.undo_part > 0 || !step.intent.empty());
}

NextAction stop(Phase phase, StopReason reason) { return {Verb::stop, phase, 0, reason}; }

bool pauses(const RequestRecord& request, const PlanId& plan) {
  return request.kind == RequestKind::pause && (!request.plan || *request.plan == plan);
}

NextAction forward_within(const PhaseRecord& record, Phase phase) {
  for (std::size_t i = 0; i < record.steps.size(); ++i) {
    // Some of its undo statements have run: only the rest of them leads back to a state that is known.
    if (half_undone(record.steps[i])) return {Verb::undo_step, phase, i};
    if (!finished(record.steps[i].state)) return {Verb::run_step, phase, i};
  }
  return {Verb::finish_phase, phase};
}

}  // namespace

const RequestRecord* pause_in_force(const std::vector<RequestRecord>& requests, const PlanId& plan) {
  for (const auto& request : requests) {
    if (pauses(request, plan)) return &request;
  }
  return nullptr;
}

std::optional<ServerTime> gate_reached_at(const PlanRecord& plan, Phase phase) {
  if (phase == Phase::additive) return plan.started_at;
  const auto& before = plan[static_cast<Phase>(static_cast<int>(phase) - 1)];
  if (before.state != PhaseState::done && before.state != PhaseState::sealed) return std::nullopt;
  return before.finished_at;
}

const RequestRecord* approval_in_force(const std::vector<RequestRecord>& requests, const PlanRecord& plan, Phase phase) {
  const auto reached = gate_reached_at(plan, phase);
  if (!reached) return nullptr;
  for (const auto& request : requests) {
    if (request.kind == RequestKind::approve && request.plan == plan.plan.id && request.phase == phase &&
        request.split_sha256 == plan.plan.split_sha256 && request.generation == plan.generation &&
        request.requested_at >= *reached) {
      return &request;
    }
  }
  return nullptr;
}

bool leaves_no_trace(const PhaseRecord& phase) {
  return phase.state == PhaseState::pending || phase.state == PhaseState::rolled_back;
}

NextAction next_forward(const PlanRecord& plan, const std::vector<RequestRecord>& requests, const ForwardLimits& limits) {
  for (const auto phase : k_phases) {
    const auto& record = plan[phase];
    if (record.state == PhaseState::done || record.state == PhaseState::sealed) continue;
    if (limits.through && phase > *limits.through) return stop(phase, StopReason::through);
    if (plan.held && !limits.lift_hold) return stop(phase, StopReason::held);
    if (pause_in_force(requests, plan.plan.id)) return stop(phase, StopReason::paused);
    switch (record.state) {
      case PhaseState::pending:
      case PhaseState::rolled_back:
      case PhaseState::rolling_back:  // half undone: forward again is a new decision, so the gate is asked again
        if (plan.plan[phase].steps.empty()) return {Verb::finish_phase, phase};
        return {plan.plan[phase].gate.always_open() ? Verb::start_phase : Verb::pass_gate, phase};
      case PhaseState::running: return forward_within(record, phase);
      case PhaseState::done:
      case PhaseState::sealed: break;
    }
  }
  if (!plan.finished_at) return {Verb::finish_plan, Phase::constraint};
  return stop(Phase::constraint, StopReason::done);
}

NextAction next_back(const PlanRecord& plan, Phase phase, const std::vector<RequestRecord>& requests,
                 ServerTime begun_at) {
  const auto& record = plan[phase];
  if (record.state == PhaseState::sealed) return stop(phase, StopReason::sealed);
  if (leaves_no_trace(record)) return stop(phase, StopReason::done);
  for (const auto& request : requests) {
    if (pauses(request, plan.plan.id) && request.requested_at > begun_at) return stop(phase, StopReason::paused);
  }
  if (record.state != PhaseState::rolling_back) return {Verb::start_undo, phase};
  for (std::size_t i = record.steps.size(); i-- > 0;) {
    const auto state = record.steps[i].state;
    const bool nothing_to_undo = state == StepState::pending || state == StepState::undone || state == StepState::skipped;
    if (!nothing_to_undo) return {Verb::undo_step, phase, i};
  }
  return {Verb::finish_undo, phase};
}

}  // namespace pgphase
