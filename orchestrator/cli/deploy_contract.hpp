// Which code works with a plan's phases: for each change until when the old code does, and from when on the new. Pure.
#pragma once

#include <string>
#include <vector>

#include "plans/phased_plan.hpp"

namespace pgphase {

struct ContractClause {
  std::string about;     // "people.name, in whose place comes full_name"
  std::string old_code;  // "works until constraint"; empty: there is none that could break
  std::string new_code;  // empty: likewise
};

// In the order of the plan. Changes that no code can tell (an index) have none.
std::vector<ContractClause> contract_clauses(const PhasedPlan& plan);

// All of it in one sentence.
std::string deploy_contract(const PhasedPlan& plan);

}  // namespace pgphase
