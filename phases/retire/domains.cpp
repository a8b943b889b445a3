#include "phases/retire/domains.hpp"

namespace pgphase {

// A domain over a domain refuses what the one below does.
Result<std::optional<std::string>> domain_that_refuses_null(Session& session, const TableName& table,
                                                            const std::string& column, WithADefault with_a_default) {
  PGPHASE_TRY(
      found,
      session.query("WITH RECURSIVE mine AS ("
                    "  SELECT a.atttypid AS type, format_type(a.atttypid, NULL) AS name, "
                    "         a.atthasdef OR a.attidentity <> '' OR t.typdefault IS NOT NULL AS has_default "
                    "    FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace "
                    "    JOIN pg_attribute a ON a.attrelid = c.oid AND a.attnum > 0 AND NOT a.attisdropped "
                    "    JOIN pg_type t ON t.oid = a.atttypid "
                    "   WHERE n.nspname = $1 AND c.relname = $2 AND a.attname = $3), "
                    "chain AS ("
                    "  SELECT t.typbasetype, t.typnotnull FROM mine JOIN pg_type t ON t.oid = mine.type "
                    "   WHERE t.typtype = 'd' "
                    "  UNION ALL "
                    "  SELECT t.typbasetype, t.typnotnull FROM chain JOIN pg_type t ON t.oid = chain.typbasetype "
                    "   WHERE t.typtype = 'd') "
                    "SELECT name FROM mine WHERE (NOT has_default OR $4) AND (SELECT bool_or(typnotnull) FROM chain)",
                    {table.schema, table.name, column, with_a_default == WithADefault::counts ? "t" : "f"}));
  if (found.empty()) return std::optional<std::string>();
  return std::optional(found[0].text(0));
}

}  // namespace pgphase
