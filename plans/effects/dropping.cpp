// DROP and TRUNCATE.
#include <fmt/format.h>

#include <algorithm>
#include <array>

#include "plans/effects/reading.hpp"

namespace pgphase::effects {
namespace {

constexpr auto ael = LockMode::access_exclusive;

// DROP TRIGGER and the like name an object of a table as [schema,] table, object.
TableName table_of_member(std::vector<std::string> parts) {
  if (!parts.empty()) parts.pop_back();
  return tree::table_name(parts);
}

void drop_table(Reading& r, const TableName& table, bool cascade) {
  r.out.actions.push_back({ActionKind::drop_table, table, {}});
  r.out.loss = Loss::rows;
  r.out.note = "drops every row; each table that a foreign key of it points to is locked as well";
  r.rule("drop-table", table);
  r.on(table, ael);
  referenced(r, table, {}, ael);
  const auto* known = r.find(table);
  if (known && known->complete) {
    for (const TableName& parent : known->parents) {
      const auto* above = r.find(parent);
      if (!above || !above->partitioned.value_or(false)) continue;
      r.on(parent, ael);
      if (!above->default_partition.name.empty()) r.on(above->default_partition, ael);
    }
    if (known->partitioned.value_or(false)) r.on(table, ael).with_children = true;
    if (cascade) {
      r.on(table, ael).with_children = true;
      for (const TableName& other : r.known.referencing(table)) r.on(other, ael);
    }
  } else {
    r.on(table, ael).with_children = true;
    r.unnamed(fmt::format("the table that {} is a partition of, and its default partition", table.name), ael);
    r.asks(fmt::format("whether {} is a partition", table.name));
  }
}

void drop_index(Reading& r, const TableName& index, bool concurrently) {
  Action action{ActionKind::drop_index, {index.schema, ""}, index.name};
  action.concurrently = concurrently;
  r.out.actions.push_back(std::move(action));
  r.out.index = index;
  r.out.loss = std::max(r.out.loss, Loss::definition);
  const LockMode lock = concurrently ? LockMode::share_update_exclusive : ael;
  r.out.note = concurrently ? "waits for every transaction that uses the table; reads and writes go on"
                            : "takes ACCESS EXCLUSIVE on the index's table";
  if (concurrently) {
    r.out.kind = StatementKind::drop_index_concurrently;
    r.out.in_transaction = Answer::no;
    r.out.waits_for_transactions = true;
  }
  const auto owner = r.known.index_owner.find(index);
  const bool known = owner != r.known.index_owner.end();
  r.rule(concurrently ? "drop-index-concurrently" : "drop-index", known ? owner->second : TableName{}, index.name);
  const auto* of = known ? r.find(owner->second) : nullptr;
  const auto what = of ? of->indexes.find(index.name) : decltype(of->indexes.find(index.name)){};
  const bool said = of && what != of->indexes.end() && what->second.unique.has_value();
  const bool unique = said ? *what->second.unique : named_like_a_key(index.name) == Answer::yes;
  if (unique) r.rule("drop-unique-index", known ? owner->second : TableName{}, index.name);
  r.on(index, lock, RelationKind::index);
  if (known) {
    auto& table = r.on(owner->second, lock);
    const auto* relation = r.find(owner->second);
    table.with_children = !concurrently && relation && relation->partitioned.value_or(false);
  } else {
    r.unnamed(fmt::format("the table of index {}, and its partitions", index.name), lock);
    r.asks(fmt::format("which table index {} belongs to", index.name));
  }
}

struct Member {
  std::string_view object;
  std::string_view rule;
};
constexpr auto k_members = std::to_array<Member>({
    {"OBJECT_TRIGGER", "drop-trigger"},
    {"OBJECT_RULE", "create-rule"},
    {"OBJECT_POLICY", "drop-policy"},
});

struct Whole {
  std::string_view object;
  std::string_view rule;
  RelationKind kind;
};
constexpr auto k_wholes = std::to_array<Whole>({
    {"OBJECT_VIEW", "drop-view", RelationKind::view},
    {"OBJECT_MATVIEW", "drop-materialized-view", RelationKind::materialized_view},
    {"OBJECT_SEQUENCE", "drop-sequence", RelationKind::sequence},
    {"OBJECT_FOREIGN_TABLE", "drop-foreign-table", RelationKind::foreign_table},
});

// What no statement of an application names.
constexpr auto k_helpers = std::to_array<std::string_view>(
    {"OBJECT_PUBLICATION", "OBJECT_EVENT_TRIGGER", "OBJECT_FOREIGN_SERVER", "OBJECT_FDW", "OBJECT_ACCESS_METHOD",
     "OBJECT_OPCLASS", "OBJECT_OPFAMILY", "OBJECT_TRANSFORM"});

// Of an earlier statement of the same plan: nobody uses it yet.
bool is_new(const Known& known, std::string_view what, const json::value& object) {
  const auto& body = tree::body_of(object);
  if (what == "OBJECT_FUNCTION" || what == "OBJECT_PROCEDURE") {
    const auto* name = body.if_contains("objname");
    return name && known.new_functions.contains(tree::table_name(tree::names(*name)));
  }
  const auto* names = body.if_contains("names");
  const bool type = what == "OBJECT_TYPE" || what == "OBJECT_DOMAIN";
  return type && names && known.new_types.contains(tree::table_name(tree::names(*names)));
}

void drop_one(Reading& r, std::string_view what, const json::value& object, bool concurrently, bool cascade) {
  const auto parts = tree::names(object);
  if (what == "OBJECT_TABLE") return drop_table(r, tree::table_name(parts), cascade);
  if (what == "OBJECT_INDEX") return drop_index(r, tree::table_name(parts), concurrently);
  for (const auto& member : k_members) {
    if (member.object != what) continue;
    const TableName table = table_of_member(parts);
    r.rule(member.rule, table, parts.empty() ? std::string() : parts.back());
    r.on(table, ael).with_partitions = what == "OBJECT_TRIGGER";
    return;
  }
  for (const auto& whole : k_wholes) {
    if (whole.object != what) continue;
    r.rule(whole.rule, tree::table_name(parts));
    r.on(tree::table_name(parts), ael, whole.kind);
    if (whole.kind == RelationKind::materialized_view) r.out.loss = Loss::rows;
    return;
  }
  if (what == "OBJECT_SCHEMA") {
    r.rule(cascade ? "drop-schema" : "drop-empty-schema", {}, parts.empty() ? std::string() : parts.back());
    if (!cascade) return;
    r.out.loss = Loss::rows;
  } else if (what == "OBJECT_STATISTIC_EXT") {
    r.rule("drop-statistics", tree::table_name(parts));
    r.unnamed(fmt::format("the table of the statistics {}", parts.empty() ? "" : parts.back()),
              LockMode::share_update_exclusive);
    r.asks("which table the statistics are of");
  } else if (std::find(k_helpers.begin(), k_helpers.end(), what) != k_helpers.end()) {
    r.rule("drop-helper", {}, parts.empty() ? std::string() : parts.back());
  } else {
    const bool fresh = is_new(r.known, what, object);
    r.rule(fresh ? "create-definition" : "drop-definition", {}, parts.empty() ? std::string() : parts.back());
  }
}

void truncate(Reading& r) {
  const bool cascade = tree::text(r.node, "behavior") == "DROP_CASCADE";
  r.out.loss = Loss::rows;
  r.out.note = "deletes every row";
  for (const auto& item : tree::list(r.node, "relations")) {
    const auto& relation = tree::body_of(item);
    const TableName table = tree::table_name(relation);
    r.out.actions.push_back({ActionKind::truncate, table, {}});
    r.rule("truncate", table);
    r.on(table, ael).with_children = tree::flag(relation, "inh");
    if (!cascade) continue;
    r.rule("truncate-cascade", table);
    const auto* known = r.find(table);
    if (known && known->complete) {
      std::vector<TableName> reached{table};
      for (std::size_t i = 0; i < reached.size(); ++i) {
        for (const TableName& other : r.known.referencing(reached[i])) {
          if (std::find(reached.begin(), reached.end(), other) != reached.end()) continue;
          reached.push_back(other);
          r.on(other, ael).with_children = true;
        }
      }
    } else {
      r.unnamed(fmt::format("each table with a foreign key to {}, and those with one to these", table.name), ael);
      r.asks(fmt::format("which tables refer to {}", table.name));
    }
  }
}

}  // namespace

bool dropping(Reading& r) {
  if (r.raw.tag == "TruncateStmt") {
    truncate(r);
    return true;
  }
  if (r.raw.tag == "DropOwnedStmt" || r.raw.tag == "ReassignOwnedStmt") {
    r.rule(r.raw.tag == "DropOwnedStmt" ? "drop-owned" : "reassign-owned");
    if (r.raw.tag == "DropOwnedStmt") r.out.loss = Loss::rows;
    r.unnamed("everything that the role owns or has rights on", ael);
    r.asks("what the role owns");
    return true;
  }
  if (r.raw.tag != "DropStmt") return false;
  const auto what = tree::text(r.node, "removeType");
  const bool cascade = tree::text(r.node, "behavior") == "DROP_CASCADE";
  r.out.note = k_brief;
  r.out.loss = Loss::definition;
  for (const auto& object : tree::list(r.node, "objects")) {
    drop_one(r, what, object, tree::flag(r.node, "concurrent"), cascade);
  }
  if (cascade) {
    r.rule("drop-cascade");
    auto& all = r.unnamed("whatever depends on it", ael);
    all.lock_unsure = true;
    r.asks("what depends on it");
    r.out.note = "CASCADE drops and locks whatever depends on it";
  }
  return true;
}

}  // namespace pgphase::effects
