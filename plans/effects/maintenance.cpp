// VACUUM, ANALYZE, CLUSTER.
#include <fmt/format.h>

#include <algorithm>

#include "plans/effects/reading.hpp"

namespace pgphase::effects {
namespace {

bool option(const json::object& node, std::string_view name) {
  const auto& options = tree::list(node, node.contains("options") ? "options" : "params");
  return std::any_of(options.begin(), options.end(),
                     [&](const json::value& one) { return tree::text(tree::body_of(one), "defname") == name; });
}

void vacuum(Reading& r) {
  const bool vacuums = tree::flag(r.node, "is_vacuumcmd");
  const bool full = option(r.node, "full");
  r.out.kind = StatementKind::maintenance;
  r.out.note = full ? "rewrites the table while readers and writers wait" : "reads and writes go on";
  const char* id = full ? "vacuum-full" : vacuums ? "vacuum" : "analyze";
  if (vacuums) r.out.in_transaction = Answer::no;
  const LockMode lock = full ? LockMode::access_exclusive : LockMode::share_update_exclusive;
  const auto& tables = tree::list(r.node, "rels");
  if (tables.empty()) {
    r.rule(id);
    auto& each = r.unnamed("each table of the database", lock);
    each.rewrite = full ? Answer::yes : Answer::no;
    each.scan = Answer::unknown;
    r.asks("which tables there are");
  }
  for (const auto& item : tables) {
    const auto* relation = tree::object(tree::body_of(item), "relation");
    if (!relation) continue;
    const TableName table = tree::table_name(*relation);
    r.rule(id, table);
    auto& held = r.on(table, lock);
    const auto* known = r.find(table);
    held.with_children = !known || known->partitioned.value_or(false);
    held.rewrite = held.scan = full ? Answer::yes : Answer::no;
    // It passes over pages that have not changed, and a sample may be all pages or some.
    if (!full) held.scan = Answer::unknown;
    if (!full) r.asks(fmt::format("how much of {} has changed", table.name));
  }
}

void cluster(Reading& r) {
  r.out.note = "rewrites the table while readers and writers wait";
  const auto* relation = tree::object(r.node, "relation");
  r.rule("cluster", relation ? tree::table_name(*relation) : TableName{});
  if (!relation) {
    auto& each = r.unnamed("each table that was clustered before", LockMode::access_exclusive);
    each.rewrite = Answer::unknown;
    r.out.in_transaction = Answer::no;
    r.asks("which tables were clustered before");
    return;
  }
  auto& held = r.on(tree::table_name(*relation), LockMode::access_exclusive);
  held.rewrite = held.scan = Answer::yes;
  const auto* known = r.find(tree::table_name(*relation));
  if (known && known->partitioned.value_or(false)) {
    held.with_children = true;
    r.out.in_transaction = Answer::no;
    r.out.since = 15;
  } else if (!known && !r.known.catalogue && r.known.server != 14) {
    held.with_partitions = true;
    r.out.in_transaction = Answer::unknown;
    r.asks(fmt::format("whether {} is partitioned", tree::table_name(*relation).name));
  }
}

}  // namespace

bool maintenance(Reading& r) {
  if (r.raw.tag == "VacuumStmt") {
    vacuum(r);
  } else if (r.raw.tag == "ClusterStmt") {
    cluster(r);
  } else {
    return false;
  }
  return true;
}

}  // namespace pgphase::effects
