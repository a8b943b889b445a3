#include "orchestrator/rehearsal/programme.hpp"

#include <fmt/format.h>

#include <algorithm>

#include "orchestrator/engine/agenda.hpp"
#include "plans/catalogue/catalogue.hpp"
#include "plans/sql/statement.hpp"

namespace pgphase {
namespace {

bool reaches_beyond(const std::vector<Statement>& statements) {
  return std::any_of(statements.begin(), statements.end(), [](const Statement& statement) {
    const auto parsed = parse_statements(statement.sql);
    return parsed && std::any_of(parsed->begin(), parsed->end(), [](const auto& one) { return one.beyond_database; });
  });
}

bool reaches_beyond(const Step& step) {
  const auto* written = std::get_if<SqlBody>(&step.body);
  if (const auto* backfill = std::get_if<BackfillBody>(&step.body)) return reaches_beyond(backfill->undo);
  return written && (reaches_beyond(written->forward) || reaches_beyond(written->undo));
}

}  // namespace

std::string reaches_beyond_the_database(const std::vector<PhasedPlan>& folder, const std::vector<PlanId>& wanted) {
  std::set<PlanId> looked_at(wanted.begin(), wanted.end());
  for (const auto& id : wanted) {
    const auto needed = requires_closure(folder, id);
    looked_at.insert(needed.begin(), needed.end());
  }
  for (const auto& plan : folder) {
    if (!wanted.empty() && !looked_at.contains(plan.id)) continue;
    for (const Phase phase : k_phases) {
      for (const Step& step : plan[phase].steps) {
        if (reaches_beyond(step)) return fmt::format("{} {}/{}", plan.id.value, to_string(phase), step.name);
      }
    }
  }
  return {};
}

Result<Programme> programme(const std::vector<PhasedPlan>& folder, const std::vector<PlanId>& wanted,
                            const LedgerView& ledger) {
  const auto finished = [&ledger](const PlanId& id) {
    const auto* record = ledger.find(id);
    return record && is_finished(*record);
  };
  Programme out;
  std::set<PlanId> needed;
  for (const auto& id : wanted) {
    const auto plan = std::find_if(folder.begin(), folder.end(), [&id](const PhasedPlan& one) { return one.id == id; });
    if (plan == folder.end()) {
      return make_error(Errc::refused, fmt::format("there is no plan {}", id.value),
                        "Nothing was changed. `pgphase status` lists them.");
    }
    if (finished(id)) {
      return make_error(
          Errc::refused, fmt::format("{} is applied to this database already", id.value),
          fmt::format("`pgphase rehearse {} --branch empty` rehearses it on an empty database, after the plans "
                      "that it requires.",
                      id.value));
    }
    out.rehearsed.insert(id);
    for (const auto& required : requires_closure(folder, id)) needed.insert(required);
  }
  for (const auto& plan : folder) {
    if (finished(plan.id)) continue;
    if (wanted.empty()) out.rehearsed.insert(plan.id);
    if (out.rehearsed.contains(plan.id) || needed.contains(plan.id)) out.in_order.push_back(&plan);
  }
  return out;
}

}  // namespace pgphase
