#include "phases/retire/without_value.hpp"

#include <fmt/format.h>

#include <optional>

#include "phases/postgres/volatility.hpp"
#include "plans/sql/quote.hpp"

namespace pgphase {
namespace {

// The table and its partitions, each with the column as it is there. A domain is looked through: PostgreSQL does not
// simplify what is converted to one.
constexpr const char* k_tables = R"sql(
WITH RECURSIVE base AS (
  SELECT a.attrelid, a.atttypid AS type, a.atttypmod AS modifier FROM pg_attribute a
   WHERE a.attrelid IN (SELECT $1::oid UNION SELECT relid FROM pg_partition_tree($1::oid::regclass))
     AND a.attname = $2 AND a.attnum > 0 AND NOT a.attisdropped
  UNION ALL
  SELECT b.attrelid, t.typbasetype, t.typtypmod FROM base b JOIN pg_type t ON t.oid = b.type WHERE t.typtype = 'd')
SELECT c.oid, n.nspname, c.relname, format_type(b.type, b.modifier),
       coalesce(pg_get_expr(d.adbin, d.adrelid), own.typdefault), a.attidentity <> '' OR a.attgenerated <> '',
       (SELECT string_agg(format('%I', o.attname), ', ') FROM pg_attribute o
         WHERE o.attrelid = c.oid AND o.attnum > 0 AND NOT o.attisdropped AND o.attname <> $2),
       a.attnum
  FROM base b JOIN pg_type t ON t.oid = b.type AND t.typtype <> 'd'
  JOIN pg_class c ON c.oid = b.attrelid JOIN pg_namespace n ON n.oid = c.relnamespace
  JOIN pg_attribute a ON a.attrelid = c.oid AND a.attname = $2 JOIN pg_type own ON own.oid = a.atttypid
  LEFT JOIN pg_attrdef d ON d.adrelid = a.attrelid AND d.adnum = a.attnum
 ORDER BY c.oid <> $1, 2, 3
)sql";

// What a row is to be asked; where it is false or NULL for every row, the constraint lets each of them in. Checks of a
// partition that come from above are asked there.
constexpr const char* k_checks = R"sql(
SELECT format('check %I', k.conname), format('NOT (%s)', pg_get_expr(k.conbin, k.conrelid)),
       pg_get_constraintdef(k.oid), k.conname::text AS name
  FROM pg_constraint k WHERE k.conrelid = $1 AND k.contype = 'c' AND $2::smallint = ANY (k.conkey)
   AND k.coninhcount = 0 AND k.conname !~ '^_pgphase_'
UNION ALL
SELECT format('foreign key %I', k.conname),
       (SELECT string_agg(format('%I IS NULL', a.attname), ' OR ') FROM pg_attribute a
         WHERE a.attrelid = k.conrelid AND a.attnum = ANY (k.conkey))
       || ' AND NOT (' ||
       (SELECT string_agg(format('%I IS NULL', a.attname), ' AND ') FROM pg_attribute a
         WHERE a.attrelid = k.conrelid AND a.attnum = ANY (k.conkey)) || ')',
       pg_get_constraintdef(k.oid), k.conname::text
  FROM pg_constraint k WHERE k.conrelid = $1 AND k.contype = 'f' AND k.confmatchtype = 'f'
   AND cardinality(k.conkey) > 1 AND $2::smallint = ANY (k.conkey) AND k.conparentid = 0
)sql";
// Two rows meet each other only where no key is NULL; NULLS NOT DISTINCT has a question of its own.
constexpr const char* k_unique = R"sql(
UNION ALL
SELECT format('%s %I', CASE WHEN i.indisexclusion THEN 'exclusion' ELSE 'unique index' END, c.relname),
       coalesce('(' || pg_get_expr(i.indpred, i.indrelid) || ') AND ', '') ||
       (SELECT string_agg(format('(%s) IS NOT NULL', pg_get_indexdef(i.indexrelid, k, true)), ' AND ')
          FROM generate_series(1, i.indnkeyatts) k),
       pg_get_indexdef(i.indexrelid), c.relname::text
  FROM pg_index i JOIN pg_class c ON c.oid = i.indexrelid
 WHERE i.indrelid = $1 AND (i.indisunique OR i.indisexclusion) AND NOT i.indisprimary
   AND NOT EXISTS (SELECT FROM pg_inherits h WHERE h.inhrelid = i.indexrelid) {distinct}
   AND c.relname !~ '^_pgphase_'
   AND ($2::smallint = ANY (i.indkey)
        OR EXISTS (SELECT FROM pg_depend d WHERE d.classid = 'pg_class'::regclass AND d.objid = i.indexrelid
                   AND d.refclassid = 'pg_class'::regclass AND d.refobjid = $1 AND d.refobjsubid = $2::smallint))
)sql";

constexpr const char* k_domain_checks = R"sql(
WITH RECURSIVE chain AS (
  SELECT a.atttypid AS type, t.typtype, t.typbasetype FROM pg_attribute a JOIN pg_type t ON t.oid = a.atttypid
   WHERE a.attrelid = $1 AND a.attname = $2
  UNION ALL
  SELECT t.oid, t.typtype, t.typbasetype FROM chain c JOIN pg_type t ON t.oid = c.typbasetype WHERE c.typtype = 'd')
SELECT format_type(c.type, NULL), pg_get_expr(k.conbin, 0), pg_get_constraintdef(k.oid)
  FROM chain c JOIN pg_constraint k ON k.contypid = c.type AND k.contype = 'c' ORDER BY k.conname
)sql";

// The planner puts the value in, and simplifies: what it knows to be false or NULL for every row reads no table.
Result<bool> never_true(Session& session, const std::string& from, const std::string& condition) {
  PGPHASE_TRY(plan, session.query(fmt::format("EXPLAIN (COSTS OFF) SELECT FROM {} WHERE {}", from, condition)));
  for (const auto& line : plan) {
    for (const auto* filter : {"One-Time Filter: false", "One-Time Filter: NULL::boolean"}) {
      if (line.text(0).find(filter) != std::string::npos) return true;
    }
  }
  return false;
}

}  // namespace

Result<std::vector<std::string>> refusals_without_value(Session& session, const TableName& table,
                                                        const std::string& oid, const std::string& column,
                                                        LeftOut how) {
  std::vector<std::string> sentences;
  PGPHASE_TRY(tables, session.query(k_tables, {oid, column}));
  const auto what = fmt::format("column {} of table {}", column, display_name(table));
  const bool null_is_written = how == LeftOut::null_is_written;
  const auto distinct = session.server_version() < 150000 ? "" : "AND NOT i.indnullsnotdistinct";
  // A unique index lets in as many NULLs as are written, and who writes other values goes on as before.
  const auto questions =
      k_checks +
      (null_is_written ? std::string() : fmt::format(fmt::runtime(k_unique), fmt::arg("distinct", distinct)));
  for (const auto& row : tables) {
    const bool has_default = !null_is_written && (row.boolean(5) || !row.is_null(4));
    if (has_default) {
      if (row.boolean(5)) continue;
      PGPHASE_TRY(another_each_time, any_volatile(session, "", {row.text(4)}));
      if (another_each_time) continue;
    } else {
      PGPHASE_TRY(checks, session.query(k_domain_checks, {row.text(0), column}));
      for (const auto& check : checks) {
        PGPHASE_TRY(lets_in, never_true(session, fmt::format("(SELECT NULL::{} AS value) v", row.text(3)),
                                        fmt::format("NOT ({})", check.text(1))));
        if (lets_in) continue;
        sentences.push_back(
            fmt::format("{} is of the domain {}, whose {} refuses NULL", what, check.text(0), check.text(2)));
      }
    }
    const auto value = has_default ? fmt::format("({})", row.text(4)) : std::string("NULL");
    // Rows of the table's type that are nobody's: no right and no row security stands in the way, and of a partitioned
    // table without partitions the planner does not say that it has none.
    const auto from =
        fmt::format("(SELECT {}{}{}::{} AS {} FROM pg_catalog.jsonb_populate_recordset(NULL::{}, '[]')) AS {}",
                    row.text(6), row.is_null(6) ? "" : ", ", value, row.text(3), quote_ident(column),
                    qualified({row.text(1), row.text(2)}), quote_ident(row.text(2)));
    PGPHASE_TRY(constraints, session.query(questions + " ORDER BY 1", {row.text(0), row.text(7)}));
    for (const auto& constraint : constraints) {
      if (how == LeftOut::once_retired && constraint.text(0).starts_with("foreign key ")) continue;
      PGPHASE_TRY(lets_in, never_true(session, from, constraint.text(1)));
      if (lets_in) continue;
      sentences.push_back(fmt::format("{} of {} refuses rows that have {} in column {}: {}", constraint.text(0),
                                      display_name({row.text(1), row.text(2)}), has_default ? row.text(4) : "no value",
                                      column, constraint.text(2)));
    }
  }
  return sentences;
}

}  // namespace pgphase
