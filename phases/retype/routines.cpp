#include "phases/retype/routines.hpp"

namespace pgphase {
namespace {

// Writes the routine as it is, under another transaction's number: that is what sessions look at.
constexpr const char* k_routines = R"sql(
SELECT format('ALTER ROUTINE %s SECURITY %s;', p.oid::regprocedure, CASE WHEN p.prosecdef THEN 'DEFINER' ELSE 'INVOKER' END)
  FROM pg_proc p JOIN pg_language l ON l.oid = p.prolang JOIN pg_namespace n ON n.oid = p.pronamespace
 WHERE l.lanname = 'plpgsql' AND n.nspname NOT IN ('pg_catalog', 'information_schema', 'pgphase')
   AND pg_has_role(p.proowner, 'USAGE')
   AND NOT EXISTS (SELECT FROM pg_depend d WHERE d.classid = 'pg_proc'::regclass AND d.objid = p.oid AND d.deptype = 'e')
   AND (EXISTS (SELECT FROM pg_trigger t JOIN pg_class c ON c.oid = t.tgrelid JOIN pg_namespace cn ON cn.oid = c.relnamespace
                 WHERE t.tgfoid = p.oid AND cn.nspname = $1 AND c.relname = $2)
        OR p.prosrc ~* ('(^|\W)' || regexp_replace($2, '([^[:alnum:]_])', '\\\1', 'g') || '(\W|$)'))
 ORDER BY 1)sql";

constexpr const char* k_of_others = R"sql(
SELECT format('%s of trigger %I', p.oid::regprocedure, t.tgname)
  FROM pg_trigger t JOIN pg_proc p ON p.oid = t.tgfoid JOIN pg_language l ON l.oid = p.prolang
  JOIN pg_class c ON c.oid = t.tgrelid JOIN pg_namespace n ON n.oid = c.relnamespace
 WHERE n.nspname = $1 AND c.relname = $2 AND NOT t.tgisinternal AND t.tgname !~ '^[!~_]pgphase_'
   AND l.lanname = 'plpgsql' AND NOT pg_has_role(p.proowner, 'USAGE')
   AND p.prosrc ~* ('(^|\W)' || regexp_replace($3, '([^[:alnum:]_])', '\\\1', 'g') || '(\W|$)')
 ORDER BY 1)sql";

}  // namespace

Result<void> have_routines_compiled_anew(Session& session, const TableName& table) {
  PGPHASE_TRY(rows, session.query(k_routines, {table.schema, table.name}));
  std::string sql;
  for (const auto& row : rows) sql += row.text(0);
  if (!sql.empty()) PGPHASE_CHECK(session.script(sql));
  return {};
}

Result<std::vector<std::string>> routines_of_others(Session& session, const TableName& table,
                                                    const std::string& column) {
  PGPHASE_TRY(rows, session.query(k_of_others, {table.schema, table.name, column}));
  std::vector<std::string> found;
  for (const auto& row : rows) found.push_back(row.text(0));
  return found;
}

}  // namespace pgphase
