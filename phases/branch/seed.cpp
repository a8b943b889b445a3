#include "phases/branch/seed.hpp"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <set>

#include "phases/branch/writable.hpp"
#include "plans/sql/quote.hpp"

namespace pgphase {
namespace {

constexpr std::chrono::minutes k_one_table{5};

// Row by row, so that one that a constraint refuses does not take the others with it.
Result<Seeded> fill(Session& session, const TableName& table, const std::vector<WritableColumn>& columns, int rows) {
  std::vector<std::string> names, values;
  for (const auto& column : columns) {
    const auto value = value_for(table, column);
    if (value.empty()) continue;
    names.push_back(quote_ident(column.name));
    values.push_back(value);
  }
  const auto insert = names.empty() ? fmt::format("INSERT INTO {} DEFAULT VALUES", qualified(table))
                                    : fmt::format("INSERT INTO {} ({}) VALUES ({})", qualified(table),
                                                  fmt::join(names, ", "), fmt::join(values, ", "));
  PGPHASE_CHECK(session.script(
      fmt::format("SET statement_timeout = '{}ms'; DO $seed$\n#variable_conflict use_variable\nDECLARE refused int := "
                  "0; g int; BEGIN FOR g IN 1..{} LOOP BEGIN {}; "
                  "EXCEPTION WHEN others THEN refused := refused + 1; END; END LOOP; "
                  "PERFORM set_config('pgphase.refused', refused::text, false); END$seed$; {}",
                  std::chrono::milliseconds(k_one_table).count(), rows, insert, session.own_timeouts())));
  PGPHASE_TRY(refused, session.query("SELECT current_setting('pgphase.refused')::int"));
  return Seeded{table, rows - refused[0].integer(0), refused[0].integer(0)};
}

Result<bool> is_empty(Session& session, const TableName& table) {
  PGPHASE_TRY(found, session.query(fmt::format("SELECT NOT EXISTS (SELECT FROM {})", qualified(table))));
  return found[0].boolean(0);
}

// Depth first along foreign keys: what a table points to is filled before it.
Result<void> visit(Session& session, const TableName& table, int rows, std::set<TableName>& seen,
                   std::vector<Seeded>& done) {
  if (!seen.insert(table).second) return {};
  PGPHASE_TRY(columns, writable_columns(session, table));
  if (columns.empty()) return {};
  for (const auto& column : columns) {
    if (column.points_to) PGPHASE_CHECK(visit(session, *column.points_to, rows, seen, done));
  }
  PGPHASE_TRY(empty, is_empty(session, table));
  if (!empty) return {};
  PGPHASE_TRY(seeded, fill(session, table, columns, rows));
  done.push_back(seeded);
  return {};
}

}  // namespace

Result<std::vector<Seeded>> seed_empty_tables(Session& session, const std::vector<TableName>& tables, int rows) {
  std::set<TableName> seen;
  std::vector<Seeded> done;
  for (const auto& table : tables) PGPHASE_CHECK(visit(session, table, rows, seen, done));
  return done;
}

Result<WrittenColumn> write_column(Session& session, const TableName& table, const std::string& name, int rows) {
  PGPHASE_TRY(columns, writable_columns(session, table));
  const auto column =
      std::find_if(columns.begin(), columns.end(), [&](const WritableColumn& one) { return one.name == name; });
  if (column == columns.end()) return WrittenColumn{};
  const auto value = value_for(table, *column);
  if (value.empty()) return WrittenColumn{};
  PGPHASE_TRY(found, session.query(fmt::format("SELECT NOT EXISTS (SELECT FROM {} WHERE {} IS NOT NULL)",
                                               qualified(table), quote_ident(name))));
  PGPHASE_CHECK(session.script(fmt::format(
      "SET statement_timeout = '{0}ms'; DO $seed$\n#variable_conflict use_variable\nDECLARE written int := 0; g int := "
      "0; place tid; BEGIN "
      "FOR place IN SELECT ctid FROM {1} LIMIT {2} LOOP g := g + 1; BEGIN UPDATE {1} SET {3} = {4} WHERE ctid = place; "
      "written := written + 1; EXCEPTION WHEN others THEN NULL; END; END LOOP; "
      "PERFORM set_config('pgphase.written', written::text, false); END$seed$; {5}",
      std::chrono::milliseconds(k_one_table).count(), qualified(table), rows, quote_ident(name), value,
      session.own_timeouts())));
  PGPHASE_TRY(written, session.query("SELECT current_setting('pgphase.written')::int"));
  return WrittenColumn{written[0].integer(0), found[0].boolean(0)};
}

}  // namespace pgphase
