// Names and texts as SQL. The only place that quotes: SQL is built from these parts. Pure; any thread.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "plans/base/names.hpp"

namespace pgphase {

// The name as it must be written: as it is where PostgreSQL (14 to 18) would read it back unchanged, else in quotes.
std::string quote_ident(std::string_view name);

// 'text', with quotes doubled; E'…' when it holds a backslash, so that standard_conforming_strings does not matter.
std::string quote_literal(std::string_view text);

// schema.name, each part quoted where it must be. Always with the schema: no statement of ours leans on search_path.
std::string qualified(const TableName& table);

// "tasks", or "app.tasks" outside of public: for people, never for SQL.
std::string display_name(const TableName& table);

// Whether a value is missing: what NOT NULL and defaults go by. `IS NULL` asks something else of a row type: whether all
// of its fields are, and `IS NOT NULL` whether none is. PostgreSQL makes the same test of both for any other type.
std::string is_null(const std::string& sql);
std::string is_not_null(const std::string& sql);

// The names, quoted, separated by ", ".
std::string quote_list(const std::vector<std::string>& names);

}  // namespace pgphase
