#include "plans/sql/statement.hpp"

#include <algorithm>

#include "plans/effects/derive.hpp"
#include "plans/effects/rule.hpp"
#include "plans/sql/refusal.hpp"
#include "plans/sql/tree.hpp"

namespace pgphase {

void throw_exception_from_error(const SqlError& error, const boost::source_location& where) {
  boost::throw_exception(std::logic_error(error.message), where);
}

namespace {

bool cascades(const StatementEffects& effects) {
  return std::any_of(effects.rules.begin(), effects.rules.end(),
                     [](const AppliedRule& one) { return one.rule->id == "drop-cascade"; });
}

// Locks that LOCK TABLE can take beforehand, and that somebody could wait for.
void locks_of(const StatementEffects& effects, Statement& out) {
  bool beyond = effects.opaque || cascades(effects);
  for (const auto& one : effects.relations) {
    if (one.lock < LockMode::row_exclusive) continue;
    const bool named = one.described.empty();
    if (named && one.kind == RelationKind::table) out.locks.push_back({one.relation, one.lock});
    if (named && one.kind != RelationKind::table && one.kind != RelationKind::sequence && !one.lock_unsure &&
        one.lock >= LockMode::share) {
      beyond = true;
    }
  }
  const bool unnamed = std::any_of(effects.relations.begin(), effects.relations.end(), [](const auto& one) {
    return !one.described.empty() && one.lock >= LockMode::row_exclusive;
  });
  out.locks_known = !beyond && !(unnamed && out.locks.empty());
}

std::vector<TableName> types_of(const tree::RawStatement& raw) {
  std::vector<TableName> out;
  const auto is_type = [](std::string_view kind) { return kind == "OBJECT_TYPE" || kind == "OBJECT_DOMAIN"; };
  if (raw.tag == "RenameStmt" && is_type(tree::text(raw.node, "renameType")) && raw.node.contains("object")) {
    out.push_back(tree::table_name(tree::names(raw.node.at("object"))));
  }
  if (raw.tag != "DropStmt" || !is_type(tree::text(raw.node, "removeType"))) return out;
  for (const auto& object : tree::list(raw.node, "objects")) {
    const auto* names = tree::body_of(object).if_contains("names");
    if (names) out.push_back(tree::table_name(tree::names(*names)));
  }
  return out;
}

std::vector<Dropped> drops_of(const tree::RawStatement& raw) {
  if (raw.tag != "DropStmt" || tree::text(raw.node, "behavior") == "DROP_CASCADE") return {};
  std::vector<Dropped> out;
  for (const auto& type : types_of(raw)) out.push_back({false, type});
  if (tree::text(raw.node, "removeType") != "OBJECT_SEQUENCE") return out;
  for (const auto& object : tree::list(raw.node, "objects"))
    out.push_back({true, tree::table_name(tree::names(object))});
  return out;
}

ParsedStatement look_at(const tree::RawStatement& raw, const Known& known) {
  ParsedStatement out;
  out.text = raw.text;
  out.character = raw.character;
  out.effects = effects::effects_of(raw, known);
  out.actions = out.effects.actions;
  out.refused = effects::refusal(raw);
  out.beyond_database = effects::reaches_beyond_the_database(raw);
  out.statement.sql = raw.text;
  out.statement.kind = out.effects.kind;
  out.statement.note = out.effects.note;
  out.statement.index = out.effects.index;
  locks_of(out.effects, out.statement);
  out.types = types_of(raw);
  out.drops = drops_of(raw);
  out.raw = std::make_shared<const tree::RawStatement>(raw);
  out.relations = tree::relations(raw.node);
  for (const auto& one : out.effects.relations) {
    const bool names_it = one.described.empty() && one.kind == RelationKind::table;
    if (names_it && std::find(out.relations.begin(), out.relations.end(), one.relation) == out.relations.end()) {
      out.relations.push_back(one.relation);
    }
  }
  return out;
}

}  // namespace

Parsed<std::vector<ParsedStatement>> parse_statements(std::string_view sql) {
  return parse_with(sql, {});
}

Parsed<std::vector<ParsedStatement>> parse_with(std::string_view sql, const Known& known) {
  const auto statements = tree::parse(sql);
  if (!statements) return statements.error();
  std::vector<ParsedStatement> out;
  for (const auto& raw : *statements) out.push_back(look_at(raw, known));
  return out;
}

Parsed<std::vector<ParsedStatement>> parse_in_order(std::string_view sql, Known& known) {
  const auto statements = tree::parse(sql);
  if (!statements) return statements.error();
  std::vector<ParsedStatement> out;
  for (const auto& raw : *statements) {
    out.push_back(look_at(raw, known));
    effects::carry_over(raw, known);
  }
  return out;
}

}  // namespace pgphase
