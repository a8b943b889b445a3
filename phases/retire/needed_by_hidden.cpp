#include "phases/retire/needed_by_hidden.hpp"

#include "phases/ledger/ledger.hpp"
#include "phases/retire/names.hpp"
#include "plans/sql/quote.hpp"
#include "plans/sql/statement.hpp"

namespace pgphase {
namespace {

std::vector<Dropped> dropped_by(const Statement& statement) {
  const auto parsed = parse_statements(statement.sql);
  if (!parsed || parsed->size() != 1) return {};
  return parsed->front().drops;
}

// A type has an array type with it, and its columns depend on either.
std::string place_of(const Dropped& one) {
  if (one.sequence) return "SELECT 'pg_class'::regclass::oid, to_regclass($1)::oid";
  return "SELECT 'pg_type'::regclass::oid, unnest(ARRAY[oid, typarray]) FROM pg_type WHERE oid = to_regtype($1)";
}

// What depends on it: in words, and whether it is out of sight. What is neither a table nor a default of one of its
// columns (a domain, a function, an expression of an index) is in sight.
Result<Rows> dependents(Session& session, const Dropped& one) {
  return session.query(
      "WITH object (class, oid) AS (" + place_of(one) +
          "), place AS ("
          "SELECT CASE d.classid WHEN 'pg_attrdef'::regclass THEN f.adrelid WHEN 'pg_class'::regclass THEN d.objid END "
          "       AS relation,"
          "       CASE d.classid WHEN 'pg_attrdef'::regclass THEN f.adnum WHEN 'pg_class'::regclass THEN d.objsubid END "
          "       AS number"
          "  FROM pg_depend d JOIN object o ON d.refclassid = o.class AND d.refobjid = o.oid"
          "  LEFT JOIN pg_attrdef f ON d.classid = 'pg_attrdef'::regclass AND f.oid = d.objid"
          // The array type, and what else belongs to the object itself.
          " WHERE d.deptype <> 'i') "
          "SELECT DISTINCT coalesce(c.relnamespace = to_regnamespace($2)::oid OR r.id IS NOT NULL, false),"
          "       CASE WHEN r.id IS NOT NULL THEN format('column %I.%I', r.table_name, r.object_name)"
          "            ELSE format('table %I', coalesce(w.table_name, c.relname)) END "
          "  FROM place p LEFT JOIN pg_class c ON c.oid = p.relation"
          "  LEFT JOIN pg_attribute a ON a.attrelid = p.relation AND a.attnum = p.number"
          "  LEFT JOIN pgphase.retired r ON r.kind = 'column' AND r.hidden_as = a.attname"
          "       AND r.restored_at IS NULL AND r.purged_at IS NULL"
          "  LEFT JOIN pgphase.retired w ON w.kind = 'table' AND w.hidden_as = c.relname"
          "       AND w.restored_at IS NULL AND w.purged_at IS NULL"
          " ORDER BY 2",
      {qualified(one.name), k_retired_schema});
}

}  // namespace

Result<std::optional<std::string>> keep_for_hidden(Session& session, const StepSite& site, const Statement& statement) {
  const auto dropped = dropped_by(statement);
  if (dropped.empty()) return std::optional<std::string>();
  auto transaction = begin_fenced(session, site.fence, "step.keep");
  if (!transaction) return transaction.error();
  std::string needed;
  for (const auto& one : dropped) {
    PGPHASE_TRY(rows, dependents(session, one));
    for (const auto& row : rows) {
      if (!row.boolean(0)) return std::optional<std::string>();
      needed += (needed.empty() ? "" : ", ") + row.text(1);
    }
    if (rows.empty()) return std::optional<std::string>();  // it can be dropped
  }
  PGPHASE_CHECK(step_undoing(session, site.key));
  PGPHASE_CHECK(step_kept(session, site.key));
  PGPHASE_CHECK(transaction->commit());
  return std::optional(needed);
}

Result<bool> still_there(Session& session, const Statement& statement) {
  const auto dropped = dropped_by(statement);
  for (const auto& one : dropped) {
    PGPHASE_TRY(found, session.query(one.sequence ? "SELECT to_regclass($1) IS NOT NULL" : "SELECT to_regtype($1) IS NOT NULL",
                                     {qualified(one.name)}));
    if (!found[0].boolean(0)) return false;
  }
  return !dropped.empty();
}

}  // namespace pgphase
