// SQL text to statements, each with what pgphase has to know before it executes it: which locks it takes, whether it
// scans or rewrites, how it must be run, and what it does to which table. PostgreSQL 15's own grammar decides; a name
// without a schema means public. Pure; any thread (the parser keeps its state thread-local).
#pragma once

#include <boost/system/result.hpp>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "plans/base/names.hpp"
#include "plans/base/result.hpp"
#include "plans/effects/effects.hpp"
#include "plans/effects/known.hpp"
#include "plans/phased_plan.hpp"

namespace pgphase {

namespace tree {
struct RawStatement;
}

// A type, domain or sequence.
struct Dropped {
  bool sequence = false;
  TableName name;
};

struct ParsedStatement {
  std::string text;
  std::size_t character = 0;  // where it begins in the text that was parsed, in code points
  Statement statement;        // sql = text; what plans execute and explain by, from the effects
  StatementEffects effects;
  std::vector<Action> actions;
  std::vector<TableName> relations;  // every table it names
  std::vector<TableName> types;      // that it drops, or gives another name
  std::vector<Dropped> drops;        // where what depends on them keeps them; nothing with CASCADE
  bool beyond_database = false;      // changes what all databases of the server share: roles, a database's settings
  std::string refused;               // why pgphase does not run such a statement, or empty
  std::shared_ptr<const tree::RawStatement> raw;  // its parse tree; for plans/ alone
};

struct SqlError {
  std::string message;
  std::size_t character = 0;  // 0-based, in code points
};
template <class T>
using Parsed = boost::system::result<T, SqlError>;
[[noreturn]] void throw_exception_from_error(const SqlError& error, const boost::source_location& where);

// Each by itself: nothing is known of the database, and nothing of the statements before it.
Parsed<std::vector<ParsedStatement>> parse_statements(std::string_view sql);

// Each with what is known, which they leave as it is.
Parsed<std::vector<ParsedStatement>> parse_with(std::string_view sql, const Known& known);

// Each after those before it. `known` is what is known before the first one, and becomes what is known after the last.
Parsed<std::vector<ParsedStatement>> parse_in_order(std::string_view sql, Known& known);

// Longer texts are refused; so are those that may be nested more deeply than the parser's own recursion bears.
inline constexpr std::size_t k_max_sql_bytes = 1024UL * 1024;

}  // namespace pgphase
