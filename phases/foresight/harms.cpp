#include "phases/foresight/harms.hpp"

#include <fmt/format.h>

#include "phases/catalogue/known.hpp"
#include "phases/postgres/table_sizes.hpp"

namespace pgphase {
namespace {

// "tasks: … [rule]; instead", for people who have no file before them.
std::string sentence_of(const StepHarm& harm) {
  auto out = fmt::format("{}{} [{}]", harm.direction == Direction::back ? "its rollback: " : "", harm.message,
                         harm.rule->id);
  if (!harm.instead.empty()) out += "; instead: " + harm.instead;
  return out;
}

}  // namespace

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

bool add_to(Foresight& foresight, const PlanHarms& harms, Phase phase, std::size_t step) {
  bool in_the_way = false;
  for (const auto& one : harms.harms) {
    if (one.phase != phase || one.step != step || one.severity == Severity::note) continue;
    const bool error = one.severity == Severity::error;
    (error ? foresight.obstacles : foresight.warnings).push_back(sentence_of(one));
    in_the_way = in_the_way || error;
  }
  return in_the_way;
}

}  // namespace pgphase
