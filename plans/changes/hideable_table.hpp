// Which CREATE TABLE makes a table that a rollback can hide with its rows, and bring back (docs/design/retire.md). Pure.
#pragma once

#include <string>

#include "plans/sql/tree.hpp"

namespace pgphase {

// Why not, as a sentence without its full stop; empty: it does. What it depends on in the database is not looked at.
std::string cannot_be_hidden(const tree::RawStatement& raw);

// Is the constraint a foreign key to another table? PostgreSQL would go on checking it against a table out of sight.
bool refers_elsewhere(const tree::json::object& constraint, const TableName& table);

}  // namespace pgphase
