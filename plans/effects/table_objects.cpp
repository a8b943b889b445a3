// What hangs on a table: triggers, rules, policies, statistics, comments, publications, rights.
#include <fmt/format.h>

#include <algorithm>
#include <array>

#include "plans/effects/reading.hpp"

namespace pgphase::effects {
namespace {

constexpr auto ael = LockMode::access_exclusive;
constexpr auto sue = LockMode::share_update_exclusive;

TableName table_of_member(std::vector<std::string> parts) {
  if (!parts.empty()) parts.pop_back();
  return tree::table_name(parts);
}

void comment(Reading& r) {
  r.rule("comment");
  if (!r.node.contains("object")) return;
  const auto kind = tree::text(r.node, "objtype");
  const auto parts = tree::names(r.node.at("object"));
  if (kind == "OBJECT_TABLE") r.on(tree::table_name(parts), sue);
  if (kind == "OBJECT_VIEW") r.on(tree::table_name(parts), sue, RelationKind::view);
  if (kind == "OBJECT_MATVIEW") r.on(tree::table_name(parts), sue, RelationKind::materialized_view);
  if (kind == "OBJECT_FOREIGN_TABLE") r.on(tree::table_name(parts), sue, RelationKind::foreign_table);
  if (kind == "OBJECT_SEQUENCE") r.on(tree::table_name(parts), sue, RelationKind::sequence);
  if (kind == "OBJECT_INDEX") r.on(tree::table_name(parts), sue, RelationKind::index);
  if (kind == "OBJECT_COLUMN") r.on(table_of_member(parts), sue);
  // Of what hangs on a table the table itself is only looked at.
  constexpr auto k_members =
      std::to_array<std::string_view>({"OBJECT_TABCONSTRAINT", "OBJECT_TRIGGER", "OBJECT_POLICY", "OBJECT_RULE"});
  if (std::find(k_members.begin(), k_members.end(), kind) != k_members.end()) {
    r.on(table_of_member(parts), LockMode::access_share);
  }
}

void trigger(Reading& r) {
  const auto* relation = tree::object(r.node, "relation");
  if (!relation) return;
  const TableName table = tree::table_name(*relation);
  r.rule("create-trigger", table, std::string(tree::text(r.node, "trigname")));
  r.on(table, LockMode::share_row_exclusive).with_partitions = tree::flag(r.node, "row");
  if (const auto* other = tree::object(r.node, "constrrel")) r.on(tree::table_name(*other), LockMode::access_share);
}

bool has_key(const KnownRelation& table) {
  return std::any_of(table.constraints.begin(), table.constraints.end(), [](const auto& one) {
    return one.second.kind == KnownConstraint::Kind::primary_key;
  });
}

// A replica identity that is not the key may stand in for it, and is not known.
void asks_for_a_key(Reading& r, const TableName& table) {
  const auto* known = r.find(table);
  if (!known || !known->complete) {
    r.rule("publish-key-unknown", table);
    r.asks(fmt::format("whether {} has a primary key", table.name));
  } else if (!has_key(*known)) {
    r.rule("publish-without-key", table);
  }
}

void publication(Reading& r) {
  r.rule("publication");
  bool by_schema = tree::flag(r.node, "for_all_tables");
  for (const auto& item : tree::list(r.node, "pubobjects")) {
    const auto& object = tree::body_of(item);
    if (tree::text(object, "pubobjtype") != "PUBLICATIONOBJ_TABLE") by_schema = true;
    const auto* table = tree::object(object, "pubtable");
    const auto* relation = table ? tree::object(*table, "relation") : nullptr;
    if (!relation) continue;
    const auto table_name = tree::table_name(*relation);
    r.on(table_name, sue).with_children = tree::flag(*relation, "inh");
    if (table->contains("whereClause") || table->contains("columns")) r.out.since = 15;
    if (tree::text(r.node, "action") == "AP_DropObjects") continue;
    asks_for_a_key(r, table_name);
    if (!tree::flag(*relation, "inh")) continue;
    for (const TableName& child : r.known.descendants(table_name)) asks_for_a_key(r, child);
  }
  if (by_schema && tree::text(r.node, "action") != "AP_DropObjects") {
    if (!r.known.catalogue) r.rule("publish-key-unknown");
    for (const auto& [name, relation] : r.known.relations) {
      if (relation.kind == RelationKind::table && relation.complete && !has_key(relation)) r.rule("publish-without-key", name);
    }
  }
  // By schema or all at once no table is locked.
  if (by_schema && !tree::flag(r.node, "for_all_tables")) r.out.since = 15;
}

// Of a function that an earlier statement of the plan made: nobody calls it yet.
bool of_new_functions(const Reading& r) {
  const auto& objects = tree::list(r.node, "objects");
  return tree::text(r.node, "objtype") == "OBJECT_FUNCTION" && !objects.empty() &&
         std::all_of(objects.begin(), objects.end(), [&](const json::value& item) {
           const auto* name = tree::body_of(item).if_contains("objname");
           return name && r.known.new_functions.contains(tree::table_name(tree::names(*name)));
         });
}

// The rights that it takes are those of objects that are there; ALTER DEFAULT PRIVILEGES is about those to come.
bool revokes(const Reading& r) {
  return r.raw.tag == "GrantStmt" && !tree::flag(r.node, "is_grant") && !tree::flag(r.node, "grant_option") &&
         !of_new_functions(r);
}

void grant(Reading& r) {
  if (!revokes(r)) {
    r.rule("grant");
  } else if (tree::text(r.node, "objtype") == "OBJECT_TABLE" && tree::text(r.node, "targtype") == "ACL_TARGET_OBJECT") {
    for (const auto& item : tree::list(r.node, "objects")) {
      const auto table = tree::table_name(tree::body_of(item));
      r.rule(r.known.own(table) ? "grant" : "revoke", table);
    }
  } else {
    r.rule("revoke");
  }
  r.out.note = "no table is locked";
  // Since 18 a table whose rights change is locked as a reader locks it.
  if (r.raw.tag != "GrantStmt" || tree::text(r.node, "objtype") != "OBJECT_TABLE" || r.since(18) == Answer::no) return;
  for (const auto& item : tree::list(r.node, "objects")) {
    const auto& relation = tree::body_of(item);
    if (!relation.contains("relname")) continue;
    r.on(tree::table_name(relation), LockMode::access_share).lock_unsure = r.since(18) == Answer::unknown;
  }
}

}  // namespace

bool table_objects(Reading& r) {
  const auto& tag = r.raw.tag;
  r.out.note = k_brief;
  if (tag == "CommentStmt") {
    comment(r);
  } else if (tag == "CreateTrigStmt") {
    trigger(r);
  } else if (tag == "RuleStmt") {
    const TableName table = tree::table_name(*tree::object(r.node, "relation"));
    // A table that becomes a view by it, as dumps of old servers have it, has no rows.
    const bool instead = tree::flag(r.node, "instead") && tree::text(r.node, "event") != "CMD_SELECT";
    r.rule(instead ? "create-rule-instead" : "create-rule", table, std::string(tree::text(r.node, "rulename")));
    r.on(table, ael);
    for (const auto& action : tree::list(r.node, "actions")) r.reads(tree::body_of(action));
  } else if (tag == "CreatePolicyStmt" || tag == "AlterPolicyStmt") {
    const TableName table = tree::table_name(*tree::object(r.node, "table"));
    const bool narrows = tag == "CreatePolicyStmt" && !tree::flag(r.node, "permissive");
    r.rule(narrows ? "policy-restrictive" : tag == "AlterPolicyStmt" ? "alter-policy" : "policy", table,
           std::string(tree::text(r.node, "policy_name")));
    r.on(table, ael);
    for (const TableName& other : tree::relations(r.node)) {
      if (other != table) r.on(other, LockMode::access_share);
    }
  } else if (tag == "CreateStatsStmt") {
    for (const TableName& table : tree::relations(r.node)) {
      r.rule("create-statistics", table);
      r.on(table, sue);
    }
  } else if (tag == "AlterStatsStmt") {
    r.rule("alter-statistics");
  } else if (tag == "CreatePublicationStmt" || tag == "AlterPublicationStmt") {
    publication(r);
  } else if (tag == "GrantStmt" || tag == "AlterDefaultPrivilegesStmt") {
    grant(r);
  } else if (tag == "AlterObjectDependsStmt" && r.node.contains("relation")) {
    r.rule("trigger-depends");
    r.on(tree::table_name(*tree::object(r.node, "relation")), LockMode::access_share);
  } else {
    r.out.note.clear();
    return false;
  }
  return true;
}

}  // namespace pgphase::effects
