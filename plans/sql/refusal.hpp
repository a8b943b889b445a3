// Statements that no plan may hold, whatever the phase. Pure; any thread. Private to plans/sql.
#pragma once

#include <string>

#include "plans/sql/tree.hpp"

namespace pgphase::effects {

// Why pgphase does not run such a statement at all, or empty.
std::string refusal(const tree::RawStatement& raw);

}  // namespace pgphase::effects
