#include "phases/foresight/harms.hpp"

#include <fmt/format.h>

#include "phases/catalogue/known.hpp"
#include "phases/postgres/table_sizes.hpp"

namespace pgphase {

Result<HarmForesight> HarmForesight::ask(Session& session) {
  HarmForesight out;
  PGPHASE_TRY(known, known_of(session));
  out.known_ = std::move(known);
  return out;
}

Result<PlanHarms> HarmForesight::operator()(Session& session, const PhasedPlan& plan) {
  auto found = harms_in(plan, known_);
  std::set<TableName> tables;
  for (const auto& harm : found.harms) {
    if (!harm.relation.name.empty()) tables.insert(harm.relation);
  }
  if (tables.empty()) return found;
  PGPHASE_TRY(sizes, table_sizes(session, tables));
  for (auto& harm : found.harms) {
    const auto size = sizes.find(harm.relation);
    const bool small = size != sizes.end() && size->second <= k_small_table_bytes;
    if (small && harm.rule->gravity == Gravity::slow) harm.severity = std::min(harm.severity, Severity::warning);
  }
  return found;
}

std::string sentence_of(const StepHarm& harm) {
  auto out = fmt::format("{}{} [{}]", harm.direction == Direction::back ? "its rollback: " : "", harm.message,
                         harm.rule->id);
  if (!harm.instead.empty()) out += "; instead: " + harm.instead;
  return out;
}

}  // namespace pgphase
