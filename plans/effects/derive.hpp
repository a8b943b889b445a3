// From a statement's tree to its effects, and from it to what is known after it. Private to plans/effects and
// plans/sql; parse_statements and parse_in_order (plans/sql/statement.hpp) are what others call.
#pragma once

#include "plans/effects/effects.hpp"
#include "plans/effects/known.hpp"
#include "plans/sql/tree.hpp"

namespace pgphase::effects {

StatementEffects effects_of(const tree::RawStatement& raw, const Known& known);

// Whether the statement changes what all databases of a server share, so that a branch on the same server is none for it;
// of those that plans may hold (plans/sql/refusal.hpp). A DO block is judged by its text; what a function does that it
// calls is not seen.
bool reaches_beyond_the_database(const tree::RawStatement& raw);

// What is known when the statement has been carried out: tables that it made are nobody else's, a check that it
// validated is valid.
void carry_over(const tree::RawStatement& raw, Known& known);

}  // namespace pgphase::effects
