#include "orchestrator/engine/agenda.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <map>
#include <set>

#include "orchestrator/engine/state_machine.hpp"
#include "plans/catalogue/catalogue.hpp"
#include "plans/sql/quote.hpp"
#include "plans/split/phased_plan_json.hpp"

namespace pgphase {
namespace {

// By the hash of a plan that holds nothing else: it leaves out lines and layout.
bool same_step(const Step& a, const Step& b) {
  const auto hash = [](const Step& step) {
    PhasedPlan alone;
    alone[Phase::additive].steps.push_back(step);
    return split_hash(alone);
  };
  return hash(a) == hash(b);
}

// The name of a finished step that the new text changes or drops; empty: every finished step is as it was.
std::string finished_step_changed(const PlanRecord& started, const PhasedPlan& edited) {
  for (const auto phase : k_phases) {
    const auto& old_steps = started.plan[phase].steps;
    for (std::size_t i = 0; i < old_steps.size(); ++i) {
      const auto state = started[phase].steps.at(i).state;
      if (state == StepState::pending || state == StepState::undone) continue;
      const bool untouched = state == StepState::failed && started[phase].steps[i].part == 0;
      if (untouched) continue;
      const auto& steps = edited[phase].steps;
      const auto same = std::find_if(steps.begin(), steps.end(), [&](const Step& step) {
        return step.name == old_steps[i].name && same_step(step, old_steps[i]);
      });
      if (same == steps.end()) return fmt::format("{}/{}", to_string(phase), old_steps[i].name);
    }
  }
  return {};
}

// A step that was undone, and whose work is there all the same, with its table: carrying out another text would do the
// work twice, and passing over it would leave the edit undone. One that is no longer in the text is nobody's.
const Step* edited_where_it_stays(const PlanRecord& started, const PhasedPlan& edited) {
  for (const auto phase : k_phases) {
    const auto& old_steps = started.plan[phase].steps;
    for (std::size_t i = 0; i < old_steps.size(); ++i) {
      const auto* sql = std::get_if<SqlBody>(&old_steps[i].body);
      if (!sql || !sql->stays_with || !started[phase].steps.at(i).kept) continue;
      for (const Step& step : edited[phase].steps) {
        if (step.name == old_steps[i].name && !same_step(step, old_steps[i])) return &old_steps[i];
      }
    }
  }
  return nullptr;
}

Error edited_after_start(const PlanRecord& started, const PhasedPlan& edited, const std::string& why_not) {
  const auto& id = started.plan.id.value;
  return make_error(
      Errc::plan_rejected,
      fmt::format("{}.toml was edited after the plan started: {}", id, plan_differs(started.plan.text, edited.text)),
      why_not.empty()
          ? fmt::format("Nothing was changed. Take the edit back and write a new plan, or, for steps that have not run, "
                        "`pgphase up {} --accept-edit`.", id)
          : why_not);
}

// The plan's text has changed: whether it can be taken.
Result<bool> takes_new_text(const PlanRecord& started, const PhasedPlan& edited, bool accept) {
  if (started.plan.split_sha256 == edited.split_sha256) return false;
  if (const auto* step = edited_where_it_stays(started, edited)) {
    const auto table = display_name(*std::get<SqlBody>(step->body).stays_with);
    return edited_after_start(
        started, edited,
        fmt::format("Nothing was changed. The rollback has left what the step \"{0}\" did with {1}, and {1} comes back with "
                    "it: take the edit back, and write what is to be different as a step behind it. Where {1} was purged, "
                    "give the step another name.",
                    step->name, table));
  }
  if (!has_started(started)) return true;
  if (is_finished(started) || !accept) return edited_after_start(started, edited, "");
  const auto changed = finished_step_changed(started, edited);
  if (changed.empty()) return true;
  return edited_after_start(started, edited,
                            fmt::format("Nothing was changed. Step {} has run: it cannot be edited any more. Take that "
                                        "part back, or roll its phase back first.", changed));
}

Result<void> requirements_are_done(const PhasedPlan& plan, const LedgerView& ledger) {
  for (const auto& required : plan.requires_plans) {
    const auto* record = ledger.find(required);
    if (record && is_finished(*record)) continue;
    return make_error(Errc::refused,
                      fmt::format("{} requires {}, which is not done", plan.id.value, required.value),
                      fmt::format("Nothing was changed. Run `pgphase up {}` first, or `pgphase up` for all in order.",
                                  required.value));
  }
  return {};
}

}  // namespace

bool has_started(const PlanRecord& plan) {
  for (const auto phase : k_phases) {
    if (plan.plan[phase].steps.empty()) continue;
    if (!leaves_no_trace(plan[phase])) return true;
  }
  return false;
}

bool is_finished(const PlanRecord& plan) { return plan.finished_at.has_value(); }

bool only_constraint_left(const PlanRecord& plan) {
  const auto over = [&](Phase phase) {
    return plan[phase].state == PhaseState::done || plan[phase].state == PhaseState::sealed;
  };
  return over(Phase::additive) && over(Phase::backfill) && leaves_no_trace(plan[Phase::constraint]);
}

bool builds_on(const PhasedPlan& later, const PhasedPlan& earlier) {
  if (std::find(later.requires_plans.begin(), later.requires_plans.end(), earlier.id) != later.requires_plans.end()) {
    return true;
  }
  const auto tables = touched_tables(earlier);
  const auto mine = touched_tables(later);
  return std::any_of(mine.begin(), mine.end(), [&](const TableName& table) { return tables.contains(table); });
}

Result<std::vector<AgendaItem>> make_agenda(const std::vector<PhasedPlan>& folder, const LedgerView& ledger,
                                            const AgendaWishes& wishes) {
  std::vector<AgendaItem> agenda;
  std::set<PlanId> in_folder;
  for (const auto& plan : folder) in_folder.insert(plan.id);
  for (const auto& record : ledger.plans) {
    if (in_folder.contains(record.plan.id) || is_finished(record)) continue;
    // Rolled back and its file deleted: given up. Only who names it wants it again.
    const bool wanted = wishes.only ? *wishes.only == record.plan.id : has_started(record);
    if (wanted) agenda.push_back({record.plan.id, nullptr});
  }
  for (const auto& plan : folder) {
    const auto* record = ledger.find(plan.id);
    const bool wanted = !wishes.only || *wishes.only == plan.id;
    bool take = !record;
    if (record) {
      auto takes = takes_new_text(*record, plan, wishes.accept_edit && wanted);
      if (!takes) return takes.error();
      take = *takes;
    }
    if (!wanted || (record && is_finished(*record))) continue;
    if (wishes.only) {
      if (auto done = requirements_are_done(plan, ledger); !done) return done.error();
    }
    agenda.push_back({plan.id, take ? &plan : nullptr});
  }
  if (wishes.only && agenda.empty() && !in_folder.contains(*wishes.only) && !ledger.find(*wishes.only)) {
    return make_error(Errc::refused, fmt::format("there is no plan {}", wishes.only->value),
                      "Nothing was changed. `pgphase status` lists the plans that are known.");
  }
  return agenda;
}

}  // namespace pgphase
