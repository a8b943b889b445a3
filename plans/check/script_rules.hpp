// Rules about a file of SQL as a whole, beside those about a statement (plans/effects/rule.hpp): what its statements do
// together, and what is written between them. Constant data; any thread.
#pragma once

#include <span>

#include "plans/effects/rule.hpp"

namespace pgphase {

std::span<const Rule> script_rules();

// A rule of either kind by its id; null when there is none.
const Rule* find_rule(std::string_view id);
// Throws std::logic_error when there is none: a bug of ours.
const Rule& script_rule(std::string_view id);

}  // namespace pgphase
