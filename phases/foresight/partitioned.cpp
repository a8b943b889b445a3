#include "phases/foresight/partitioned.hpp"

#include <fmt/format.h>

#include "plans/sql/quote.hpp"

namespace pgphase {

Result<std::string> not_for_a_partitioned_table(Session& session, const Action& action) {
  const bool index = action.kind == ActionKind::create_index && action.concurrently;
  const bool constraint = action.kind == ActionKind::add_unique && action.using_index;
  const bool key =
      action.kind == ActionKind::add_foreign_key && action.not_valid && session.server_version() < 180000;
  if (!index && !constraint && !key) return std::string();
  PGPHASE_TRY(partitioned,
              session.query("SELECT FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace "
                            "WHERE n.nspname = $1 AND c.relname = $2 AND c.relkind = 'p'",
                            {action.table.schema, action.table.name}));
  if (partitioned.empty()) return std::string();
  const auto table = display_name(action.table);
  if (key) {
    return fmt::format("{} is partitioned, and before 18 PostgreSQL adds no foreign key NOT VALID to it: add it to each "
                       "partition",
                       table);
  }
  return fmt::format(
      "{} is partitioned, and PostgreSQL {}: make it on each partition, then {} in a step written by hand, which "
      "takes what the partitions have",
      table, index ? "builds no index CONCURRENTLY on all of its partitions" : "makes no constraint of an index there",
      index ? "`CREATE INDEX … ON ONLY` with `ALTER INDEX … ATTACH PARTITION`" : "`ALTER TABLE … ADD CONSTRAINT`");
}

}  // namespace pgphase
