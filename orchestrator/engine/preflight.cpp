#include "orchestrator/engine/preflight.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <set>

#include "phases/catalogue/existence.hpp"
#include "phases/foresight/expected.hpp"
#include "phases/foresight/foresight.hpp"
#include "phases/ledger/ledger.hpp"
#include "plans/catalogue/needed_tables.hpp"
#include "plans/sql/quote.hpp"
#include "plans/toml/diagnostic.hpp"

namespace pgphase {
namespace {

Diagnostic missing(const NeededTable& needed, const std::filesystem::path& plans_folder) {
  Diagnostic found;
  found.file = (plans_folder / (needed.plan.value + ".toml")).string();
  found.line = needed.line;
  found.column = 1;
  found.message = fmt::format("{}/{} needs the table {}, which the database does not have", to_string(needed.phase),
                              needed.step, display_name(needed.table));
  found.suggestion = "nothing was changed; check the name (schema.table outside of public) and which database this is";
  return found;
}

}  // namespace

Result<void> look_at_steps(Session& session, const PhasedPlan& plan, const std::vector<Expectation>& expected,
                           HarmForesight& harms, std::vector<std::string>& warnings) {
  std::string all;
  bool by_rule = false;
  PGPHASE_TRY(harm, harms(session, plan));
  for (const auto phase : k_phases) {
    for (std::size_t i = 0; i < plan[phase].steps.size(); ++i) {
      const Step& step = plan[phase].steps[i];
      const auto where = fmt::format("{}/{}", to_string(phase), step.name);
      for (const auto& one : expected) {
        if (one.plan != plan.id || one.phase != phase || one.step != i) continue;
        PGPHASE_TRY(sentence, unmet(session, one, step));
        if (!sentence.empty()) all += fmt::format("\n  {}: {}", where, sentence);
      }
      PGPHASE_TRY(found, foresee(session, plan.id, step));
      by_rule = add_to(found, harm, phase, i) || by_rule;
      for (const auto& obstacle : found.obstacles) all += fmt::format("\n  {}: {}", where, obstacle);
      for (const auto& warning : found.warnings)
        warnings.push_back(fmt::format("{} {}: {}", plan.id.value, where, warning));
    }
  }
  if (all.empty()) return {};
  std::string next =
      "Nothing was changed. Correct the plan, or take away what is named first, by a plan of its own or by hand.";
  if (by_rule) next += " What is meant so, of the rules in brackets, a step says with allow = { RULE = \"why\" }.";
  return make_error(Errc::refused, fmt::format("{} cannot be carried out in this database:{}", plan.id.value, all),
                    std::move(next));
}

Result<std::vector<std::string>> preflight(Session& session, const std::vector<PhasedPlan>& plans,
                                           const AgendaWishes& wishes, const std::filesystem::path& plans_folder) {
  PGPHASE_TRY(ledger, read_ledger(session));
  PGPHASE_TRY(agenda, make_agenda(plans, ledger, wishes));
  std::vector<const PhasedPlan*> in_order;
  std::set<PlanId> begins;  // a plan that has begun may have moved its tables; its steps speak for themselves
  for (const auto& item : agenda) {
    const auto* record = ledger.find(item.id);
    in_order.push_back(item.record ? item.record : &record->plan);
    if (!record || !has_started(*record)) begins.insert(item.id);
  }
  auto needed = needed_tables(in_order);
  std::erase_if(needed, [&](const NeededTable& one) { return !begins.contains(one.plan); });
  std::set<TableName> names;
  for (const auto& one : needed) names.insert(one.table);
  PGPHASE_TRY(absent, missing_tables(session, names));
  Diagnostics found;
  for (const auto& one : needed) {
    if (absent.contains(one.table)) found.push_back(missing(one, plans_folder));
  }
  if (!found.empty()) return to_error(found);
  std::vector<std::string> warnings;
  const auto expected = expectations(in_order);
  PGPHASE_TRY(harms, HarmForesight::ask(session));
  for (const auto* plan : in_order) {
    if (begins.contains(plan->id)) PGPHASE_CHECK(look_at_steps(session, *plan, expected, harms, warnings));
  }
  return warnings;
}

}  // namespace pgphase
