// Pieces of SQL that stand in a plan by themselves: an expression over a row, a type, a query that answers yes or no.
// Each must be exactly that: text that closes the parenthesis around it, or goes on after it, is refused, because it
// is put into statements of ours. Pure; any thread.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "plans/base/names.hpp"
#include "plans/sql/statement.hpp"

namespace pgphase {

struct Expression {
  std::vector<std::string> functions;  // called in it, "name" or "schema.name", as PostgreSQL stores them
  std::vector<TableName> tables;       // read by queries in it
  std::vector<std::string> columns;    // referred to, without their table
  bool reads_whole_row = false;        // t.*, or a name that may be the row itself
  bool reads_clock = false;            // CURRENT_TIMESTAMP and its like, which call no function by name
  bool stands_bare = false;            // needs no parentheses after DEFAULT
};
Parsed<Expression> parse_expression(std::string_view sql);

struct TypeName {
  std::string name;  // without schema, modifiers and array bounds: "varchar", "int4", "serial"
  bool serial() const;
};
Parsed<TypeName> parse_type(std::string_view sql);

// A SELECT (or VALUES, WITH … SELECT) that changes nothing.
Parsed<std::monostate> parse_query(std::string_view sql);

// True for the functions that PostgreSQL and its usual extensions mark volatile and that a plan may reasonably call:
// as a default they rewrite the table; in a backfill they give another value each time.
bool known_volatile(std::string_view function);

// True for functions that are stable within one transaction only: now() and its like.
bool differs_by_transaction(std::string_view function);

}  // namespace pgphase
