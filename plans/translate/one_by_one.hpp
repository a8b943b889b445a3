// An ALTER TABLE of several commands as statements of one command each. Private to plans/translate.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "plans/sql/tree.hpp"

namespace pgphase::translate {

// The tree of the statement with this one of its commands, or of such a one.
tree::json::object with_command(const tree::RawStatement& alter, const tree::json::object& command);

// The statement with this one of its commands. Nothing where that could not be written by itself.
std::optional<std::string> alone(const tree::RawStatement& alter, const tree::json::object& command);

// Where an ALTER TABLE drops a name and gives it again, these are the two statements of two plans, and with them the
// others. The server drops first, whatever the order of the text. Any other statement is left as it is.
std::vector<tree::RawStatement> one_by_one(const tree::RawStatement& raw);

}  // namespace pgphase::translate
