// What of a column's belongings cannot be made again for another type, or would make a statement of an application fail
// on the way. Asked before anything runs and once more under the lock. Blocking; same threading as the Session.
#pragma once

#include <string>
#include <vector>

#include "phases/postgres/session.hpp"
#include "plans/phased_plan.hpp"

namespace pgphase {

// A sentence each. Reads only; ACCESS SHARE on the table for a moment. Nothing where table or column are not there.
Result<std::vector<std::string>> obstacles_to_retyping(Session& session, const PlanId& plan, const RetypeBody& body);

}  // namespace pgphase
