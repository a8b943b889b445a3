// What pgphase makes of a statement beyond its effects (plans/effects): whether it runs it at all, and whether it
// reaches beyond the database. Private to plans/sql.
#pragma once

#include <string>

#include "plans/sql/tree.hpp"

namespace pgphase::effects {

// Whether the statement changes what all databases of a server share. A DO block is judged by its text; what a function
// does that it calls is not seen.
bool reaches_beyond_the_database(const tree::RawStatement& raw);

// Why pgphase does not run such a statement at all, or empty.
std::string refusal(const tree::RawStatement& raw);

}  // namespace pgphase::effects
