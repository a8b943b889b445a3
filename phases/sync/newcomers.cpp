#include "phases/sync/newcomers.hpp"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>

#include "phases/postgres/transaction.hpp"
#include "phases/retire/step_change.hpp"
#include "phases/sync/links.hpp"
#include "plans/sql/quote.hpp"

namespace pgphase {
namespace {

using Flow = SyncLink::Flow;
using Columns = std::vector<SyncColumn>;

constexpr std::chrono::milliseconds k_in_an_incident{1000};  // for each of them: a rollback must not wait for long

// A foreign table's rows are another server's; a backfill of one is refused.
constexpr const char* k_partitions = R"sql(
SELECT l.relid::oid, n.nspname, l.relname FROM pg_class c JOIN pg_namespace cn ON cn.oid = c.relnamespace,
       LATERAL (SELECT t.relid, k.relname, k.relnamespace FROM pg_partition_tree(c.oid) t JOIN pg_class k ON k.oid = t.relid
                 WHERE t.isleaf AND k.relkind = 'r') l
  JOIN pg_namespace n ON n.oid = l.relnamespace
 WHERE cn.nspname = $1 AND c.relname = $2 AND c.relkind = 'p' ORDER BY 2, 3
)sql";

// "a IS NULL AND (up) IS NOT NULL OR …", over a row that has the table's name.
std::string lacks_a_value(const TableName& table, const Columns& columns) {
  std::vector<std::string> any;
  for (const auto& column : columns) {
    if (column.expression.empty()) continue;
    any.push_back(fmt::format("{} AND {}", is_null(quote_ident(table.name) + "." + quote_ident(column.name)),
                              is_not_null("(" + column.expression + "\n)")));
  }
  return fmt::format("{}", fmt::join(any, " OR "));
}

Result<std::vector<TableName>> lacking(Session& session, const StoredLink& stored, const Columns& columns,
                                       const Columns& of, std::chrono::milliseconds time) {
  std::vector<TableName> found;
  const auto condition = lacks_a_value(stored.table, columns);
  PGPHASE_TRY(rows, session.query(k_partitions, {stored.table.schema, stored.table.name}));
  const auto& known = stored.link.partitions;
  // Expressions keep the names that they were written with.
  std::string as_called;
  for (const auto& column : of) {
    if (column.called.empty() || column.called == column.name) continue;
    as_called += fmt::format(", {} AS {}", quote_ident(column.name), quote_ident(column.called));
  }
  for (const auto& row : rows) {
    if (condition.empty() || std::find(known.begin(), known.end(), row.text(0)) != known.end()) continue;
    const TableName partition{row.text(1), row.text(2)};
    auto look = Transaction::begin(session, "sync.newcomers",
                                   "SET TRANSACTION READ ONLY;" + set_local_ms("statement_timeout", time) + ";");
    if (!look) return look.error();
    PGPHASE_TRY(any,
                session.query(fmt::format("SELECT EXISTS (SELECT FROM (SELECT *{} FROM ONLY {}) AS {} WHERE {})",
                                          as_called, qualified(partition), quote_ident(stored.table.name), condition)));
    if (any[0].boolean(0)) found.push_back(partition);
  }
  return found;
}

}  // namespace

Result<std::vector<std::string>> partitions_now(Session& session, const TableName& table) {
  PGPHASE_TRY(rows, session.query(k_partitions, {table.schema, table.name}));
  std::vector<std::string> oids;
  for (const auto& row : rows) oids.push_back(row.text(0));
  return oids;
}

Result<void> newcomers_must_be_in_step(Session& session, const PlanId& plan) {
  PGPHASE_TRY(links, links_of_plan(session, plan));
  std::vector<std::string> found;
  for (const auto& stored : links) {
    if (stored.link.flow != Flow::both) continue;
    PGPHASE_TRY(partitions, lacking(session, stored, stored.link.targets, stored.link.sources, k_long_deadline));
    for (const auto& partition : partitions) {
      found.push_back(fmt::format("rows of {}, which became a partition of {} meanwhile, have no value in {} yet",
                                  display_name(partition), display_name(stored.table),
                                  stored.link.targets.front().name));
    }
  }
  if (found.empty()) return {};
  return make_error(Errc::refused, fmt::format("{} does not go on: {}", plan.value, fmt::join(found, "; ")),
                    fmt::format("Nothing was changed. `pgphase rollback {0} --phase backfill`, then `pgphase up {0}`, "
                                "fills them.",
                                plan.value));
}

Result<std::vector<std::string>> newcomers_without_old_values(Session& session, const PlanId& plan) {
  PGPHASE_TRY(links, links_of_plan(session, plan));
  std::vector<std::string> sentences;
  for (const auto& stored : links) {
    const auto& link = stored.link;
    if (link.flow == Flow::both || link.flow == Flow::ended) continue;
    const bool back = link.flow == Flow::to_sources;
    const auto& side = back ? link.sources : link.targets;
    PGPHASE_TRY(partitions, lacking(session, stored, side, back ? link.targets : link.sources, k_in_an_incident));
    for (const auto& partition : partitions) {
      std::vector<std::string> repairs;
      for (const auto& column : side) {
        if (column.expression.empty()) continue;
        repairs.push_back(fmt::format("UPDATE ONLY {0} AS {1} SET {2} = {3} WHERE {2} IS NOT DISTINCT FROM NULL", qualified(partition),
                                      quote_ident(stored.table.name),
                                      quote_ident(column.called.empty() ? column.name : column.called),
                                      column.expression));
      }
      sentences.push_back(
          fmt::format("rows of {}, which became a partition of {} meanwhile, have no value in what comes back: when "
                      "the phase is rolled back, `{}` gives them one",
                      display_name(partition), display_name(stored.table), fmt::join(repairs, "; ")));
    }
  }
  return sentences;
}

}  // namespace pgphase
