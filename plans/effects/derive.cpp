#include "plans/effects/derive.hpp"

#include <algorithm>

#include "plans/effects/reading.hpp"

namespace pgphase {

const char* to_string(Answer answer) {
  switch (answer) {
    case Answer::no:
      return "no";
    case Answer::unknown:
      return "unknown";
    case Answer::yes:
      return "yes";
  }
  return "?";
}

bool touches_nobody(const StatementEffects& effects) {
  return !effects.opaque && std::all_of(effects.relations.begin(), effects.relations.end(),
                                        [](const RelationEffects& one) { return one.own; });
}

namespace effects {
namespace {

void join(RelationEffects& held, const RelationEffects& with) {
  held.lock = std::max(held.lock, with.lock);
  held.scan = std::max(held.scan, with.scan);
  held.rewrite = std::max(held.rewrite, with.rewrite);
  held.index_build = std::max(held.index_build, with.index_build);
  held.changes_rows = held.changes_rows || with.changes_rows;
}

// Partitions and children by name, where they are known. A partitioned table has no rows of its own.
void resolve_children(Reading& r) {
  const auto before = r.out.relations;
  for (const RelationEffects& one : before) {
    if (!one.described.empty() || one.kind == RelationKind::index) continue;
    const auto* known = r.find(one.relation);
    const bool all_known = (known && known->complete) || r.known.catalogue;
    if (!all_known) continue;
    const bool partitioned = known && known->partitioned.value_or(false);
    if (one.children_locked) {
      for (const TableName& child : r.known.descendants(one.relation)) r.on(child, one.lock);
    }
    if (one.with_children || (one.with_partitions && partitioned)) {
      for (const TableName& child : r.known.descendants(one.relation)) join(r.on(child, one.lock), one);
    }
    auto& held = r.on(one.relation, one.lock);
    held.with_children = held.with_partitions = held.children_locked = false;
    if (partitioned || (known && known->empty.value_or(false))) {
      held.scan = held.rewrite = held.index_build = Answer::no;
    }
  }
}

bool there(const TableName& name, const Known& known) {
  return known.find(name) != nullptr || known.index_owner.contains(name) || known.made_over.contains(name);
}

// One object of a DROP … IF EXISTS; of kinds that nobody has looked for it is taken to be there.
bool there(std::string_view what, const json::value& object, const Known& known) {
  const auto& body = tree::body_of(object);
  if (what == "OBJECT_TYPE" || what == "OBJECT_DOMAIN") {
    const auto* names = body.if_contains("names");
    return !names || known.types.contains(tree::table_name(tree::names(*names))) ||
           known.new_types.contains(tree::table_name(tree::names(*names)));
  }
  if (what == "OBJECT_FUNCTION" || what == "OBJECT_PROCEDURE") {
    const auto* names = body.if_contains("objname");
    if (!names) return true;
    const auto name = tree::table_name(tree::names(*names));
    return known.functions.contains(name.schema + "." + name.name) || known.new_functions.contains(name);
  }
  auto names = tree::names(object);
  if (what == "OBJECT_SCHEMA") return names.empty() || known.schemas.contains(names.back());
  const bool of_table = what == "OBJECT_TRIGGER" || what == "OBJECT_POLICY" || what == "OBJECT_RULE";
  const bool relation = what == "OBJECT_TABLE" || what == "OBJECT_INDEX" || what == "OBJECT_VIEW" ||
                        what == "OBJECT_MATVIEW" || what == "OBJECT_SEQUENCE";
  if (of_table && !names.empty()) names.pop_back();
  if (names.empty() || !(relation || of_table)) return true;
  return there(tree::table_name(names), known);
}

// DROP COLUMN IF EXISTS, DROP CONSTRAINT IF EXISTS, ADD COLUMN IF NOT EXISTS.
bool each_part_is_skipped(const tree::RawStatement& raw, const TableName& table, const Known& known) {
  const auto* found = known.find(table);
  if (!found || !found->complete) return false;
  const auto& commands = tree::list(raw.node, "cmds");
  return !commands.empty() && std::all_of(commands.begin(), commands.end(), [&](const json::value& item) {
    const auto& command = tree::body_of(item);
    if (!tree::flag(command, "missing_ok")) return false;
    const auto subtype = tree::text(command, "subtype");
    const std::string name(tree::text(command, "name"));
    if (subtype == "AT_DropColumn") return !found->columns.contains(name);
    if (subtype == "AT_DropConstraint") return !found->constraints.contains(name);
    if (subtype != "AT_AddColumn") return false;
    return found->columns.contains(std::string(tree::text(tree::body_of(command.at("def")), "colname")));
  });
}

// IF EXISTS of what is not there, IF NOT EXISTS of what is: the server says so and does nothing.
bool is_skipped(const tree::RawStatement& raw, const Known& known) {
  if (!known.catalogue) return false;
  const auto* relation = tree::object(raw.node, "relation");
  if (raw.tag == "DropStmt" && tree::flag(raw.node, "missing_ok")) {
    const auto what = tree::text(raw.node, "removeType");
    const auto& objects = tree::list(raw.node, "objects");
    return std::none_of(objects.begin(), objects.end(), [&](const json::value& one) { return there(what, one, known); });
  }
  if ((raw.tag == "AlterTableStmt" || raw.tag == "RenameStmt") && relation && tree::flag(raw.node, "missing_ok")) {
    const auto table = tree::table_name(*relation);
    return !there(table, known);
  }
  if (raw.tag == "AlterTableStmt" && relation) return each_part_is_skipped(raw, tree::table_name(*relation), known);
  if (raw.tag == "IndexStmt" && relation && tree::flag(raw.node, "if_not_exists")) {
    return known.index_owner.contains({tree::table_name(*relation).schema, std::string(tree::text(raw.node, "idxname"))});
  }
  return false;
}

}  // namespace

void by_family(Reading& r) {
  constexpr bool (*k_families[])(Reading&) = {alter_table, tables, indexes, dropping,    renaming,     table_objects,
                                              views,       types,  rows,    maintenance, cluster_wide, catalogue_only};
  for (const auto family : k_families) {
    if (family(r)) return;
  }
  r.rule("opaque");
  r.out.opaque = true;
  r.out.note = "what it locks cannot be told from its text";
  r.asks("what the statement does");
}

StatementEffects effects_of(const tree::RawStatement& raw, const Known& known) {
  StatementEffects out;
  out.tag = raw.tag;
  Reading reading(raw, known, out);
  by_family(reading);
  resolve_children(reading);
  for (auto& one : out.relations) {
    one.own = one.described.empty() && known.own(one.relation);
    const auto owner = known.index_owner.find(one.relation);
    if (owner != known.index_owner.end()) one.own = known.own(owner->second);
  }
  if (is_skipped(raw, known)) {
    out.relations.clear();
    out.rules.clear();
    out.loss = Loss::none;
    out.fails = Answer::no;
    out.note = "does nothing here";
  }
  if (touches_nobody(out) && !out.relations.empty()) out.loss = Loss::none;
  if (known.server != 0 && out.since > known.server) {
    out.fails = Answer::yes;
    out.fails_because = "the server does not know it yet";
  }
  return out;
}

}  // namespace effects
}  // namespace pgphase
