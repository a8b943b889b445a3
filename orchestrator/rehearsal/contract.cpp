#include "orchestrator/rehearsal/contract.hpp"

#include <fmt/format.h>

#include <algorithm>

#include "phases/postgres/sqlstate.hpp"
#include "plans/sql/quote.hpp"

namespace pgphase {
namespace {

constexpr std::size_t k_most = 10;

bool by_hand(const Step& step) {
  const auto* written = std::get_if<SqlBody>(&step.body);
  return written && !written->forward.empty() && written->forward.front().kind == StatementKind::transactional;
}

const char* when(Moment moment) {
  switch (moment) {
    case Moment::done:
      return "while it is done";
    case Moment::back:
      return "while it is rolled back";
    case Moment::between:
      return "while it moves";
  }
  return "?";
}

}  // namespace

bool must_work(const PhasedPlan& plan, Phase phase, Knows knows, Moment moment) {
  if (moment == Moment::between) return false;
  if (knows == Knows::before) return phase != Phase::constraint || moment == Moment::back;
  if (moment == Moment::done) return true;
  const auto& steps = plan[phase].steps;
  return phase == Phase::constraint && std::none_of(steps.begin(), steps.end(), by_hand);
}

std::vector<std::string> against_the_contract(const PhasedPlan& plan, Phase phase, Knows knows,
                                              const std::vector<FailedStatements>& failed,
                                              const BeyondItsReach& beyond_its_reach) {
  std::vector<std::string> sentences;
  for (const auto& one : failed) {
    if (!must_work(plan, phase, knows, one.moment)) continue;
    const bool missing = one.sqlstate == sqlstate::undefined_column || one.sqlstate == sqlstate::undefined_table;
    const bool at_a_constraint = one.sqlstate.starts_with("23");
    if (!missing && !(at_a_constraint && beyond_its_reach(one))) continue;
    if (sentences.size() == k_most) {
      sentences.emplace_back("…");
      break;
    }
    sentences.push_back(fmt::format(
        "{} code, {}: {} {} on {} failed with {}: {}", knows == Knows::before ? "old" : "new", when(one.moment),
        one.count, one.count == 1 ? "statement" : "statements", display_name(one.table), one.sqlstate, one.message));
  }
  return sentences;
}

}  // namespace pgphase
