// RENAME and SET SCHEMA: brief, and whoever knows the old name fails from then on.
#include <fmt/format.h>

#include "plans/effects/reading.hpp"

namespace pgphase::effects {
namespace {

constexpr auto ael = LockMode::access_exclusive;

RelationKind kind_of(std::string_view what) {
  if (what == "OBJECT_VIEW") return RelationKind::view;
  if (what == "OBJECT_MATVIEW") return RelationKind::materialized_view;
  if (what == "OBJECT_SEQUENCE") return RelationKind::sequence;
  if (what == "OBJECT_FOREIGN_TABLE") return RelationKind::foreign_table;
  if (what == "OBJECT_INDEX") return RelationKind::index;
  return RelationKind::table;
}

void rename(Reading& r, const TableName& relation, std::string_view what) {
  const std::string from(tree::text(r.node, "subname"));
  if (what == "OBJECT_INDEX") {
    r.rule("rename-index", relation);
    r.on(relation, LockMode::share_update_exclusive, RelationKind::index);
  } else if (what == "OBJECT_TABLE") {
    // ALTER TABLE … RENAME takes an index, too, and locks it more than ALTER INDEX does.
    if (r.known.index_owner.contains(relation)) {
      r.rule("rename-index-as-table", relation);
      r.on(relation, ael, RelationKind::index);
      return;
    }
    r.out.actions.push_back({ActionKind::move_table, relation});
    r.rule("rename-table", relation);
    r.on(relation, ael);
  } else if (what == "OBJECT_COLUMN") {
    const auto kind = kind_of(tree::text(r.node, "relationType"));
    if (kind == RelationKind::table) {
      r.out.actions.push_back({ActionKind::rename_column, relation, from});
      r.rule("rename-column", relation, from);
    } else {
      r.rule("rename-view", relation, from);
    }
    r.on(relation, ael, kind).with_children = kind == RelationKind::table;
  } else if (what == "OBJECT_TABCONSTRAINT") {
    r.rule("rename-constraint", relation, from);
    const auto* table = r.find(relation);
    const auto known = table ? table->constraints.find(from) : decltype(table->constraints.find(from)){};
    const bool inherited = !table || known == table->constraints.end() ||
                           known->second.kind == KnownConstraint::Kind::check ||
                           known->second.kind == KnownConstraint::Kind::not_null;
    r.on(relation, ael).with_children = inherited;
  } else if (what == "OBJECT_TRIGGER") {
    r.rule("rename-trigger", relation, from);
    // Before 15 each partition's trigger keeps its name.
    r.on(relation, ael).with_partitions = r.since(15) != Answer::no;
  } else if (what == "OBJECT_POLICY") {
    r.rule("policy", relation, from);
    r.on(relation, ael);
  } else if (what == "OBJECT_RULE") {
    r.rule("create-rule", relation, from);
    r.on(relation, ael);
  } else if (what == "OBJECT_ATTRIBUTE") {
    r.rule("rename-attribute", relation, from);
    r.unnamed(fmt::format("each table of the type {}", relation.name), ael);
    r.asks(fmt::format("which tables are of the type {}", relation.name));
  } else {
    r.rule("rename-view", relation);
    r.on(relation, ael, kind_of(what));
  }
}

}  // namespace

bool renaming(Reading& r) {
  const bool renames = r.raw.tag == "RenameStmt";
  if (!renames && r.raw.tag != "AlterObjectSchemaStmt") return false;
  r.out.note = k_brief;
  const auto what = tree::text(r.node, renames ? "renameType" : "objectType");
  const auto* relation = tree::object(r.node, "relation");
  if (!relation) {
    if (what == "OBJECT_SCHEMA") {
      r.rule("rename-schema", {}, std::string(tree::text(r.node, "subname")));
    } else {
      r.rule("rename-definition");
    }
    return true;
  }
  const TableName name = tree::table_name(*relation);
  if (renames) {
    rename(r, name, what);
  } else {
    r.rule("set-schema", name);
    if (what == "OBJECT_TABLE") r.out.actions.push_back({ActionKind::move_table, name});
    r.on(name, ael, kind_of(what));
  }
  return true;
}

}  // namespace pgphase::effects
