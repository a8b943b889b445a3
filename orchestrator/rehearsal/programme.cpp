#include "orchestrator/rehearsal/programme.hpp"

#include <fmt/format.h>

#include <algorithm>

#include "orchestrator/engine/agenda.hpp"
#include "plans/catalogue/catalogue.hpp"

namespace pgphase {

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
