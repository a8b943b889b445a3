// CREATE TABLE in its forms: nobody knows the new one, but what it refers to, hangs under or is made from is locked.
#include <fmt/format.h>

#include "plans/effects/reading.hpp"

namespace pgphase::effects {
namespace {

constexpr auto ael = LockMode::access_exclusive;

void under_parent(Reading& r, const TableName& parent) {
  r.rule("create-partition", parent);
  r.on(parent, ael);
  r.out.note = "locks the parent; ALTER TABLE … ATTACH PARTITION of a finished table does not";
  const auto* bound = tree::object(r.node, "partbound");
  if (bound && tree::flag(*bound, "is_default")) return;
  const auto* known = r.find(parent);
  if (known && known->complete) {
    if (known->default_partition.name.empty()) return;
    r.on(known->default_partition, ael).scan = Answer::yes;
  } else {
    r.unnamed(fmt::format("the default partition of {}", parent.name), ael).scan = Answer::unknown;
    r.asks(fmt::format("whether {} has a default partition", parent.name));
  }
}

void create_table(Reading& r) {
  TableName made;
  if (const auto* relation = tree::object(r.node, "relation")) made = tree::table_name(*relation);
  r.out.actions.push_back({ActionKind::create_table, made, {}});
  r.out.note = "a new table";
  const bool partition = r.node.contains("partbound");
  bool alone = true;
  for (const auto& parent : tree::list(r.node, "inhRelations")) {
    const TableName name = tree::table_name(tree::body_of(parent));
    alone = false;
    if (partition) {
      under_parent(r, name);
    } else {
      r.rule("create-table-inherits", name);
      r.on(name, LockMode::share_update_exclusive);
    }
  }
  tree::walk(r.node, [&](std::string_view key, const json::object& inner) {
    // The trigger of a foreign key is created on the table that it points to as well.
    if (key == "pktable" && tree::table_name(inner) != made) {
      alone = false;
      r.rule("create-table-references", tree::table_name(inner));
      r.on(tree::table_name(inner), LockMode::share_row_exclusive).with_partitions = true;
    }
    if (const auto* like = tree::object(inner, "relation"); like && key == "TableLikeClause") {
      r.on(tree::table_name(*like), LockMode::access_share);
    }
    return true;
  });
  if (alone) r.rule("create-table", made);
}

void create_from_query(Reading& r) {
  const auto* into = tree::object(r.node, "into");
  if (!into) into = tree::object(r.node, "intoClause");
  const auto* made = into ? tree::object(*into, "rel") : nullptr;
  const TableName name = made ? tree::table_name(*made) : TableName{};
  r.rule("create-table-as", name);
  r.out.actions.push_back({ActionKind::create_table, name, {}});
  r.out.note = "reads for as long as the query takes; its snapshot keeps VACUUM and concurrent index builds waiting";
  const auto* query = tree::object(r.node, "query");
  for (const TableName& table : tree::relations(query ? *query : r.node)) {
    if (table != name) r.on(table, LockMode::access_share).scan = Answer::unknown;
  }
  r.asks("what the query reads");
}

}  // namespace

bool tables(Reading& r) {
  const bool selects_into = r.raw.tag == "SelectStmt" && r.node.contains("intoClause");
  if (r.raw.tag == "CreateTableAsStmt" || selects_into) {
    create_from_query(r);
    return true;
  }
  if (r.raw.tag == "CreateForeignTableStmt") {
    r.rule("create-table");
    r.out.note = "a new table";
    if (const auto* base = tree::object(r.node, "base")) {
      if (const auto* relation = tree::object(*base, "relation")) {
        r.out.actions.push_back({ActionKind::create_table, tree::table_name(*relation), {}});
      }
      for (const auto& parent : tree::list(*base, "inhRelations")) {
        const bool partition = base->contains("partbound");
        r.on(tree::table_name(tree::body_of(parent)), partition ? ael : LockMode::share_update_exclusive);
      }
    }
    return true;
  }
  if (r.raw.tag != "CreateStmt") return false;
  create_table(r);
  return true;
}

}  // namespace pgphase::effects
