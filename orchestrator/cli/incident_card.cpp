// The incident card and the progress of a backfill: see status_view.hpp.
#include <fmt/format.h>

#include <algorithm>

#include "orchestrator/cli/status_view.hpp"
#include "orchestrator/cli/step_words.hpp"
#include "orchestrator/cli/words.hpp"
#include "orchestrator/engine/derived_state.hpp"
#include "orchestrator/engine/gate.hpp"
#include "orchestrator/engine/old_code.hpp"
#include "orchestrator/engine/rollback_order.hpp"
#include "orchestrator/engine/state_machine.hpp"

namespace pgphase {
namespace {

// The phase that a rollback would undo: the latest that stands.
std::optional<Phase> latest_standing(const PlanRecord& plan) {
  for (const auto phase : {Phase::constraint, Phase::backfill, Phase::additive}) {
    if (!plan.plan[phase].steps.empty() && !leaves_no_trace(plan[phase])) return phase;
  }
  return std::nullopt;
}

// The phase that the plan stands before or in: the one half undone, else the first that is not over.
std::optional<Phase> phase_at_hand(const PlanRecord& plan) {
  for (const auto phase : k_phases) {
    if (plan[phase].state == PhaseState::rolling_back) return phase;
  }
  for (const auto phase : k_phases) {
    const auto state = plan[phase].state;
    if (state != PhaseState::done && state != PhaseState::sealed && !plan.plan[phase].steps.empty()) return phase;
  }
  return std::nullopt;
}

// The first question about a rollback that was cut short.
std::string where_old_code_is(const PlanRecord& plan) {
  const auto phase = phase_at_hand(plan);
  if (!phase || plan[*phase].state != PhaseState::rolling_back) return {};
  return keeps_old_code_out(plan, *phase) ? "; old code is not safe yet"
                                          : "; old code is safe: what is left is restoration";
}

std::string what_stands(const PlanRecord& plan) {
  std::vector<std::string> standing;
  for (const auto phase : k_phases) {
    if (plan.plan[phase].steps.empty()) continue;
    const auto& record = plan[phase];
    if (record.state == PhaseState::done || record.state == PhaseState::sealed) {
      standing.push_back(fmt::format("{} is done", to_string(phase)));
    } else if (!leaves_no_trace(record)) {
      const auto stand = std::count_if(record.steps.begin(), record.steps.end(), [](const StepRecord& step) {
        return has_effect(step) || step.state == StepState::skipped;
      });
      const auto words = record.state == PhaseState::rolling_back ? "{} is on the way back, {} of {} steps stand"
                                                                  : "{} has begun, {} of {} steps have left something";
      standing.push_back(fmt::format(fmt::runtime(words), to_string(phase), stand, record.steps.size()));
    } else if (record.state == PhaseState::rolled_back) {
      standing.push_back(fmt::format("{} is rolled back", to_string(phase)));
    } else {
      standing.push_back(fmt::format("{} has changed nothing yet", to_string(phase)));
    }
  }
  return words::joined(standing, "; ");
}

// Forward, also for a plan that stopped on its way back: the way back is the other half of the card.
void add_way_on(IncidentCard& card, const PlanRecord& plan, const LedgerView& ledger, PlanStatus status) {
  const auto& id = plan.plan.id.value;
  const auto forward = "pgphase up " + id;
  bool wait = false;
  if (status == PlanStatus::at_gate) {
    const auto phase = *phase_at_hand(plan);
    for (const auto& part : shut_by_ledger(plan, phase, ledger.requests, ledger.now)) {
      if (part.kind == "approve") {
        card.go_on.push_back(fmt::format("pgphase approve {} --phase {}", id, to_string(phase)));
      }
      wait = wait || part.kind == "wait";
    }
  }
  if (const auto* pause = pause_in_force(ledger.requests, plan.plan.id)) {
    card.go_on.push_back(pause->plan ? "pgphase resume " + id : "pgphase resume");
  }
  card.go_on.push_back(wait ? forward + " --wait" : forward);
}

void add_way_back(IncidentCard& card, const PlanRecord& plan, const LedgerView& ledger) {
  const auto phase = latest_standing(plan);
  if (!phase) {
    card.keeps.push_back("nothing has to be taken back: no phase of the plan stands");
    return;
  }
  RollbackWishes wishes;
  wishes.plan = plan.plan.id;
  wishes.phase = phase;
  if (const auto order = rollback_order(ledger, wishes); !order) {
    card.keeps.push_back(fmt::format("refused at the moment: {}. {}", order.error().message, order.error().next));
    return;
  }
  card.go_back = fmt::format("pgphase rollback {} --phase {}", plan.plan.id.value, to_string(*phase));
  const auto& steps = plan.plan[*phase].steps;
  for (std::size_t i = 0; i < steps.size() && i < plan[*phase].steps.size(); ++i) {
    if (!has_effect(plan[*phase].steps[i])) continue;
    auto keeps = what_undo_keeps(steps[i]);
    if (std::find(card.keeps.begin(), card.keeps.end(), keeps) == card.keeps.end())
      card.keeps.push_back(std::move(keeps));
  }
  if (card.keeps.empty()) card.keeps.push_back("everything: the phase has changed nothing yet");
}

// What the way back took on the branch: locks and time there are a lower bound for those here.
std::string when_rehearsed(const PlanRecord& plan, const RehearsalRecord& rehearsal) {
  if (rehearsal.split_sha256 != plan.plan.split_sha256) return {};
  const auto phase = latest_standing(plan);
  std::string line =
      fmt::format("{} {}", rehearsal.began_at, rehearsal.ok ? "with every criterion met" : "and it failed");
  for (const auto& figures : rehearsal.figures.phases) {
    if (phase == figures.phase)
      line += fmt::format("; {} rolled back in {}", to_string(*phase), in_seconds(figures.back_seconds));
  }
  double lock_ms = 0;
  for (const auto& step : rehearsal.figures.steps) lock_ms = std::max(lock_ms, step.lock_ms);
  if (lock_ms > 0) line += fmt::format("; no strong lock was held longer than {:.1f} ms", lock_ms);
  return line;
}

std::string why(const PlanRecord& plan, const LedgerView& ledger, PlanStatus status) {
  const auto phase = phase_at_hand(plan);
  const auto reason_of = [](const std::string& by, const std::string& reason) {
    return reason.empty() ? by : fmt::format("{}: {}", by, reason);
  };
  switch (status) {
    case PlanStatus::at_gate:
      return fmt::format("at the gate before {}", to_string(*phase));
    case PlanStatus::failed:
      for (const auto& step : plan[*phase].steps) {
        if (step.state == StepState::failed) return fmt::format("step {}/{} failed", to_string(*phase), step.name);
        if (step.state == StepState::undo_failed) {
          return fmt::format("undoing step {}/{} failed", to_string(*phase), step.name);
        }
      }
      return "failed";
    case PlanStatus::held:
      return "held by " + reason_of(plan.hold_by, plan.hold_reason);
    case PlanStatus::rolled_back:
      return plan.held ? "rolled back and held by " + reason_of(plan.hold_by, plan.hold_reason) : "rolled back";
    case PlanStatus::paused:
      if (const auto* pause = pause_in_force(ledger.requests, plan.plan.id)) {
        return "paused by " + reason_of(pause->by, pause->reason);
      }
      return "paused";
    case PlanStatus::interrupted:
      return "interrupted: by a signal, a deadline or the end of its process";
    default:
      return to_string(status);
  }
}

}  // namespace

std::optional<IncidentCard> incident_card(const PlanRecord& plan, const LedgerView& ledger,
                                          const std::map<PlanId, RehearsalRecord>& rehearsals) {
  const auto status = status_of(plan, ledger);
  switch (status) {
    case PlanStatus::pending:
    case PlanStatus::running:
    case PlanStatus::rolling_back:
    case PlanStatus::done:
      return std::nullopt;
    default:
      break;
  }
  IncidentCard card;
  card.now = fmt::format("{}; {}{}", why(plan, ledger, status), what_stands(plan), where_old_code_is(plan));
  add_way_on(card, plan, ledger, status);
  add_way_back(card, plan, ledger);
  if (const auto found = rehearsals.find(plan.plan.id); found != rehearsals.end()) {
    card.rehearsed = when_rehearsed(plan, found->second);
  }
  return card;
}

std::optional<BackfillProgress> progress_of(const PlanRecord& plan, const LedgerView& ledger) {
  if (plan.backfills.empty()) return std::nullopt;
  const auto status = status_of(plan, Phase::backfill, ledger);
  std::size_t steps = 0;
  for (const auto& step : plan.plan[Phase::backfill].steps) steps += std::holds_alternative<BackfillBody>(step.body);

  BackfillProgress progress;
  bool total_known = plan.backfills.size() == steps;  // how large one is shows when it begins
  bool over = status == PhaseStatus::done || status == PhaseStatus::sealed;
  std::int64_t total = 0, pages_done = 0, pages_total = 0, running_rows = 0;
  double running_seconds = 0, left = 0;
  bool left_known = true;
  for (const auto& backfill : plan.backfills) {
    const bool done = over || backfill.stage == "done";
    progress.rows_done += backfill.rows_done;
    progress.bad_rows += backfill.bad_rows;
    total += done ? backfill.rows_done : std::max(backfill.rows_estimate, backfill.rows_done);
    total_known = total_known && (done || backfill.rows_estimate > 0);
    pages_total += backfill.pages_total;
    pages_done += done ? backfill.pages_total : backfill.pages_done;
    if (done) continue;
    running_rows += backfill.rows_done;
    running_seconds += backfill.seconds;
    if (status == PhaseStatus::running) {
      progress.chosen = backfill.chosen;
      progress.slowed_by = backfill.slowed_by;
    }
    if (backfill.pages_done > 0) {
      left += backfill.seconds * static_cast<double>(backfill.pages_total - backfill.pages_done) /
              static_cast<double>(backfill.pages_done);
    } else {
      left_known = false;
    }
  }
  over = over || (total_known && std::all_of(plan.backfills.begin(), plan.backfills.end(),
                                             [](const BackfillRecord& backfill) { return backfill.stage == "done"; }));
  if (total_known) progress.rows_total = total;
  if (pages_total > 0) progress.share = static_cast<double>(pages_done) / static_cast<double>(pages_total);
  if (over) {
    progress.share = 1;
    progress.eta_seconds = 0;
    const auto& phase = plan[Phase::backfill];
    if (phase.started_at && phase.finished_at && *phase.finished_at > *phase.started_at) {
      const std::chrono::duration<double> took = *phase.finished_at - *phase.started_at;
      progress.rows_per_second = static_cast<double>(progress.rows_done) / took.count();
    }
  } else if (status != PhaseStatus::running) {
    progress.rows_per_second = 0;  // nobody works on it: the time left is anybody's guess
  } else {
    if (running_seconds > 0) progress.rows_per_second = static_cast<double>(running_rows) / running_seconds;
    if (left_known && total_known) progress.eta_seconds = left;
  }
  return progress;
}

}  // namespace pgphase
