// What the database has that a step would meet only when it is its turn, perhaps after other phases have been deployed
// upon: asked before anything of the plan runs. Reads the catalogue, and lets PostgreSQL plan expressions of the plan,
// which takes ACCESS SHARE on their table for a moment; reads no row. Blocking; same threading as the Session.
#pragma once

#include <string>
#include <vector>

#include "phases/postgres/session.hpp"
#include "plans/phased_plan.hpp"

namespace pgphase {

struct Foresight {
  std::vector<std::string> obstacles;  // a sentence each: the step would be refused
  std::vector<std::string> warnings;   // it would be done, and somebody may not like it
  bool rewrites = false;               // a table's rows, which the step does not do anywhere else
};

// What is not there yet is passed over: an earlier step may make it. `plan`: whose step it is.
Result<Foresight> foresee(Session& session, const PlanId& plan, const Step& step);

}  // namespace pgphase
