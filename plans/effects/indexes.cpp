// CREATE INDEX and REINDEX.
#include <fmt/format.h>

#include <algorithm>

#include "plans/effects/reading.hpp"

namespace pgphase::effects {
namespace {

void create_index(Reading& r) {
  const auto* relation = tree::object(r.node, "relation");
  if (!relation) return;
  const TableName table = tree::table_name(*relation);
  Action action{ActionKind::create_index, table, std::string(tree::text(r.node, "idxname"))};
  action.concurrently = tree::flag(r.node, "concurrent");
  r.out.index = {table.schema, action.name};
  if (tree::flag(r.node, "nulls_not_distinct")) r.out.since = 15;
  const auto* known = r.find(table);
  const bool only = !tree::flag(*relation, "inh");
  if (action.concurrently) {
    r.out.kind = StatementKind::create_index_concurrently;
    r.out.note = "scans the table twice; reads and writes go on";
    r.out.in_transaction = Answer::no;
    r.out.waits_for_transactions = true;
    if (known && known->partitioned.has_value()) {
      r.out.fails = *known->partitioned ? Answer::yes : Answer::no;
    } else if (!r.known.own(table)) {
      r.out.fails = Answer::unknown;
      r.asks(fmt::format("whether {} is partitioned", table.name));
    }
    r.out.fails_because = "an index of a partitioned table cannot be built concurrently";
    r.rule("create-index-concurrently", table, action.name);
    auto& held = r.on(table, LockMode::share_update_exclusive);
    held.scan = held.index_build = Answer::yes;
  } else {
    r.out.note = "builds the index while writers wait";
    r.rule(only ? "create-index-only" : "create-index", table, action.name);
    auto& held = r.on(table, LockMode::share);
    held.scan = held.index_build = Answer::yes;
    held.with_partitions = !only;
    if (only && !(known && known->complete)) {
      held.scan = held.index_build = Answer::unknown;  // of a partitioned table there is nothing to build
      r.asks(fmt::format("whether {} is partitioned", table.name));
    }
  }
  r.out.actions.push_back(std::move(action));
}

void reindex(Reading& r) {
  const auto kind = tree::text(r.node, "kind");
  const auto& params = tree::list(r.node, "params");
  const bool concurrently = std::any_of(params.begin(), params.end(), [](const json::value& one) {
    return tree::text(tree::body_of(one), "defname") == "concurrently";
  });
  const LockMode lock = concurrently ? LockMode::share_update_exclusive : LockMode::share;
  const LockMode on_index = concurrently ? LockMode::share_update_exclusive : LockMode::access_exclusive;
  r.out.note = concurrently ? "reads and writes go on" : "builds the index again while readers and writers wait";
  if (concurrently) {
    r.out.in_transaction = Answer::no;
    r.out.waits_for_transactions = true;
  }
  const auto* relation = tree::object(r.node, "relation");
  const TableName name = relation ? tree::table_name(*relation) : TableName{};
  if (kind == "REINDEX_OBJECT_INDEX") {
    r.rule(concurrently ? "reindex-concurrently" : "reindex-index", name, name.name);
    r.on(name, on_index, RelationKind::index);
    const auto owner = r.known.index_owner.find(name);
    auto& table = owner != r.known.index_owner.end() ? r.on(owner->second, lock)
                                                     : r.unnamed(fmt::format("the table of index {}", name.name), lock);
    table.scan = table.index_build = Answer::yes;
    if (owner == r.known.index_owner.end()) r.asks(fmt::format("which table index {} belongs to", name.name));
    return;
  }
  if (kind != "REINDEX_OBJECT_TABLE") {
    r.rule("reindex-everything");
    auto& each = r.unnamed("each table of the schema or database, and its indexes", LockMode::access_exclusive);
    each.scan = each.index_build = Answer::unknown;
    r.out.in_transaction = Answer::no;
    r.asks("which tables there are");
    return;
  }
  r.rule(concurrently ? "reindex-concurrently" : "reindex-table", name);
  auto& held = r.on(name, lock);
  held.scan = held.index_build = Answer::yes;
  held.with_children = true;
  // Of a partitioned table each partition is a transaction of its own, and inheritance plays no part.
  const auto* known = r.find(name);
  const bool partitioned = known && known->partitioned.value_or(false);
  if (known && known->partitioned.has_value()) {
    held.with_children = partitioned;
    if (partitioned) r.out.in_transaction = Answer::no;
  } else {
    r.out.in_transaction = std::min(r.out.in_transaction, Answer::unknown);
    r.asks(fmt::format("whether {} is partitioned", name.name));
  }
  if (known && known->complete) {
    if (known->indexes.empty()) r.on(name, lock).scan = r.on(name, lock).index_build = Answer::no;
    for (const auto& [index, columns] : known->indexes) r.on({name.schema, index}, on_index, RelationKind::index);
    return;
  }
  r.unnamed(fmt::format("each index of {}", name.name), on_index, RelationKind::index);
  auto& again = r.on(name, lock);
  again.scan = again.index_build = Answer::unknown;
  r.asks(fmt::format("which indexes {} has", name.name));
}

}  // namespace

bool indexes(Reading& r) {
  if (r.raw.tag == "IndexStmt") {
    create_index(r);
  } else if (r.raw.tag == "ReindexStmt") {
    reindex(r);
  } else {
    return false;
  }
  return true;
}

}  // namespace pgphase::effects
