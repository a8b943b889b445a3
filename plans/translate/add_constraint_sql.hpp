// ALTER TABLE … ADD CONSTRAINT, from the constraint alone. Private to plans/translate. Pure.
#pragma once

#include <optional>
#include <string>

#include "plans/sql/tree.hpp"

namespace pgphase::translate {

// Nothing where it cannot be written by itself.
std::optional<std::string> add_constraint_sql(const TableName& table, const tree::json::object& constraint);

}  // namespace pgphase::translate
