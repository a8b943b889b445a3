// What needs no way back, because it is about something that the same plan makes: whoever takes that back takes this
// along, and whoever does the plan again does this again. Private to plans/translate. Pure.
#pragma once

#include <optional>
#include <set>
#include <string>
#include <utility>
#include <vector>

#include "plans/effects/known.hpp"
#include "plans/sql/tree.hpp"

namespace pgphase::translate {

// A step needs a way back, and this one takes nothing away.
inline constexpr const char* k_nothing_to_undo = "SELECT 1";

// The undo of a statement about what is the plan's own: mostly nothing to do. Nothing where it is about something else.
// `columns`: that this plan adds to tables that are there; `made`: "index i", "schema s" that it makes.
std::optional<std::string> undo_of_what_goes_along(const tree::RawStatement& raw, const Known& known,
                                                   const std::set<std::pair<TableName, std::string>>& columns,
                                                   const std::set<std::string>& made);

// The statement so that it can be given again to what has stayed with something that is hidden: ADD VALUE IF NOT EXISTS.
std::string given_again(const tree::RawStatement& raw);

// One command of ALTER TABLE on a trigger or an index: the step that makes those takes them back, too, and makes them again.
bool is_about_another_step(std::string_view subtype);

// One command of ALTER TABLE on a table of the plan's own that can be given again without harm when the table comes back
// from where a rollback has hidden it.
bool can_be_given_again(std::string_view subtype);

}  // namespace pgphase::translate
