// ALTER TABLE: one row a sub-command; the statement takes the strongest lock of them.
#include <fmt/format.h>

#include <algorithm>
#include <array>

#include "plans/sql/effects.hpp"
#include "plans/sql/expression.hpp"

namespace pgphase::effects {
namespace {

namespace json = boost::json;

constexpr const char* k_rewrites = "rewrites the table";

struct Subcommand {
  std::string_view name;
  LockMode mode;
  const char* note;
};

constexpr auto k_subcommands = std::to_array<Subcommand>({
    {"AT_DropColumn", LockMode::access_exclusive, k_brief},
    {"AT_ColumnDefault", LockMode::access_exclusive, k_brief},
    {"AT_DropNotNull", LockMode::access_exclusive, k_brief},
    {"AT_SetNotNull", LockMode::access_exclusive, "scans the table, unless a valid CHECK proves it"},
    {"AT_SetExpression", LockMode::access_exclusive, k_rewrites},
    {"AT_DropExpression", LockMode::access_exclusive, k_brief},
    {"AT_SetStatistics", LockMode::share_update_exclusive, k_brief},
    {"AT_SetOptions", LockMode::share_update_exclusive, k_brief},
    {"AT_ResetOptions", LockMode::share_update_exclusive, k_brief},
    {"AT_SetStorage", LockMode::access_exclusive, k_brief},
    {"AT_SetCompression", LockMode::access_exclusive, k_brief},
    {"AT_AlterConstraint", LockMode::access_exclusive, k_brief},
    {"AT_ValidateConstraint", LockMode::share_update_exclusive, "scans the table; reads and writes go on"},
    {"AT_DropConstraint", LockMode::access_exclusive,
     "no scan, no rewrite; if it is a foreign key, the table it points to is locked as well"},
    {"AT_AlterColumnType", LockMode::access_exclusive,
     "may rewrite the table and its indexes: it depends on the types"},
    {"AT_AddIdentity", LockMode::access_exclusive, k_brief},
    {"AT_SetIdentity", LockMode::access_exclusive, k_brief},
    {"AT_DropIdentity", LockMode::access_exclusive, k_brief},
    {"AT_ChangeOwner", LockMode::access_exclusive, k_brief},
    {"AT_ClusterOn", LockMode::share_update_exclusive, k_brief},
    {"AT_DropCluster", LockMode::share_update_exclusive, k_brief},
    {"AT_SetLogged", LockMode::access_exclusive, k_rewrites},
    {"AT_SetUnLogged", LockMode::access_exclusive, k_rewrites},
    {"AT_SetAccessMethod", LockMode::access_exclusive, k_rewrites},
    {"AT_SetTableSpace", LockMode::access_exclusive, "copies the table"},
    {"AT_SetRelOptions", LockMode::share_update_exclusive, k_brief},
    {"AT_ResetRelOptions", LockMode::share_update_exclusive, k_brief},
    {"AT_EnableTrig", LockMode::share_row_exclusive, k_brief},
    {"AT_EnableAlwaysTrig", LockMode::share_row_exclusive, k_brief},
    {"AT_EnableReplicaTrig", LockMode::share_row_exclusive, k_brief},
    {"AT_DisableTrig", LockMode::share_row_exclusive, k_brief},
    {"AT_EnableTrigAll", LockMode::share_row_exclusive, k_brief},
    {"AT_DisableTrigAll", LockMode::share_row_exclusive, k_brief},
    {"AT_EnableTrigUser", LockMode::share_row_exclusive, k_brief},
    {"AT_DisableTrigUser", LockMode::share_row_exclusive, k_brief},
    {"AT_EnableRule", LockMode::access_exclusive, k_brief},
    {"AT_EnableAlwaysRule", LockMode::access_exclusive, k_brief},
    {"AT_EnableReplicaRule", LockMode::access_exclusive, k_brief},
    {"AT_DisableRule", LockMode::access_exclusive, k_brief},
    {"AT_AddInherit", LockMode::access_exclusive, k_brief},
    {"AT_DropInherit", LockMode::access_exclusive, k_brief},
    {"AT_AddOf", LockMode::access_exclusive, k_brief},
    {"AT_DropOf", LockMode::access_exclusive, k_brief},
    {"AT_ReplicaIdentity", LockMode::access_exclusive, k_brief},
    {"AT_EnableRowSecurity", LockMode::access_exclusive, k_brief},
    {"AT_DisableRowSecurity", LockMode::access_exclusive, k_brief},
    {"AT_ForceRowSecurity", LockMode::access_exclusive, k_brief},
    {"AT_NoForceRowSecurity", LockMode::access_exclusive, k_brief},
    {"AT_AttachPartition", LockMode::share_update_exclusive,
     "scans the partition, unless a CHECK proves its bounds; a default partition is locked and scanned as well"},
    {"AT_DetachPartition", LockMode::access_exclusive, "no scan; a default partition is locked as well"},
});

// What ALTER TABLE … ADD COLUMN costs: the constraints written beside the column decide.
void add_column(const json::object& column, const TableName& table, ParsedStatement& out, std::string& note) {
  Action action{ActionKind::add_column, table, std::string(tree::text(column, "colname"))};
  bool has_check = false;
  bool has_foreign_key = false;
  const auto* type = tree::object(column, "typeName");
  if (type && TypeName{type->contains("names") ? tree::names(type->at("names")).back() : ""}.serial()) {
    action.rewrite = "a serial column gives every row its own number";
  }
  for (const auto& item : tree::list(column, "constraints")) {
    const auto& constraint = tree::body_of(item);
    const auto kind = tree::text(constraint, "contype");
    if (kind == "CONSTR_NOTNULL") action.not_null = true;
    if (kind == "CONSTR_DEFAULT") {
      action.has_default = tree::tag_of(constraint.at("raw_expr")) != "A_Const" ||
                           !tree::flag(tree::body_of(constraint.at("raw_expr")), "isnull");
      for (const auto& name : tree::functions(constraint.at("raw_expr"))) {
        if (known_volatile(name)) action.rewrite = fmt::format("{}() gives every row another value", name);
      }
    }
    if (kind == "CONSTR_IDENTITY") action.rewrite = "an identity column gives every row its own number";
    if (kind == "CONSTR_GENERATED") action.rewrite = "a stored generated column is computed for every row";
    if (kind == "CONSTR_CHECK") has_check = true;
    if (kind == "CONSTR_UNIQUE" || kind == "CONSTR_PRIMARY") {
      out.actions.push_back({ActionKind::add_unique, table, action.name});
      note = "builds an index";
    }
    if (const auto* target = tree::object(constraint, "pktable"); target && kind == "CONSTR_FOREIGN") {
      lock(out, tree::table_name(*target), LockMode::share_row_exclusive);
      has_foreign_key = true;
    }
  }
  // A foreign key beside a column without a default finds only NULLs, and PostgreSQL skips the scan.
  action.inline_scan = has_check || (has_foreign_key && action.has_default);
  if (action.inline_scan) note = "scans the table";
  if (!action.rewrite.empty()) note = k_rewrites;
  out.actions.push_back(std::move(action));
}

LockMode add_constraint(const json::object& constraint, const TableName& table, ParsedStatement& out,
                        std::string& note) {
  const auto kind = tree::text(constraint, "contype");
  const std::string name(tree::text(constraint, "conname"));
  const bool not_valid = tree::flag(constraint, "skip_validation");
  if (kind == "CONSTR_CHECK" || kind == "CONSTR_FOREIGN") {
    Action action{kind == "CONSTR_CHECK" ? ActionKind::add_check : ActionKind::add_foreign_key, table, name};
    action.not_valid = not_valid;
    out.actions.push_back(std::move(action));
    if (!not_valid) note = "scans the table";
    if (kind == "CONSTR_CHECK") return LockMode::access_exclusive;
    if (const auto* target = tree::object(constraint, "pktable")) {
      lock(out, tree::table_name(*target), LockMode::share_row_exclusive);
    }
    return LockMode::share_row_exclusive;
  }
  if (kind == "CONSTR_UNIQUE" || kind == "CONSTR_PRIMARY") {
    Action action{ActionKind::add_unique, table, name};
    action.using_index = constraint.contains("indexname");
    note = action.using_index ? "no rewrite; a primary key scans for NULLs, unless its columns are NOT NULL"
                              : "builds an index";
    out.actions.push_back(std::move(action));
  } else if (kind == "CONSTR_EXCLUSION") {
    out.actions.push_back({ActionKind::add_exclude, table, name});
    note = "builds an index";
  }
  return LockMode::access_exclusive;
}

}  // namespace

void alter_table(const json::object& node, ParsedStatement& out) {
  const auto* relation = tree::object(node, "relation");
  const auto kind = tree::text(node, "objtype");
  if (!relation || kind != "OBJECT_TABLE") {
    // Views, sequences, indexes, foreign tables: the lock is on an object that LOCK TABLE does not take.
    unknown_locks(out, "takes a short lock on the object itself");
    return;
  }
  const TableName table = tree::table_name(*relation);
  LockMode strongest = LockMode::none;
  std::string notes;
  for (const auto& item : tree::list(node, "cmds")) {
    const auto& command = tree::body_of(item);
    const auto subtype = tree::text(command, "subtype");
    const std::string column(tree::text(command, "name"));
    const auto* def = tree::object(command, "def");
    LockMode mode = LockMode::access_exclusive;
    std::string note = k_brief;
    if (subtype == "AT_AddColumn" && def) {
      add_column(tree::body_of(command.at("def")), table, out, note);
    } else if (subtype == "AT_AddConstraint" && def) {
      mode = add_constraint(tree::body_of(command.at("def")), table, out, note);
    } else if (const auto* row = std::find_if(k_subcommands.begin(), k_subcommands.end(),
                                              [&](const Subcommand& known) { return known.name == subtype; });
               row != k_subcommands.end()) {
      mode = row->mode;
      note = row->note;
    } else {
      out.statement.locks_known = false;
      note = "pgphase does not know this sub-command";
    }
    if (subtype == "AT_DropColumn") out.actions.push_back({ActionKind::drop_column, table, column});
    if (subtype == "AT_DropConstraint") out.actions.push_back({ActionKind::drop_constraint, table, column});
    if (subtype == "AT_AlterColumnType") out.actions.push_back({ActionKind::change_type, table, column});
    if (subtype == "AT_SetNotNull") out.actions.push_back({ActionKind::set_not_null, table, column});
    if (subtype == "AT_ValidateConstraint") out.statement.kind = StatementKind::validate;
    if ((subtype == "AT_AttachPartition" || subtype == "AT_DetachPartition") && def) {
      if (const auto* part = tree::object(tree::body_of(command.at("def")), "name")) {
        lock(out, tree::table_name(*part), LockMode::access_exclusive);
      }
    }
    if ((subtype == "AT_AddInherit" || subtype == "AT_DropInherit") && def) {
      lock(out, tree::table_name(tree::body_of(command.at("def"))), LockMode::share_update_exclusive);
    }
    strongest = std::max(strongest, mode);
    if (notes.find(note) == std::string::npos) notes += (notes.empty() ? "" : "; ") + note;
  }
  // A scan beside a sub-command that takes a strong lock holds that lock for as long as it takes.
  if (blocks_writers(strongest)) out.statement.kind = StatementKind::transactional;
  lock(out, table, strongest);
  out.statement.note = notes;
}

}  // namespace pgphase::effects
