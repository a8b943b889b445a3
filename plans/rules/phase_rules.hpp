// Does each statement of a plan belong where it stands, and can it run without making everybody wait? Judged by what it
// does (plans/effects/harm.hpp), with what the statements before it have made. Pure; any thread.
#pragma once

#include <string>
#include <utility>
#include <vector>

#include "plans/base/severity.hpp"
#include "plans/effects/known.hpp"
#include "plans/effects/rule.hpp"
#include "plans/phased_plan.hpp"

namespace pgphase {

struct StepHarm {
  Phase phase = Phase::additive;
  std::size_t step = 0;  // its place in the phase
  Direction direction = Direction::forward;
  std::size_t statement = 0;  // its place among those that go that way
  Severity severity = Severity::note;
  const Rule* rule = nullptr;
  TableName relation;   // that it befalls; may be empty
  std::string message;  // a sentence without its full stop
  std::string instead;  // what to do; may be empty
};

// An entry of a step's `allow` that has nothing to allow.
struct UnusedAllowance {
  Phase phase = Phase::additive;
  std::size_t step = 0;
  std::string rule;
};

struct PlanHarms {
  std::vector<StepHarm> harms;  // as the statements run; those of a phase's undo after it
  std::vector<UnusedAllowance> unused;
  std::size_t waived = 0;
};

// `known` is what is known before the plan, and becomes what is known after it. What a phase has made is new to
// everybody until the phase ends.
PlanHarms harms_in(const PhasedPlan& plan, Known& known);

}  // namespace pgphase
