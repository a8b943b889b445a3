// Keys that several operations share: names, types, defaults, expressions. Each function notes what is wrong and then
// returns nothing. Private to plans/changes.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "plans/phased_plan.hpp"
#include "plans/sql/expression.hpp"
#include "plans/toml/reader.hpp"

namespace pgphase::keys {

// A name as PostgreSQL stores it: 1 to 63 bytes, no NUL, and not one of those that pgphase keeps for itself.
bool check_identifier(Findings& findings, Position at, std::string_view key, const std::string& name);
std::optional<std::string> identifier(TableReader& reader, std::string_view key);  // required
std::string schema(TableReader& reader);                                           // "public" unless given
std::optional<TableName> table(TableReader& reader);                               // `table` (required) and `schema`

// A list of names, or one.
std::optional<std::vector<std::string>> identifiers(TableReader& reader, std::string_view key);

// Notes an error inside a piece of SQL, where it is in the file.
void sql_error(Findings& findings, const Text& where, std::string_view key, const SqlError& error,
               std::string suggestion = {});

struct Sql {
  std::string text;
  Expression parsed;
};
std::optional<Sql> expression(TableReader& reader, std::string_view key);
std::optional<Sql> expression(Findings& findings, const Text& text, std::string_view key);
// A string is SQL; a number or boolean is a literal.
std::optional<Sql> expression_or_literal(Findings& findings, const Value& value, std::string_view key);

struct ColumnType {
  std::string sql;
  TypeName parsed;
};
std::optional<ColumnType> type(TableReader& reader);  // required

// " DEFAULT …", in parentheses where they are needed.
std::string default_clause(const Sql& value);

// `restore`: SQL over a row that has no value, for an undo that needs one. Nothing when the key is missing.
std::optional<std::string> restore(TableReader& reader);

// `verify`, `check`: a SELECT. Empty when the key is missing.
std::string query(TableReader& reader, std::string_view key);

}  // namespace pgphase::keys
