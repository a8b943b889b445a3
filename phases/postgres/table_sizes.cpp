#include "phases/postgres/table_sizes.hpp"

#include "phases/postgres/sqlstate.hpp"
#include "phases/postgres/transaction.hpp"

namespace pgphase {

Result<std::map<TableName, std::int64_t>> table_sizes(Session& session, const std::set<TableName>& tables) {
  std::map<TableName, std::int64_t> sizes;
  for (const auto& table : tables) {
    // One transaction a table: a failed one must not take the others with it.
    auto look = Transaction::begin(session, "table.size", "SET TRANSACTION READ ONLY; SET LOCAL lock_timeout = '1s';");
    if (!look) return look.error();
    // pg_partition_tree has no row for a table that is neither partitioned nor a partition.
    auto rows = session.query(
        "SELECT coalesce((SELECT sum(pg_total_relation_size(t.relid)) FROM pg_partition_tree(c.oid) t), "
        "                pg_total_relation_size(c.oid)) "
        "  FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace "
        " WHERE n.nspname = $1 AND c.relname = $2 AND c.relkind IN ('r', 'p')",
        {table.schema, table.name});
    if (!rows) {
      if (rows.error().sqlstate == sqlstate::lock_not_available) continue;
      return rows.error();
    }
    if (!rows->empty()) sizes.emplace(table, (*rows)[0].integer(0));
  }
  return sizes;
}

}  // namespace pgphase
