// Rows for tables that have none, so that a rehearsal has something to lose: values of every type with NULLs, extremes
// and duplicates, in an order that keeps foreign keys. For branches only. Blocking; same threading as the Session.
#pragma once

#include <cstdint>
#include <map>
#include <string>
#include <vector>

#include "phases/postgres/session.hpp"
#include "plans/base/names.hpp"

namespace pgphase {

struct Seeded {
  TableName table;
  std::int64_t rows = 0;     // inserted
  std::int64_t refused = 0;  // by the table's own constraints and triggers
};

// Fills the empty ones of `tables`, and the empty tables that their foreign keys point to, with up to `rows` rows each.
// Tables that do not exist, views and foreign tables are passed over.
Result<std::vector<Seeded>> seed_empty_tables(Session& session, const std::vector<TableName>& tables, int rows);

struct WrittenColumn {
  std::int64_t rows = 0;  // that took a value; one that a constraint refuses is none
  bool was_null = true;   // in every row; else it held its default
};

// Gives the column values in up to `rows` rows, as an application would that has learnt of it.
Result<WrittenColumn> write_column(Session& session, const TableName& table, const std::string& column, int rows);

// An expression that yields a value of the type for each number of the SQL variable `g` (1, 2, 3 …); `distinct`: never
// the same twice. Empty: pgphase has no values of that type. Pure.
std::string value_expression(const std::string& type, bool distinct);

}  // namespace pgphase
