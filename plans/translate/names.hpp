// The names that PostgreSQL gives to constraints and indexes whose author gave none. Pure.
// Source of the rules: PostgreSQL's makeObjectName() and ChooseIndexNameAddition(), src/backend/commands/indexcmds.c,
// and ChooseConstraintName(), src/backend/catalog/pg_constraint.c.
#pragma once

#include <boost/json.hpp>
#include <set>
#include <string>
#include <string_view>
#include <vector>

#include "plans/base/names.hpp"

namespace pgphase::translate {

// "tasks_owner_fkey", of at most 63 bytes. `middle` may be empty.
std::string object_name(std::string_view table, std::string_view middle, std::string_view label);

// Of an IndexStmt: what stands between table and label.
std::string index_columns_name(const boost::json::object& index);

// The names of columns, joined as they are for a name; no more than a name can hold.
std::string joined(const std::vector<std::string>& columns);

// Columns that an expression refers to, each once, in order.
std::vector<std::string> columns_in(const boost::json::value& expression);

}  // namespace pgphase::translate
