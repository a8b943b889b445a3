// Do two changes of one plan get in each other's way? A column that one of them takes away or renames in the constraint
// phase is still followed by what another one keeps in step, or shown by the view of a table that gets another name.
// Pure; any thread.
#pragma once

#include "plans/phased_plan.hpp"
#include "plans/toml/reader.hpp"

namespace pgphase {

// Notes each pair at the later of its two lines. Steps know theirs.
void check_columns(const PhasedPlan& plan, Findings& findings);

}  // namespace pgphase
