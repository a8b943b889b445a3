// The scenarios whose commands are killed: together they pass every failpoint there is.
#pragma once

#include <vector>

#include "tests/e2e/crash_rig.hpp"

namespace pgphase::testing {

const std::vector<Scenario>& crash_scenarios();
const Scenario& crash_scenario(const std::string& name);

}  // namespace pgphase::testing
