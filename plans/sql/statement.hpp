// SQL text to statements, each with what pgphase has to know before it executes it: which locks it takes, whether it
// scans or rewrites, how it must be run, and what it does to which table. PostgreSQL 15's own grammar decides; a name
// without a schema means public. Pure; any thread (the parser keeps its state thread-local).
#pragma once

#include <boost/system/result.hpp>
#include <string>
#include <string_view>
#include <vector>

#include "plans/base/names.hpp"
#include "plans/base/result.hpp"
#include "plans/phased_plan.hpp"

namespace pgphase {

// What a statement does, as far as the rules of plans/rules care. One statement may do several things.
enum class ActionKind {
  create_table,
  drop_table,
  truncate,
  add_column,
  drop_column,
  rename_column,
  change_type,  // ALTER COLUMN … TYPE
  set_not_null,
  add_check,
  add_foreign_key,
  add_unique,  // UNIQUE or PRIMARY KEY
  add_exclude,
  create_index,
  drop_index,
  drop_constraint,
  move_table,  // another name, or another schema
};

struct Action {
  ActionKind kind;
  TableName table;            // empty name where the statement does not say it (DROP INDEX)
  std::string name = {};      // the column, constraint or index; may be empty
  bool concurrently = false;  // create_index, drop_index
  bool not_valid = false;     // add_check, add_foreign_key
  bool using_index = false;   // add_unique
  bool has_default = false;   // add_column: existing rows get a value
  bool not_null = false;      // add_column
  bool inline_scan = false;   // add_column: a CHECK, or a foreign key beside a default, is checked against every row
  std::string rewrite = {};   // add_column: why every row is written again, or empty
};

// What a later statement finds is no longer known from the plans alone.
inline bool moves_names(const Action& action) {
  return action.kind == ActionKind::move_table || action.kind == ActionKind::drop_constraint;
}

struct ParsedStatement {
  std::string text;
  std::size_t character = 0;  // where it begins in the text that was parsed, in code points
  Statement statement;        // sql = text
  std::vector<Action> actions;
  std::vector<TableName> relations;  // every table it names
  bool beyond_database = false;      // changes what all databases of the server share: roles, a database's settings
  std::string refused;               // why pgphase does not run such a statement, or empty
};

struct SqlError {
  std::string message;
  std::size_t character = 0;  // 0-based, in code points
};
template <class T>
using Parsed = boost::system::result<T, SqlError>;
[[noreturn]] void throw_exception_from_error(const SqlError& error, const boost::source_location& where);

Parsed<std::vector<ParsedStatement>> parse_statements(std::string_view sql);

// Longer texts are refused: the parser's own recursion has no bound.
inline constexpr std::size_t k_max_sql_bytes = 64 * 1024;

}  // namespace pgphase
