// A plan's text to its phases: the one way from a file to what `explain` prints and `up` executes. Pure; any thread.
#pragma once

#include <string>
#include <string_view>

#include "plans/phased_plan.hpp"
#include "plans/toml/diagnostic.hpp"

namespace pgphase {

// `file` is the name that diagnostics carry. All that is wrong with the text is reported at once. What is not wrong, and
// worth a word, goes to `remarks`.
Checked<PhasedPlan> read_phased_plan(PlanId id, std::string_view text, std::string file,
                                     Diagnostics* remarks = nullptr);

}  // namespace pgphase
