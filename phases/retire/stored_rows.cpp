#include "phases/retire/stored_rows.hpp"

#include <fmt/format.h>

#include "phases/retire/step_change.hpp"
#include "phases/retire/tree.hpp"

namespace pgphase {
namespace {

// By pg_depend, which has an index for it, because it is asked while an application waits: an array, a domain, a range
// depends on the type that it is of, and a column on its own. A composite type holds no rows by itself, and is gone
// through. A partition has its columns from the table above.
constexpr const char* k_question = R"sql(
SELECT 'stored_rows' AS kind, pg_describe_object('pg_class'::regclass, stored.relation, stored.attnum) AS who,
       NULL AS whom
  FROM (WITH RECURSIVE made_of_rows(type) AS (
          SELECT reltype FROM pg_class WHERE oid IN {tree} AND reltype <> 0
          UNION
          SELECT CASE WHEN d.classid = 'pg_type'::regclass THEN d.objid ELSE c.reltype END
            FROM made_of_rows m
            JOIN pg_depend d ON d.refclassid = 'pg_type'::regclass AND d.refobjid = m.type
            LEFT JOIN pg_class c ON d.classid = 'pg_class'::regclass AND c.oid = d.objid AND c.relkind = 'c'
           WHERE d.classid = 'pg_type'::regclass OR c.oid IS NOT NULL)
        SELECT DISTINCT c.oid AS relation, d.objsubid AS attnum
          FROM made_of_rows m
          JOIN pg_depend d ON d.refclassid = 'pg_type'::regclass AND d.refobjid = m.type
                          AND d.classid = 'pg_class'::regclass AND d.objsubid > 0
          JOIN pg_class c ON c.oid = d.objid
         WHERE c.relkind IN ('r', 'p', 'm', 'f') AND NOT c.relispartition AND c.oid NOT IN {tree}) stored
)sql";

}  // namespace

const std::string& stored_rows_question() {
  static const std::string k_text = fmt::format(k_question, fmt::arg("tree", k_tree));
  return k_text;
}

Result<std::vector<std::string>> columns_with_rows_of(Session& session, const TableName& table) {
  std::vector<std::string> columns;
  PGPHASE_TRY(oid, table_oid(session, table));
  if (!oid) return columns;
  PGPHASE_TRY(rows, session.query(stored_rows_question() + " ORDER BY 2", {*oid}));
  for (const auto& row : rows) columns.push_back(row.text(1));
  return columns;
}

}  // namespace pgphase
