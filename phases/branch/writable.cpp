#include "phases/branch/writable.hpp"

#include <fmt/format.h>

#include "phases/branch/seed.hpp"
#include "plans/sql/quote.hpp"

namespace pgphase {

Result<std::vector<WritableColumn>> writable_columns(Session& session, const TableName& table) {
  PGPHASE_TRY(rows, session.query(R"sql(
SELECT a.attname, format_type(coalesce(nullif(t.typbasetype, 0), t.oid), CASE WHEN t.typbasetype <> 0 THEN t.typtypmod ELSE a.atttypmod END),
       a.attnotnull OR t.typnotnull, a.atthasdef OR a.attidentity <> '',
       EXISTS (SELECT FROM pg_index i WHERE i.indrelid = a.attrelid AND i.indisunique AND i.indnkeyatts = 1
                AND i.indkey[0] = a.attnum),
       CASE WHEN t.typtype = 'e' THEN format('%I.%I', tn.nspname, t.typname) END, pn.nspname, p.relname, pa.attname
  FROM pg_attribute a
  JOIN pg_class c ON c.oid = a.attrelid JOIN pg_namespace n ON n.oid = c.relnamespace
  JOIN pg_type t ON t.oid = a.atttypid JOIN pg_namespace tn ON tn.oid = t.typnamespace
  LEFT JOIN LATERAL (SELECT confrelid, confkey FROM pg_constraint WHERE conrelid = a.attrelid AND contype = 'f'
                      AND conkey = ARRAY[a.attnum] ORDER BY oid LIMIT 1) k ON true
  LEFT JOIN pg_class p ON p.oid = k.confrelid LEFT JOIN pg_namespace pn ON pn.oid = p.relnamespace
  LEFT JOIN pg_attribute pa ON pa.attrelid = p.oid AND pa.attnum = k.confkey[1]
 WHERE n.nspname = $1 AND c.relname = $2 AND c.relkind IN ('r', 'p') AND a.attnum > 0 AND NOT a.attisdropped
   AND a.attgenerated = '' AND a.attidentity <> 'a' AND a.attname !~ '^_pgphase_'
 ORDER BY a.attnum)sql",
                                  {table.schema, table.name}));
  std::vector<WritableColumn> columns;
  for (const auto& row : rows) {
    WritableColumn column{row.text(0), row.text(1), row.boolean(2), row.boolean(3), row.boolean(4),
                          row.text(5), {},          row.text(8)};
    if (!row.is_null(7)) column.points_to = TableName{row.text(6), row.text(7)};
    columns.push_back(std::move(column));
  }
  return columns;
}

std::string value_for(const TableName& table, const WritableColumn& column) {
  std::string value;
  if (column.points_to) {
    if (*column.points_to == table) return column.not_null ? "" : fmt::format("NULL::{}", column.type);
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

}  // namespace pgphase
