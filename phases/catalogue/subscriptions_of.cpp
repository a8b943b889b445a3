#include "phases/catalogue/subscriptions_of.hpp"

namespace pgphase {

Result<std::vector<std::string>> subscriptions_of(Session& session, const TableName& table) {
  PGPHASE_TRY(rows,
              session.query("SELECT DISTINCT s.subname::text FROM pg_class c JOIN pg_namespace n "
                            "    ON n.oid = c.relnamespace "
                            "  JOIN LATERAL (SELECT c.oid UNION SELECT relid FROM pg_partition_tree(c.oid)) f ON true "
                            "  JOIN pg_subscription_rel r ON r.srrelid = f.oid "
                            "  JOIN pg_subscription s ON s.oid = r.srsubid "
                            " WHERE n.nspname = $1 AND c.relname = $2 ORDER BY 1",
                            {table.schema, table.name}));
  std::vector<std::string> names;
  for (const auto& row : rows) names.push_back(row.text(0));
  return names;
}

}  // namespace pgphase
