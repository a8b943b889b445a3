// What the rules say of a form beside what a server did. Pure.
#pragma once

#include <set>
#include <string>
#include <vector>

#include "plans/effects/effects.hpp"
#include "tests/support/proof/observe.hpp"

namespace pgphase::testing::proof {

// One state of a form: what was said of it, and what was seen.
struct Case {
  std::string label;
  StatementEffects said;
  Observation seen;
};

// What is wrong, a sentence each; empty: every word is borne out. What the rules call unknown must have come out one
// way in one case and another way in another.
std::vector<std::string> disagreements(const std::vector<Case>& cases, Shown shown);

// Tables that the effects name: they may be locked.
std::set<TableName> reach_of(const StatementEffects& said);

}  // namespace pgphase::testing::proof
