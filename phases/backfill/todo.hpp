// How a backfill knows which rows are still to be done, as SQL. docs/design/backfill.md says when each kind is right.
// Blocking where a Session is taken; the rest is pure.
#pragma once

#include <optional>
#include <string>
#include <string_view>

#include "phases/backfill/target.hpp"

namespace pgphase {

const char* to_string(Todo todo);  // as pgphase.backfill.todo holds it
std::optional<Todo> todo_named(std::string_view name);

// The kind that is used in the end: the plan's, or the marker where applying the expression twice would be wrong
// although the plan could not know it (a function, operator or cast that the server says is volatile; the clock).
// Decided once, when the backfill begins, and kept in the ledger.
Result<Todo> choose_todo(Session& session, const Target& target, const BackfillBody& body);

// A condition over a row of the table, whose alias is the table's own name. `marker`: the column, for Todo::marker.
std::string todo_condition(Todo todo, const BackfillBody& body, const Target& target, const std::string& marker);

// What a row that matches has at least, where that is cheaper to ask than the condition itself and cannot fail; "true"
// where there is no such thing. Implied by todo_condition.
std::string needed_at_least(Todo todo, const BackfillBody& body, const Target& target, const std::string& marker);

// "a = (…), b = (…)": what sets a row, and with it makes the condition false.
std::string assignments(Todo todo, const BackfillBody& body, const Target& target, const std::string& marker);

}  // namespace pgphase
