#include "phases/branch/seed.hpp"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <set>

#include "plans/sql/quote.hpp"

namespace pgphase {
namespace {

constexpr std::chrono::minutes k_one_table{5};

struct Column {
  std::string name, type;
  bool not_null = false, has_default = false, alone_unique = false;
  std::string enum_type;               // qualified, when it is one
  std::optional<TableName> points_to;  // a foreign key of this column alone
  std::string points_to_column;
};

// What can be written to: neither generated columns nor identities that PostgreSQL fills itself.
Result<std::vector<Column>> columns_of(Session& session, const TableName& table) {
  PGPHASE_TRY(rows, session.query(R"sql(
SELECT a.attname, format_type(coalesce(nullif(t.typbasetype, 0), t.oid), CASE WHEN t.typbasetype <> 0 THEN t.typtypmod ELSE a.atttypmod END),
       a.attnotnull OR t.typnotnull, a.atthasdef OR a.attidentity <> '',
       EXISTS (SELECT FROM pg_index i WHERE i.indrelid = a.attrelid AND i.indisunique AND i.indnkeyatts = 1
                AND i.indkey[0] = a.attnum),
       CASE WHEN t.typtype = 'e' THEN format('%I.%I', tn.nspname, t.typname) END, pn.nspname, p.relname, pa.attname
  FROM pg_attribute a
  JOIN pg_class c ON c.oid = a.attrelid JOIN pg_namespace n ON n.oid = c.relnamespace
  JOIN pg_type t ON t.oid = a.atttypid JOIN pg_namespace tn ON tn.oid = t.typnamespace
  LEFT JOIN pg_constraint k ON k.conrelid = a.attrelid AND k.contype = 'f' AND k.conkey = ARRAY[a.attnum]
  LEFT JOIN pg_class p ON p.oid = k.confrelid LEFT JOIN pg_namespace pn ON pn.oid = p.relnamespace
  LEFT JOIN pg_attribute pa ON pa.attrelid = p.oid AND pa.attnum = k.confkey[1]
 WHERE n.nspname = $1 AND c.relname = $2 AND c.relkind IN ('r', 'p') AND a.attnum > 0 AND NOT a.attisdropped
   AND a.attgenerated = '' AND a.attidentity <> 'a' AND a.attname !~ '^_pgphase_'
 ORDER BY a.attnum)sql",
                                  {table.schema, table.name}));
  std::vector<Column> columns;
  for (const auto& row : rows) {
    Column column{row.text(0), row.text(1), row.boolean(2), row.boolean(3), row.boolean(4),
                  row.text(5), {},          row.text(8)};
    if (!row.is_null(7)) column.points_to = TableName{row.text(6), row.text(7)};
    columns.push_back(std::move(column));
  }
  return columns;
}

// The value of one column in row g; empty: leave it to PostgreSQL.
std::string expression(const TableName& table, const Column& column) {
  std::string value;
  if (column.points_to) {
    if (*column.points_to == table) return column.not_null ? "" : "NULL";
    value = fmt::format(
        "(SELECT p.{0} FROM {1} p ORDER BY p.{0} LIMIT 1 OFFSET g % greatest((SELECT count(*) FROM {1}), 1))",
        quote_ident(column.points_to_column), qualified(*column.points_to));
  } else if (!column.enum_type.empty()) {
    value = fmt::format("(enum_range(NULL::{0}))[1 + g % cardinality(enum_range(NULL::{0}))]", column.enum_type);
  } else {
    value = value_expression(column.type, column.alone_unique);
  }
  if (value.empty()) return {};
  if (column.has_default && column.alone_unique) return {};  // a key that numbers itself
  return column.not_null ? value : fmt::format("CASE WHEN g % 7 = 3 THEN NULL ELSE {} END", value);
}

// Row by row, so that one that a constraint refuses does not take the others with it.
Result<Seeded> fill(Session& session, const TableName& table, const std::vector<Column>& columns, int rows) {
  std::vector<std::string> names, values;
  for (const auto& column : columns) {
    const auto value = expression(table, column);
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
  PGPHASE_TRY(columns, columns_of(session, table));
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

Result<std::int64_t> write_column(Session& session, const TableName& table, const std::string& name, int rows) {
  PGPHASE_TRY(columns, columns_of(session, table));
  const auto column = std::find_if(columns.begin(), columns.end(), [&](const Column& one) { return one.name == name; });
  if (column == columns.end()) return 0;
  const auto value = expression(table, *column);
  if (value.empty()) return 0;
  PGPHASE_CHECK(session.script(fmt::format(
      "SET statement_timeout = '{0}ms'; DO $seed$\n#variable_conflict use_variable\nDECLARE written int := 0; g int := "
      "0; place tid; BEGIN "
      "FOR place IN SELECT ctid FROM {1} LIMIT {2} LOOP g := g + 1; BEGIN UPDATE {1} SET {3} = {4} WHERE ctid = place; "
      "written := written + 1; EXCEPTION WHEN others THEN NULL; END; END LOOP; "
      "PERFORM set_config('pgphase.written', written::text, false); END$seed$; {5}",
      std::chrono::milliseconds(k_one_table).count(), qualified(table), rows, quote_ident(name), value,
      session.own_timeouts())));
  PGPHASE_TRY(written, session.query("SELECT current_setting('pgphase.written')::int"));
  return written[0].integer(0);
}

}  // namespace pgphase
