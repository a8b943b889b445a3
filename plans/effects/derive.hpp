// From a statement's tree to its effects, and from it to what is known after it. Private to plans/effects and
// plans/sql; parse_statements and parse_in_order (plans/sql/statement.hpp) are what others call.
#pragma once

#include "plans/effects/effects.hpp"
#include "plans/effects/known.hpp"
#include "plans/sql/tree.hpp"

namespace pgphase::effects {

StatementEffects effects_of(const tree::RawStatement& raw, const Known& known);

// What is known when the statement has been carried out: tables that it made are nobody else's, a check that it
// validated is valid.
void carry_over(const tree::RawStatement& raw, Known& known);

}  // namespace pgphase::effects
