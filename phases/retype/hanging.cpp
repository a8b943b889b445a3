#include "phases/retype/hanging.hpp"

#include <fmt/format.h>

#include "plans/sql/quote.hpp"

namespace pgphase {
namespace {

// An index of a constraint depends on that alone, but has all of its columns as they are.
constexpr const char* k_indexes = R"sql(
SELECT x.relname, quote_ident(x.relname), pg_get_indexdef(x.oid), coalesce(s.spcname, ''), coalesce(k.contype, ' '),
       position(quote_ident(a.attname) IN coalesce(pg_get_expr(i.indexprs, i.indrelid), '') || ' '
                                          || coalesce(pg_get_expr(i.indpred, i.indrelid), '')) > 0,
       i.indisunique, a.attnum = ANY (ARRAY(SELECT i.indkey[g] FROM generate_series(0, i.indnkeyatts - 1) g)),
       (SELECT string_agg(u.attnum::text, ',' ORDER BY u.attnum)
          FROM (SELECT unnest(i.indkey)
                UNION SELECT d.refobjsubid FROM pg_depend d
                 WHERE d.classid = 'pg_class'::regclass AND d.objid = x.oid AND d.refclassid = 'pg_class'::regclass
                   AND d.refobjid = c.oid) u(attnum)
         WHERE u.attnum <> a.attnum)
  FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace
  JOIN pg_attribute a ON a.attrelid = c.oid AND a.attname = $3
  JOIN pg_index i ON i.indrelid = c.oid JOIN pg_class x ON x.oid = i.indexrelid
  LEFT JOIN pg_tablespace s ON s.oid = x.reltablespace
  LEFT JOIN pg_constraint k ON k.conindid = x.oid AND k.conrelid = c.oid AND k.contype IN ('p', 'u', 'x')
 WHERE n.nspname = $1 AND c.relname = $2 AND x.relname !~ '^_pgphase_'
   AND (a.attnum = ANY (i.indkey)
        OR EXISTS (SELECT FROM pg_depend d WHERE d.classid = 'pg_class'::regclass AND d.objid = x.oid
                   AND d.refclassid = 'pg_class'::regclass AND d.refobjid = c.oid AND d.refobjsubid = a.attnum))
 ORDER BY 1
)sql";

constexpr const char* k_constraints = R"sql(
SELECT k.conname, k.contype, regexp_replace(pg_get_constraintdef(k.oid), ' NOT VALID$', ''), k.convalidated
  FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace
  JOIN pg_attribute a ON a.attrelid = c.oid AND a.attname = $3
  JOIN pg_constraint k ON k.conrelid = c.oid AND k.contype IN ('c', 'f') AND a.attnum = ANY (k.conkey)
 WHERE n.nspname = $1 AND c.relname = $2 AND k.conname !~ '^_pgphase_'
 ORDER BY 1
)sql";

HangingIndex::Constraint constraint_of(const std::string& letter) {
  if (letter == "p") return HangingIndex::Constraint::primary_key;
  return letter == "u" ? HangingIndex::Constraint::unique : HangingIndex::Constraint::none;
}

std::string rename(const TableName& table, const std::string& from, const std::string& to) {
  return fmt::format("ALTER TABLE {} RENAME COLUMN {} TO {};", qualified(table), quote_ident(from), quote_ident(to));
}

}  // namespace

Result<Hanging> what_hangs_on(Session& session, const TableName& table, const std::string& column) {
  Hanging found;
  PGPHASE_TRY(indexes, session.query(k_indexes, {table.schema, table.name, column}));
  for (const auto& row : indexes) {
    found.indexes.push_back({row.text(0), row.text(1), row.text(2), row.text(3), constraint_of(row.text(4)),
                             row.boolean(5), row.boolean(6), row.boolean(7), row.text(8)});
  }
  PGPHASE_TRY(constraints, session.query(k_constraints, {table.schema, table.name, column}));
  for (const auto& row : constraints) {
    const auto kind = row.text(1) == "f" ? HangingConstraint::Kind::foreign_key : HangingConstraint::Kind::check;
    found.constraints.push_back({row.text(0), kind, row.text(2), row.boolean(3)});
  }
  return found;
}

Result<Hanging> what_hangs_on_as(Session& session, const TableName& table, const std::string& column,
                                 const std::string& other) {
  PGPHASE_CHECK(session.script("SAVEPOINT pgphase_look;" + rename(table, other, "_pgphase_aside") +
                               rename(table, column, other)));
  PGPHASE_TRY(found, what_hangs_on(session, table, other));
  PGPHASE_CHECK(session.script("ROLLBACK TO SAVEPOINT pgphase_look; RELEASE SAVEPOINT pgphase_look"));
  return std::move(found);
}

Result<std::vector<HiddenIndex>> valid_hidden_indexes(Session& session, const TableName& table) {
  PGPHASE_TRY(rows, session.query("SELECT x.relname, obj_description(x.oid, 'pg_class') "
                                  "  FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace "
                                  "  JOIN pg_index i ON i.indrelid = c.oid JOIN pg_class x ON x.oid = i.indexrelid "
                                  " WHERE n.nspname = $1 AND c.relname = $2 AND x.relname ~ '^_pgphase_(new|old)_' "
                                  "   AND i.indisvalid AND i.indisready AND i.indislive ORDER BY 1",
                                  {table.schema, table.name}));
  std::vector<HiddenIndex> found;
  for (const auto& row : rows) found.push_back({row.text(0), row.text(1)});
  return found;
}

}  // namespace pgphase
