#include "phases/retire/added_column.hpp"

#include <fmt/format.h>

#include <algorithm>

#include "phases/retire/step_change.hpp"
#include "phases/retire/stored_rows.hpp"
#include "phases/retire/tree.hpp"
#include "plans/sql/quote.hpp"

namespace pgphase {
namespace {

Result<void> of_a_typed_table(Session& session, const TableName& table, const std::string& oid, Adding& found) {
  PGPHASE_TRY(type, type_of_typed_table(session, oid));
  if (!type) return {};
  found.obstacles.push_back(fmt::format("{} is a table of the type {}, and takes no further columns: `ALTER TABLE {} NOT "
                                        "OF` makes it one of its own",
                                        display_name(table), *type, qualified(table)));
  return {};
}

// PostgreSQL keeps the default of rows that are there with the table, where values that are stored elsewhere have none.
Result<void> with_a_default(Session& session, const TableName& table, const std::vector<AddedColumn>& columns,
                            Adding& found) {
  const auto one = std::find_if(columns.begin(), columns.end(), [](const auto& column) { return column.has_default; });
  if (one == columns.end()) return {};
  PGPHASE_TRY(stored, columns_with_rows_of(session, table));
  for (const auto& who : stored) {
    found.obstacles.push_back(fmt::format(
        "{0} stores rows of {1}, and PostgreSQL adds no column {2} with a default to {1} then: add it bare, and give "
        "it its default by `ALTER TABLE {3} ALTER COLUMN {4} SET DEFAULT …` in an [[additive]] step",
        who, display_name(table), one->name, qualified(table), quote_ident(one->name)));
  }
  return {};
}

// A domain over a domain has the conditions of the one below. $1: the table's oid, $2: the type, $3: or a column that
// has it.
constexpr const char* k_domain = R"sql(
WITH RECURSIVE chain(depth, type, kind, below, modifier, required, has_default) AS (
  SELECT 0, t.oid, t.typtype, t.typbasetype, t.typtypmod, t.typnotnull, t.typdefault IS NOT NULL
    FROM pg_type t
   WHERE t.oid = CASE WHEN $2 = '' THEN (SELECT a.atttypid FROM pg_attribute a WHERE a.attrelid = $1::oid
                                            AND a.attname = $3 AND NOT a.attisdropped)
                      ELSE to_regtype(regexp_replace($2, '\s+COLLATE\s.*$', '', 'i'))::oid END
  UNION ALL
  SELECT c.depth + 1, b.oid, b.typtype, b.typbasetype, b.typtypmod, b.typnotnull, c.has_default
    FROM chain c JOIN pg_type b ON b.oid = c.below WHERE c.kind = 'd')
SELECT (SELECT format_type(d.type, NULL) FROM chain d WHERE depth = 0), bool_or(kind = 'd' AND required),
       bool_or(EXISTS (SELECT FROM pg_constraint k WHERE k.contypid = type AND k.contype = 'c')), bool_or(has_default),
       (SELECT format_type(l.below, l.modifier) FROM chain l JOIN pg_type b ON b.oid = l.below
         WHERE l.kind = 'd' AND b.typtype <> 'd')
  FROM chain HAVING bool_or(kind = 'd')
)sql";

Result<bool> has_rows(Session& session, const std::string& oid) {
  PGPHASE_TRY(size, session.query(fmt::format("SELECT coalesce(sum(pg_relation_size(c.oid)), 0) > 0 FROM pg_class c "
                                              "WHERE c.oid IN {} AND c.relkind = 'r'",
                                              k_tree),
                                  {oid}));
  return size[0].boolean(0);
}

// PostgreSQL puts NULL through the conditions of a domain for each row that is there, and writes it anew; and for a new
// row that comes without the column before any trigger could give it a value.
Result<void> of_a_domain(Session& session, const TableName& table, const std::string& oid,
                         const std::vector<AddedColumn>& columns, Adding& found) {
  for (const auto& column : columns) {
    PGPHASE_TRY(rows, session.query(k_domain, {oid, column.type, column.like}));
    if (rows.empty()) continue;
    const auto& domain = rows[0];
    const bool required = domain.boolean(1), has_default = column.has_default || domain.boolean(3);
    if (!required && !domain.boolean(2)) continue;
    PGPHASE_TRY(there, has_rows(session, oid));
    found.rewrites = found.rewrites || there;
    const bool refuses_rows = required && (column.comes_empty || !has_default);
    if (!there && !refuses_rows) continue;
    found.obstacles.push_back(fmt::format(
        "{} is a domain with {}, and {}: give column {} of {} the type {}, and the rest by add_check and set_not_null, "
        "or take that off the domain first (`ALTER DOMAIN {} DROP …`) and put it back afterwards",
        domain.text(0), required ? "NOT NULL" : "conditions",
        refuses_rows ? "PostgreSQL would refuse every row that comes without the column"
                     : "PostgreSQL would write every row that is there anew, while everybody waits",
        column.name, display_name(table), domain.text(4), domain.text(0)));
  }
  return {};
}

}  // namespace

Result<Adding> look_at_adding(Session& session, const TableName& table, const std::vector<AddedColumn>& columns) {
  Adding found;
  PGPHASE_TRY(oid, table_oid(session, table));
  if (!oid) return found;
  PGPHASE_CHECK(of_a_typed_table(session, table, *oid, found));
  PGPHASE_CHECK(with_a_default(session, table, columns, found));
  PGPHASE_CHECK(of_a_domain(session, table, *oid, columns, found));
  return found;
}

Result<std::optional<std::string>> type_of_typed_table(Session& session, const std::string& oid) {
  PGPHASE_TRY(rows, session.query("SELECT format_type(reloftype, NULL) FROM pg_class WHERE oid = $1 AND reloftype <> 0",
                                  {oid}));
  return rows.empty() ? std::optional<std::string>() : std::optional(rows[0].text(0));
}

AddedColumn added_by(const AddColumnBody& body) {
  return {body.column, body.type(), "", !body.default_sql.empty(), false};
}

std::vector<AddedColumn> added_by(const LinkColumnsBody& body) {
  std::vector<AddedColumn> columns;
  for (const auto& target : body.targets) {
    columns.push_back({target.name, target.type, target.type.empty() ? target.like : "", false, true});
  }
  return columns;
}

}  // namespace pgphase
