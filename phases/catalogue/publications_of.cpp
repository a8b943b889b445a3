#include "phases/catalogue/publications_of.hpp"

#include <fmt/format.h>

namespace pgphase {
namespace {

// A partition is also published by way of a table above it.
constexpr const char* k_publications = R"sql(
SELECT DISTINCT p.pubname::text
  FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace
  JOIN LATERAL (SELECT c.oid UNION SELECT relid FROM pg_partition_ancestors(c.oid)
                UNION SELECT relid FROM pg_partition_tree(c.oid)) family ON true
  JOIN pg_class f ON f.oid = family.oid, pg_publication p
 WHERE n.nspname = $1 AND c.relname = $2
   AND (p.puballtables AND c.relpersistence = 'p'
        OR EXISTS (SELECT FROM pg_publication_rel r WHERE r.prpubid = p.oid AND r.prrelid = f.oid{}){})
 ORDER BY 1
)sql";

}  // namespace

Result<std::vector<std::string>> publications_of(Session& session, const TableName& table) {
  const bool since_15 = session.server_version() >= 150000;
  const auto* all_columns = since_15 ? " AND r.prattrs IS NULL" : "";
  const auto* by_schema =
      since_15
          ? " OR EXISTS (SELECT FROM pg_publication_namespace s WHERE s.pnpubid = p.oid AND s.pnnspid = f.relnamespace)"
          : "";
  PGPHASE_TRY(rows, session.query(fmt::format(k_publications, all_columns, by_schema), {table.schema, table.name}));
  std::vector<std::string> names;
  for (const auto& row : rows) names.push_back(row.text(0));
  return names;
}

}  // namespace pgphase
