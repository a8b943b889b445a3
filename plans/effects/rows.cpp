// Statements that read and change rows, and LOCK TABLE.
#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <set>

#include "plans/effects/reading.hpp"
#include "plans/sql/expression.hpp"

namespace pgphase::effects {
namespace {

constexpr auto k_changes = std::to_array<std::string_view>({"InsertStmt", "UpdateStmt", "DeleteStmt", "MergeStmt"});

// Keys of a protobuf LockStmt: PostgreSQL's numbers of its modes.
LockMode mode_of(std::int64_t number) {
  return number >= 1 && number <= 8 ? static_cast<LockMode>(number) : LockMode::access_exclusive;
}

// A condition that lets every row through: none, `true`, `1 = 1`.
bool every_row(const json::object& statement) {
  if (!statement.contains("whereClause")) return true;
  const auto& where = statement.at("whereClause");
  const auto& body = tree::body_of(where);
  if (tree::tag_of(where) == "A_Const") {
    const auto* value = tree::object(body, "boolval");
    return value && tree::flag(*value, "boolval");
  }
  if (tree::tag_of(where) != "A_Expr" || !body.contains("lexpr") || !body.contains("rexpr")) return false;
  const auto constant = [](const json::value& side) { return tree::tag_of(side) == "A_Const"; };
  if (!constant(body.at("lexpr")) || !constant(body.at("rexpr"))) return false;
  const auto bare = [](json::object side) {
    side.erase("location");
    return side;
  };
  const auto names = tree::names(body.at("name"));
  return names.size() == 1 && names[0] == "=" &&
         bare(tree::body_of(body.at("lexpr"))) == bare(tree::body_of(body.at("rexpr")));
}

// A condition that only leaves out rows where one of these columns has no value.
bool where_one_has_a_value(const json::value& where, const std::set<std::string>& columns) {
  const auto& body = tree::body_of(where);
  if (tree::tag_of(where) == "BoolExpr") {
    const auto& sides = tree::list(body, "args");
    return tree::text(body, "boolop") != "NOT_EXPR" &&
           std::all_of(sides.begin(), sides.end(), [&](const auto& one) { return where_one_has_a_value(one, columns); });
  }
  if (tree::tag_of(where) != "NullTest" || tree::text(body, "nulltesttype") != "IS_NOT_NULL") return false;
  if (tree::tag_of(body.at("arg")) != "ColumnRef") return false;
  const auto names = tree::names(tree::body_of(body.at("arg")).at("fields"));
  return !names.empty() && columns.contains(names.back());
}

bool reads_a_row(const json::value& value) {
  bool reads = false;
  tree::walk(value, [&](std::string_view key, const json::object&) {
    reads = reads || key == "ColumnRef" || key == "SubLink";
    return true;
  });
  return reads;
}

std::vector<std::string> blanked_by(const json::object& update) {
  std::set<std::string> columns;
  for (const auto& item : tree::list(update, "targetList")) {
    const auto& target = tree::body_of(item);
    if (!target.contains("val") || target.contains("indirection") || reads_a_row(target.at("val"))) continue;
    if (tree::tag_of(target.at("val")) != "MultiAssignRef") columns.emplace(tree::text(target, "name"));
  }
  if (!every_row(update) && !where_one_has_a_value(update.at("whereClause"), columns)) return {};
  return {columns.begin(), columns.end()};
}

// What triggers, foreign keys and views of a changed table reach is no more in the text than what a function does.
void behind(Reading& r, const TableName& table) {
  const auto* known = r.find(table);
  if (known && known->own) return;
  auto& others = r.unnamed(fmt::format("what partitions, foreign keys, triggers and rules of {} reach", table.name),
                           LockMode::row_exclusive);
  others.changes_rows = true;
  others.scan = Answer::unknown;
  r.asks(fmt::format("what hangs on {}", table.name));
}

void change(Reading& r, std::string_view tag, const json::object& statement) {
  const auto* relation = tree::object(statement, "relation");
  if (!relation) return;
  const TableName table = tree::table_name(*relation);
  auto& held = r.on(table, LockMode::row_exclusive);
  held.with_children = tag != "InsertStmt" && tree::flag(*relation, "inh");
  if (tag == "InsertStmt") {
    r.rule(statement.contains("selectStmt") && tree::object(statement, "selectStmt") &&
                   tree::body_of(statement.at("selectStmt")).contains("fromClause")
               ? "insert-select"
               : "insert",
           table);
  } else if (tag == "MergeStmt") {
    held.changes_rows = true;
    held.scan = Answer::unknown;
    r.out.since = 15;
    r.out.loss = std::max(r.out.loss, Loss::values);
    r.rule("merge", table);
  } else {
    const bool all = every_row(statement);
    const bool update = tag == "UpdateStmt";
    held.changes_rows = true;
    held.scan = all ? Answer::yes : Answer::unknown;
    r.out.loss = std::max(r.out.loss, update ? Loss::values : Loss::rows);
    if (update) {
      if (r.out.blanked.empty()) r.out.blanked = blanked_by(statement);
      r.rule(all ? "update-every-row" : "update-some-rows", table);
    } else {
      r.rule(all ? "delete-every-row" : "delete-some-rows", table);
    }
    if (!all) r.asks(fmt::format("how many rows of {} match", table.name));
  }
  behind(r, table);
}

// 's', 'app.s'::regclass. An empty name: it is computed.
TableName relation_in(const json::value& argument) {
  const json::value* value = &argument;
  if (tree::tag_of(*value) == "TypeCast") value = &tree::body_of(*value).at("arg");
  const auto* words = tree::tag_of(*value) == "A_Const" ? tree::object(tree::body_of(*value), "sval") : nullptr;
  if (!words) return {};
  const auto parsed = tree::parse("TABLE " + std::string(tree::text(*words, "sval")));
  if (!parsed || parsed->size() != 1) return {};
  const auto relations = tree::relations(parsed->front().node);
  return relations.size() == 1 ? relations.front() : TableName{};
}

// setval(): a number that is written down may lie below those that were given; one that is asked for does not.
void sets_sequences(Reading& r, const json::object& statement) {
  tree::walk(statement, [&](std::string_view key, const json::object& call) {
    if (key != "FuncCall") return true;
    const auto name = tree::names(call.at("funcname"));
    const auto& arguments = tree::list(call, "args");
    if (name.back() != "setval" || arguments.size() < 2) return true;
    const auto sequence = relation_in(arguments[0]);
    r.rule(tree::tag_of(arguments[1]) == "A_Const" ? "restart-sequence-at" : "set-sequence", sequence);
    if (sequence.name.empty()) {
      r.unnamed("the sequence", LockMode::row_exclusive, RelationKind::sequence);
      r.asks("which sequence that is");
    } else {
      r.on(sequence, LockMode::row_exclusive, RelationKind::sequence);
    }
    return true;
  });
}

// A query with what changes rows inside it.
void look_through(Reading& r, std::string_view tag, const json::object& statement) {
  const bool top = std::find(k_changes.begin(), k_changes.end(), tag) != k_changes.end();
  if (top) change(r, tag, statement);
  tree::walk(statement, [&](std::string_view key, const json::object& inner) {
    if (std::find(k_changes.begin(), k_changes.end(), key) != k_changes.end()) change(r, key, inner);
    return true;
  });
  // FOR UPDATE locks rows, of those that it names or of all.
  bool locks_rows = false;
  std::vector<TableName> named;
  tree::walk(statement, [&](std::string_view key, const json::object& inner) {
    if (key != "LockingClause") return true;
    locks_rows = true;
    for (const auto& one : tree::list(inner, "lockedRels")) named.push_back(tree::table_name(tree::body_of(one)));
    return true;
  });
  if (tag == "SelectStmt" && tree::text(statement, "op") == "SETOP_NONE" &&
      !tree::list(statement, "lockingClause").empty()) {
    locks_rows = true;
    for (const auto& clause : tree::list(statement, "lockingClause")) {
      for (const auto& one : tree::list(tree::body_of(clause), "lockedRels")) {
        named.push_back(tree::table_name(tree::body_of(one)));
      }
    }
  }
  for (const TableName& table : tree::relations(statement)) {
    const bool locked = locks_rows && (named.empty() || std::find(named.begin(), named.end(), table) != named.end());
    auto& held = r.on(table, locked ? LockMode::row_share : LockMode::access_share);
    if (locked) held.changes_rows = true;
    if (held.lock <= LockMode::row_share) {
      held.with_children = true;
      held.scan = std::max(held.scan, Answer::unknown);
    }
  }
  const auto functions = tree::functions(statement);
  const bool own_functions = std::any_of(functions.begin(), functions.end(), [](const std::string& written) {
    constexpr std::string_view k_system = "pg_catalog.";
    const auto name = written.starts_with(k_system) ? written.substr(k_system.size()) : written;
    // pg_catalog's own that change nothing are many; those that an author would call in a migration are few.
    constexpr auto k_harmless = std::to_array<std::string_view>(
        {"array_agg", "avg", "bool_and", "bool_or", "count", "current_setting", "currval", "generate_series", "json_agg",
         "jsonb_agg", "lastval", "max", "min", "nextval", "obj_description", "pg_get_serial_sequence", "pg_relation_size",
         "pg_size_pretty", "pg_total_relation_size", "set_config", "setval", "string_agg", "sum", "version"});
    return !is_steady(name) && std::find(k_harmless.begin(), k_harmless.end(), name) == k_harmless.end();
  });
  const bool sets =
      std::find(functions.begin(), functions.end(), "setval") != functions.end() && tag == "SelectStmt" && !own_functions;
  if (sets) sets_sequences(r, statement);
  if (tag == "SelectStmt") {
    if (own_functions && r.out.rules.empty()) {
      r.rule("opaque");
      r.out.opaque = true;
      r.out.note = "what it locks cannot be told from its text";
      r.asks("what its functions do");
      return;
    }
    if (r.out.rules.empty()) r.rule(locks_rows ? "select-for-update" : "select");
    r.out.note = "reads";
  } else {
    r.out.note = "changes rows, all in one transaction";
  }
}

void copy(Reading& r) {
  const bool from = tree::flag(r.node, "is_from");
  const auto* relation = tree::object(r.node, "relation");
  r.rule(from ? "copy-from" : "copy-to", relation ? tree::table_name(*relation) : TableName{});
  if (tree::flag(r.node, "is_program")) r.rule("copy-program");
  r.out.note = from ? "changes rows, all in one transaction" : "reads";
  if (from && relation) {
    r.on(tree::table_name(*relation), LockMode::row_exclusive);
    behind(r, tree::table_name(*relation));
  } else if (relation) {
    r.on(tree::table_name(*relation), LockMode::access_share).scan = Answer::yes;
  } else if (r.node.contains("query")) {
    const auto before = r.out.rules;
    look_through(r, tree::tag_of(r.node.at("query")), tree::body_of(r.node.at("query")));
    r.out.rules.insert(r.out.rules.begin(), before.begin(), before.begin());
  }
}

}  // namespace

bool rows(Reading& r) {
  const auto& tag = r.raw.tag;
  if (tag == "SelectStmt" || std::find(k_changes.begin(), k_changes.end(), tag) != k_changes.end()) {
    look_through(r, tag, r.node);
    return true;
  }
  if (tag == "CopyStmt") {
    copy(r);
    return true;
  }
  if (tag == "ExplainStmt" || tag == "DeclareCursorStmt" || tag == "PrepareStmt") {
    const auto* query = r.node.if_contains("query");
    const bool runs =
        tag == "ExplainStmt" &&
        tree::list(r.node, "options").end() !=
            std::find_if(tree::list(r.node, "options").begin(), tree::list(r.node, "options").end(),
                         [](const json::value& one) { return tree::text(tree::body_of(one), "defname") == "analyze"; });
    if (query) look_through(r, tree::tag_of(*query), tree::body_of(*query));
    if (!runs) {
      // Planned, not carried out.
      r.out.rules.clear();
      r.out.loss = Loss::none;
      std::erase_if(r.out.relations, [](const RelationEffects& one) { return !one.described.empty(); });
      for (auto& one : r.out.relations) {
        one.scan = Answer::no;
        one.changes_rows = false;
      }
      r.rule("explain");
      r.out.note = "reads";
    }
    return true;
  }
  if (tag != "LockStmt") return false;
  const auto* mode = r.node.if_contains("mode");
  const LockMode lock = mode && mode->is_int64() ? mode_of(mode->as_int64()) : LockMode::access_exclusive;
  for (const auto& item : tree::list(r.node, "relations")) {
    const auto& relation = tree::body_of(item);
    r.rule("lock-table", tree::table_name(relation));
    r.on(tree::table_name(relation), lock).with_children = tree::flag(relation, "inh");
  }
  r.out.note = "locks as it says, until the transaction ends";
  return true;
}

}  // namespace pgphase::effects
