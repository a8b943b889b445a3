// Does a statement written by hand belong where it stands, and can it run without making everybody wait? Pure; any
// thread.
#pragma once

#include <string>
#include <vector>

#include "plans/changes/change.hpp"
#include "plans/sql/statement.hpp"

namespace pgphase {

struct RuleFinding {
  std::string message;
  std::string suggestion;
};

// `irreversible`: the step says that it cannot be undone.
struct StatementPlace {
  Phase phase;
  Direction direction = Direction::forward;
  bool irreversible = false;
};

std::vector<RuleFinding> check_phase_rules(const ParsedStatement& statement, const StatementPlace& place,
                                           const PlanFacts& facts);

}  // namespace pgphase
