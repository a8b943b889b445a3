#include "plans/sql/effects.hpp"

#include <fmt/format.h>

#include <array>

namespace pgphase::effects {
namespace {

namespace json = boost::json;

// COMMENT ON, DROP TRIGGER and the like name an object of a table as [schema,] table, object.
TableName table_of_member(std::vector<std::string> parts) {
  if (!parts.empty()) parts.pop_back();
  return tree::table_name(parts);
}

void comment(const json::object& node, ParsedStatement& out) {
  out.statement.note = k_brief;
  if (!node.contains("object")) return;
  const auto kind = tree::text(node, "objtype");
  const auto parts = tree::names(node.at("object"));
  if (kind == "OBJECT_TABLE") lock(out, tree::table_name(parts), LockMode::share_update_exclusive);
  constexpr auto k_members = std::to_array<std::string_view>(
      {"OBJECT_COLUMN", "OBJECT_TABCONSTRAINT", "OBJECT_TRIGGER", "OBJECT_POLICY", "OBJECT_RULE"});
  if (std::find(k_members.begin(), k_members.end(), kind) != k_members.end()) {
    lock(out, table_of_member(parts), LockMode::share_update_exclusive);
  }
}

void rename(const json::object& node, ParsedStatement& out) {
  out.statement.note = k_brief;
  const auto* relation = tree::object(node, "relation");
  const auto what = tree::text(node, "renameType");
  // Renaming an index or a view locks only that.
  const bool of_table = what == "OBJECT_TABLE" || what == "OBJECT_TABCONSTRAINT" || what == "OBJECT_TRIGGER" ||
                        what == "OBJECT_POLICY" || what == "OBJECT_RULE" ||
                        (what == "OBJECT_COLUMN" && tree::text(node, "relationType") == "OBJECT_TABLE");
  if (relation && of_table) lock(out, tree::table_name(*relation), LockMode::access_exclusive);
  if (relation && of_table && what == "OBJECT_COLUMN") {
    out.actions.push_back(
        {ActionKind::rename_column, tree::table_name(*relation), std::string(tree::text(node, "subname"))});
  }
  if (relation && what == "OBJECT_TABLE") out.actions.push_back({ActionKind::move_table, tree::table_name(*relation)});
}

void vacuum(const json::object& node, ParsedStatement& out) {
  out.statement.kind = StatementKind::maintenance;
  out.statement.note = "reads and writes go on";
  for (const auto& item : tree::list(node, "rels")) {
    if (const auto* table = tree::object(tree::body_of(item), "relation")) {
      lock(out, tree::table_name(*table), LockMode::share_update_exclusive);
    }
  }
}

// The statement's own table, in one mode; nothing else to know about it.
struct OneTable {
  std::string_view tag;
  LockMode mode;
};
constexpr auto k_one_table = std::to_array<OneTable>({
    {"CreateTrigStmt", LockMode::share_row_exclusive},
    {"RuleStmt", LockMode::access_exclusive},
    {"InsertStmt", LockMode::row_exclusive},
    {"UpdateStmt", LockMode::row_exclusive},
    {"DeleteStmt", LockMode::row_exclusive},
    {"MergeStmt", LockMode::row_exclusive},
});

// Statements that touch no table, or none that exists before them.
constexpr auto k_no_table = std::to_array<std::string_view>({
    "AlterDefaultPrivilegesStmt",
    "AlterEnumStmt",
    "AlterFunctionStmt",
    "AlterSeqStmt",
    "CompositeTypeStmt",
    "CreateCastStmt",
    "CreateDomainStmt",
    "CreateEnumStmt",
    "CreateFunctionStmt",
    "CreateRangeStmt",
    "CreateRoleStmt",
    "CreateSchemaStmt",
    "CreateSeqStmt",
    "DefineStmt",
    "GrantRoleStmt",
    "GrantStmt",
    "ViewStmt",
});

void publication(const json::object& node, ParsedStatement& out) {
  out.statement.note = k_brief;
  for (const TableName& table : tree::relations(node)) lock(out, table, LockMode::share_update_exclusive);
}

}  // namespace

void create_table(const json::object& node, ParsedStatement& out) {
  if (const auto* relation = tree::object(node, "relation")) {
    out.actions.push_back({ActionKind::create_table, tree::table_name(*relation), {}});
  }
  out.statement.note = "a new table";
  const bool partition = node.contains("partbound");
  for (const auto& parent : tree::list(node, "inhRelations")) {
    lock(out, tree::table_name(tree::body_of(parent)),
         partition ? LockMode::access_exclusive : LockMode::share_update_exclusive);
    if (partition) out.statement.note = "locks the parent; ALTER TABLE … ATTACH PARTITION of a finished table does not";
  }
  // The trigger of a foreign key is created on the table that it points to as well.
  tree::walk(node, [&](std::string_view key, const json::object& inner) {
    if (key == "pktable") lock(out, tree::table_name(inner), LockMode::share_row_exclusive);
    return true;
  });
}

void create_index(const json::object& node, ParsedStatement& out) {
  const auto* relation = tree::object(node, "relation");
  if (!relation) return;
  const TableName table = tree::table_name(*relation);
  Action action{ActionKind::create_index, table, std::string(tree::text(node, "idxname"))};
  action.concurrently = tree::flag(node, "concurrent");
  out.statement.index = {table.schema, action.name};
  if (action.concurrently) {
    out.statement.kind = StatementKind::create_index_concurrently;
    out.statement.note = "scans the table twice; reads and writes go on";
    lock(out, table, LockMode::share_update_exclusive);
  } else {
    out.statement.note = "builds the index while writers wait";
    lock(out, table, LockMode::share);
  }
  out.actions.push_back(std::move(action));
}

void drop(const json::object& node, ParsedStatement& out) {
  const auto what = tree::text(node, "removeType");
  const bool concurrently = tree::flag(node, "concurrent");
  const bool cascade = tree::text(node, "behavior") == "DROP_CASCADE";
  out.statement.note = k_brief;
  for (const auto& object : tree::list(node, "objects")) {
    const auto parts = tree::names(object);
    if (what == "OBJECT_TABLE") {
      const TableName table = tree::table_name(parts);
      out.actions.push_back({ActionKind::drop_table, table, {}});
      out.relations.push_back(table);
      lock(out, table, LockMode::access_exclusive);
      out.statement.note = "drops every row; each table that a foreign key of it points to is locked as well";
    } else if (what == "OBJECT_INDEX") {
      const TableName index = tree::table_name(parts);
      Action action{ActionKind::drop_index, {index.schema, ""}, index.name};
      action.concurrently = concurrently;
      out.actions.push_back(std::move(action));
      out.statement.index = index;
      // Which table it belongs to is known to the server only.
      unknown_locks(out, concurrently ? "waits for every transaction that uses the table; reads and writes go on"
                                      : "takes ACCESS EXCLUSIVE on the index's table");
      if (concurrently) out.statement.kind = StatementKind::drop_index_concurrently;
    } else if (what == "OBJECT_TRIGGER" || what == "OBJECT_RULE" || what == "OBJECT_POLICY") {
      const TableName table = table_of_member(parts);
      out.relations.push_back(table);
      lock(out, table, LockMode::access_exclusive);
    }
  }
  if (cascade) unknown_locks(out, "CASCADE drops and locks whatever depends on it");
}

void other(const tree::RawStatement& raw, ParsedStatement& out) {
  const auto& node = raw.node;
  const auto* relation = tree::object(node, "relation");
  // Data changed anywhere in the statement, WITH queries too.
  tree::walk(node, [&](std::string_view key, const json::object& inner) {
    const auto* target = tree::object(inner, "relation");
    if (target && (key == "InsertStmt" || key == "UpdateStmt" || key == "DeleteStmt")) {
      lock(out, tree::table_name(*target), LockMode::row_exclusive);
    }
    return true;
  });
  for (const auto& known : k_one_table) {
    if (known.tag != raw.tag || !relation) continue;
    lock(out, tree::table_name(*relation), known.mode);
    out.statement.note = known.mode == LockMode::row_exclusive ? "changes rows, all in one transaction" : k_brief;
    return;
  }
  if (std::find(k_no_table.begin(), k_no_table.end(), raw.tag) != k_no_table.end()) {
    out.statement.note = "no table is locked";
  } else if (raw.tag == "CommentStmt") {
    comment(node, out);
  } else if (raw.tag == "RenameStmt") {
    rename(node, out);
  } else if (raw.tag == "AlterObjectSchemaStmt" && relation && tree::text(node, "objectType") == "OBJECT_TABLE") {
    lock(out, tree::table_name(*relation), LockMode::access_exclusive);
    out.actions.push_back({ActionKind::move_table, tree::table_name(*relation)});
    out.statement.note = k_brief;
  } else if (raw.tag == "CreatePolicyStmt" || raw.tag == "AlterPolicyStmt") {
    if (const auto* table = tree::object(node, "table")) {
      lock(out, tree::table_name(*table), LockMode::access_exclusive);
    }
    out.statement.note = k_brief;
  } else if (raw.tag == "TruncateStmt") {
    for (const auto& item : tree::list(node, "relations")) {
      const TableName table = tree::table_name(tree::body_of(item));
      out.actions.push_back({ActionKind::truncate, table, {}});
      lock(out, table, LockMode::access_exclusive);
    }
    out.statement.note = "deletes every row";
  } else if (raw.tag == "CreateStatsStmt" || raw.tag == "CreatePublicationStmt" || raw.tag == "AlterPublicationStmt") {
    publication(node, out);
  } else if (raw.tag == "VacuumStmt") {
    vacuum(node, out);
  } else if (raw.tag == "SelectStmt" && tree::functions(node).empty()) {
    out.statement.note = "reads";
  } else {
    unknown_locks(out, "what it locks cannot be told from its text");
  }
}

}  // namespace pgphase::effects
