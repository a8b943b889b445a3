// One table of cases for the changes of form A: each is a schema with rows and a plan for it. The tests that drive it
// move every plan forward and back, phase by phase, and rehearse it; a new change is one entry here.
#pragma once

#include <iosfwd>
#include <string>
#include <vector>

namespace pgphase::testing {

struct ChangeCase {
  std::string name;    // in the test's name
  std::string schema;  // SQL: what is there before, with rows
  std::string plan;    // TOML, without its first line
  int from_major = 14;
};
void PrintTo(const ChangeCase& one, std::ostream* out);

std::vector<ChangeCase> change_cases_for(int major);

}  // namespace pgphase::testing
