#include "orchestrator/engine/rollback_order.hpp"

#include <fmt/chrono.h>
#include <fmt/format.h>

#include <algorithm>

#include "orchestrator/engine/agenda.hpp"
#include "orchestrator/engine/state_machine.hpp"

namespace pgphase {
namespace {

using Order = std::vector<PhaseToUndo>;

bool stands(const PlanRecord& plan, Phase phase) { return !leaves_no_trace(plan[phase]); }

bool has_steps(const PlanRecord& plan, Phase phase) { return !plan.plan[phase].steps.empty(); }

// A rollback that was cut short among phases without steps has nothing of the plan left to undo, and is to be ended all
// the same: a rollback leaves a hold first of all.
bool has_something_to_undo(const PlanRecord& plan) {
  const auto any_stands = [&plan] {
    return std::any_of(std::begin(k_phases), std::end(k_phases), [&plan](Phase phase) { return stands(plan, phase); });
  };
  return has_started(plan) || (plan.held && any_stands());
}

// All that stands of the plan, latest first, down to `from`.
void add_phases(const PlanRecord& plan, Phase from, Order& order) {
  for (int i = 2; i >= static_cast<int>(from); --i) {
    const auto phase = static_cast<Phase>(i);
    if (stands(plan, phase)) order.push_back({plan.plan.id, phase});
  }
}

// Later plans that have started and build on this one, directly or through each other; latest first.
std::vector<const PlanRecord*> built_on(const LedgerView& ledger, const PlanRecord& base) {
  std::vector<const PlanRecord*> found;
  for (const auto& later : ledger.plans) {
    if (later.position <= base.position || !has_started(later)) continue;
    const bool on_base = builds_on(later.plan, base.plan);
    const bool on_found = std::any_of(found.begin(), found.end(),
                                      [&](const PlanRecord* earlier) { return builds_on(later.plan, earlier->plan); });
    if (on_base || on_found) found.push_back(&later);
  }
  std::reverse(found.begin(), found.end());
  return found;
}

Error in_the_way(const std::string& what, const std::vector<std::string>& obstacles, const std::string& again) {
  std::string all;
  for (const auto& obstacle : obstacles) all += (all.empty() ? "" : ", ") + obstacle;
  return make_error(Errc::refused, fmt::format("{} cannot be rolled back while this stands on it: {}", what, all),
                    fmt::format("Nothing was changed. Roll those back first, or all together: {} --with-later", again));
}

Error sealed(const PlanRecord& plan, Phase phase) {
  const auto& record = plan[phase];
  const auto who = record.sealed_by.empty() ? std::string("somebody") : record.sealed_by;
  const auto when = record.sealed_at ? fmt::format(" at {:%Y-%m-%dT%H:%M:%S}Z", std::chrono::floor<std::chrono::seconds>(*record.sealed_at)) : "";
  const auto what = record.sealed_what.empty() ? std::string("what it had retired") : record.sealed_what;
  return make_error(
      Errc::refused,
      fmt::format("phase {} of {} is sealed: {} purged {}{}", to_string(phase), plan.plan.id.value, who, what, when),
      "Nothing was changed. What was dropped is in your backups only. A new plan can make the objects again, empty, and "
      "fill them from what the tables hold now (`pgphase new`); code of the old schema has to wait for that.");
}

// As one word of a shell's.
std::string for_a_shell(const std::string& text) {
  std::string out = "'";
  for (const char c : text) out += c == '\'' ? std::string("'\\''") : std::string(1, c);
  return out + "'";
}

Result<void> can_be_undone(const LedgerView& ledger, const Order& order) {
  for (const auto& [id, phase] : order) {
    const auto& plan = *ledger.find(id);
    if (plan[phase].state == PhaseState::sealed) {
      return sealed(plan, phase);
    }
    for (std::size_t i = 0; i < plan[phase].steps.size(); ++i) {
      const auto& step = plan.plan[phase].steps[i];
      if (!step.irreversible || !has_effect(plan[phase].steps[i])) continue;
      return make_error(
          Errc::refused,
          fmt::format("{} {}/{} has run and is irreversible: {}", id.value, to_string(phase), step.name, *step.irreversible),
          fmt::format("Nothing was changed. To leave it as it is and roll back the rest: pgphase step {} {} --skip "
                      "--reason …", id.value, for_a_shell(fmt::format("{}/{}", to_string(phase), step.name))));
    }
  }
  return {};
}

}  // namespace

bool has_effect(const StepRecord& step) {
  switch (step.state) {
    case StepState::pending:
    case StepState::undone:
    case StepState::skipped: return false;
    case StepState::failed: return step.part > 0 || step.rows > 0 || !step.intent.empty();
    default: return true;
  }
}

Result<std::vector<PhaseToUndo>> rollback_order(const LedgerView& ledger, const RollbackWishes& wishes) {
  Order order;
  if (wishes.last > 0) {
    int left = wishes.last;
    for (auto plan = ledger.plans.rbegin(); plan != ledger.plans.rend() && left > 0; ++plan) {
      if (!has_something_to_undo(*plan)) continue;
      add_phases(*plan, Phase::additive, order);
      --left;
    }
    PGPHASE_CHECK(can_be_undone(ledger, order));
    return order;
  }

  const auto* plan = ledger.find(*wishes.plan);
  if (!plan) {
    return make_error(Errc::refused, fmt::format("{} was never started on this database", wishes.plan->value),
                      "Nothing was changed. `pgphase status` shows what was.");
  }
  const auto from = wishes.phase.value_or(Phase::additive);
  const auto what = wishes.phase ? fmt::format("phase {} of {}", to_string(from), plan->plan.id.value) : plan->plan.id.value;
  if (!has_something_to_undo(*plan) || (wishes.phase && !stands(*plan, from))) return order;

  std::vector<std::string> obstacles;
  const auto later_plans = built_on(ledger, *plan);
  for (const auto* later : later_plans) obstacles.push_back("plan " + later->plan.id.value);
  if (wishes.phase) {
    for (int i = static_cast<int>(from) + 1; i <= 2; ++i) {
      const auto phase = static_cast<Phase>(i);
      if (stands(*plan, phase) && has_steps(*plan, phase)) obstacles.push_back(fmt::format("phase {}", to_string(phase)));
    }
  }
  if (!obstacles.empty() && !wishes.with_later) {
    return in_the_way(what, obstacles,
                      fmt::format("pgphase rollback {}{}", plan->plan.id.value,
                                  wishes.phase ? fmt::format(" --phase {}", to_string(from)) : ""));
  }
  for (const auto* later : later_plans) add_phases(*later, Phase::additive, order);
  add_phases(*plan, from, order);
  PGPHASE_CHECK(can_be_undone(ledger, order));
  return order;
}

}  // namespace pgphase
