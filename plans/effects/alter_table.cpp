// ALTER TABLE and its like: one row a sub-command; the statement takes the strongest lock of them.
#include <fmt/format.h>

#include <algorithm>
#include <array>

#include "plans/effects/reading.hpp"

namespace pgphase::effects {
namespace {

constexpr auto ael = LockMode::access_exclusive;
constexpr auto sre = LockMode::share_row_exclusive;
constexpr auto sue = LockMode::share_update_exclusive;
constexpr const char* k_rewrites = "rewrites the table";

struct Row {
  std::string_view subtype;
  std::string_view rule;
  LockMode lock;
  bool recurses = false;  // to partitions and to tables that inherit
  Answer rewrite = Answer::no;
  const char* note = k_brief;
};

constexpr auto k_rows = std::to_array<Row>({
    {"AT_ColumnDefault", "set-default", ael, true},
    {"AT_DropNotNull", "drop-not-null", ael, true},
    {"AT_DropExpression", "drop-expression", ael, true},
    {"AT_SetStatistics", "set-statistics", sue, true},
    {"AT_SetOptions", "set-column-options", sue},
    {"AT_ResetOptions", "set-column-options", sue},
    {"AT_SetStorage", "set-storage", ael, true},
    {"AT_SetCompression", "set-compression", ael},
    {"AT_AlterConstraint", "alter-constraint", ael, true},
    {"AT_AddIdentity", "alter-identity", ael},
    {"AT_SetIdentity", "alter-identity", ael},
    {"AT_DropIdentity", "drop-identity", ael},
    {"AT_ChangeOwner", "change-owner", ael},
    {"AT_ClusterOn", "cluster-on", sue},
    {"AT_DropCluster", "cluster-on", sue},
    {"AT_SetLogged", "set-logged", ael, false, Answer::yes, k_rewrites},
    {"AT_SetUnLogged", "set-logged", ael, false, Answer::yes, k_rewrites},
    {"AT_SetAccessMethod", "set-access-method", ael, false, Answer::yes, k_rewrites},
    {"AT_SetTableSpace", "set-tablespace", ael, false, Answer::yes, "copies the table"},
    {"AT_EnableTrig", "enable-trigger", sre, true},
    {"AT_EnableAlwaysTrig", "enable-trigger", sre, true},
    {"AT_EnableReplicaTrig", "enable-trigger", sre, true},
    {"AT_DisableTrig", "disable-trigger", sre, true},
    {"AT_EnableTrigAll", "enable-trigger", sre, true},
    {"AT_DisableTrigAll", "disable-all-triggers", sre, true},
    {"AT_EnableTrigUser", "enable-trigger", sre, true},
    {"AT_DisableTrigUser", "disable-all-triggers", sre, true},
    {"AT_EnableRule", "enable-rule", ael},
    {"AT_EnableAlwaysRule", "enable-rule", ael},
    {"AT_EnableReplicaRule", "enable-rule", ael},
    {"AT_DisableRule", "enable-rule", ael},
    {"AT_AddInherit", "inherit", ael},
    {"AT_DropInherit", "inherit", ael},
    {"AT_AddOf", "of-type", ael},
    {"AT_DropOf", "of-type", ael},
    {"AT_ReplicaIdentity", "replica-identity", ael},
    {"AT_EnableRowSecurity", "row-security", ael},
    {"AT_DisableRowSecurity", "row-security-off", ael},
    {"AT_ForceRowSecurity", "row-security", ael},
    {"AT_NoForceRowSecurity", "row-security-off", ael},
    {"AT_GenericOptions", "foreign-options", ael},
    {"AT_AlterColumnGenericOptions", "foreign-options", ael},
});

// Storage parameters that are read while a query is planned or a row is written need the strong lock.
LockMode options_lock(const json::object& command) {
  constexpr auto k_strong = std::to_array<std::string_view>(
      {"autosummarize", "buffering", "check_option", "fastupdate", "gin_pending_list_limit", "pages_per_range",
       "security_barrier", "security_invoker", "user_catalog_table"});
  for (const auto& option : tree::list(tree::body_of(command.at("def")), "items")) {
    const auto name = tree::text(tree::body_of(option), "defname");
    if (std::find(k_strong.begin(), k_strong.end(), name) != k_strong.end()) return ael;
  }
  return sue;
}

bool asks_for_other_rights(const json::object& command) {
  const auto& options = tree::list(tree::body_of(command.at("def")), "items");
  return std::any_of(options.begin(), options.end(), [](const json::value& option) {
    return tree::text(tree::body_of(option), "defname") == "security_invoker";
  });
}

RelationKind kind_of(std::string_view object) {
  if (object == "OBJECT_INDEX") return RelationKind::index;
  if (object == "OBJECT_VIEW") return RelationKind::view;
  if (object == "OBJECT_MATVIEW") return RelationKind::materialized_view;
  if (object == "OBJECT_SEQUENCE") return RelationKind::sequence;
  if (object == "OBJECT_FOREIGN_TABLE") return RelationKind::foreign_table;
  return RelationKind::table;
}

// DROP COLUMN takes what hangs on the column with it.
LockMode drop_column(Reading& r, Subcommand& s) {
  const std::string column(tree::text(s.command, "name"));
  r.out.actions.push_back({ActionKind::drop_column, s.table, column});
  r.rule("drop-column", s.table, column);
  r.out.loss = Loss::rows;
  referenced(r, s.table, column, ael);
  const bool cascade = tree::text(s.command, "behavior") == "DROP_CASCADE";
  if (const auto* table = r.find(s.table); table && !cascade) {
    const auto known = table->columns.find(column);
    if (known != table->columns.end()) refused_for(r, s.table, column, known->second);
  }
  if (cascade) {
    r.rule("drop-cascade", s.table, column);
    r.unnamed(fmt::format("whatever depends on column {} of {}", column, s.table.name), ael);
    r.asks(fmt::format("what depends on column {} of {}", column, s.table.name));
  }
  return ael;
}

// The tables of both are looked at.
void attach_index(Reading& r, const TableName& parent, const TableName& part) {
  r.on(part, ael, RelationKind::index);
  bool known = true;
  for (const TableName& index : {parent, part}) {
    const auto owner = r.known.index_owner.find(index);
    if (owner == r.known.index_owner.end()) {
      known = false;
    } else {
      r.on(owner->second, LockMode::access_share);
    }
  }
  if (known) return;
  r.unnamed("the tables of both indexes", LockMode::access_share);
  r.asks("which tables the indexes belong to");
}

bool is_always(const json::object& option) {
  const auto* value = tree::object(option, "arg");
  const auto* number = value ? tree::object(*value, "Integer") : nullptr;
  const auto* code = number ? number->if_contains("ival") : nullptr;
  return code && code->is_int64() && code->get_int64() == 'a';  // pg_attribute.attidentity
}

// What its sequence gives, and who may write the column from then on.
void identity(Reading& r, const Subcommand& s, const std::string& column) {
  const auto* definition = s.command.if_contains("def");
  if (!definition) return;
  if (tree::text(s.command, "subtype") == "AT_AddIdentity") {
    const auto& made = tree::body_of(*definition);
    const auto* table = r.find(s.table);
    const bool filled = !table || !table->empty.value_or(false);
    if (filled && !begins_above_one(tree::list(made, "options"))) r.rule("add-identity", s.table, column);
    if (tree::text(made, "generated_when") == "a") r.rule("identity-always", s.table, column);
    return;
  }
  const auto& options = tree::list(tree::body_of(*definition), "items");
  restarts(r, options, s.table, column);
  for (const auto& item : options) {
    const auto& option = tree::body_of(item);
    if (tree::text(option, "defname") == "generated" && is_always(option)) {
      r.rule("identity-always", s.table, column);
    }
  }
}

// Of what a sub-command is about, where its row alone does not decide.
std::string_view rule_of(const Reading& r, const Subcommand& s, const Row& row, const std::string& column) {
  const auto* definition = s.command.if_contains("def");
  if (row.subtype == "AT_ReplicaIdentity" && definition) {
    return tree::text(tree::body_of(*definition), "identity_type") == "n" ? "replica-identity-nothing" : row.rule;
  }
  if (row.subtype != "AT_ColumnDefault" || definition) return row.rule;
  const auto* table = r.find(s.table);
  const auto known = table ? table->columns.find(column) : decltype(table->columns.find(column)){};
  const bool required = table && known != table->columns.end() && known->second.not_null.value_or(false);
  return required ? "drop-default-required" : "drop-default";
}

LockMode from_row(Reading& r, Subcommand& s, const Row& row, RelationEffects& whole) {
  const std::string column(tree::text(s.command, "name"));
  r.rule(rule_of(r, s, row, column), s.table, column);
  if (row.subtype == "AT_AddIdentity" || row.subtype == "AT_SetIdentity") identity(r, s, column);
  if (row.subtype == "AT_SetIdentity" || row.subtype == "AT_DropIdentity") {
    r.unnamed(fmt::format("the sequence of column {} of {}", column, s.table.name),
              row.subtype == "AT_DropIdentity" ? ael : sre, RelationKind::sequence);
  }
  if (row.subtype == "AT_ClusterOn") r.on({s.table.schema, column}, sue, RelationKind::index);
  if (row.subtype == "AT_DropIdentity") r.out.loss = std::max(r.out.loss, Loss::definition);
  if (row.rule == "set-default" && !s.command.contains("def")) r.out.loss = std::max(r.out.loss, Loss::definition);
  if (row.subtype == "AT_DropExpression" || row.subtype == "AT_DropNotNull") {
    r.out.loss = std::max(r.out.loss, Loss::definition);
  }
  if (row.rewrite == Answer::yes) {
    whole.rewrite = whole.scan = Answer::yes;
    // What it has already stays as it is, and that the text does not say.
    const bool may_be_so = row.rule == "set-logged" || row.rule == "set-tablespace" || row.rule == "set-access-method";
    const auto* table = r.find(s.table);
    const bool wanted = row.subtype == "AT_SetLogged";
    if (row.rule == "set-logged" && table && table->logged) {
      whole.rewrite = whole.scan = *table->logged == wanted ? Answer::no : Answer::yes;
    } else if (may_be_so) {
      whole.rewrite = whole.scan = Answer::unknown;
      r.asks(fmt::format("whether {} is like that already", s.table.name));
    }
    // Copied file by file: no row is looked at.
    if (row.rule == "set-tablespace") whole.scan = Answer::no;
  }
  if (row.rule == "set-access-method") r.out.since = std::max(r.out.since, 15);
  s.note = row.note;
  // Triggers and foreign keys are a table's own, unless it is partitioned.
  const bool partitions_only = row.lock == sre || row.rule == "alter-constraint";
  if (partitions_only) r.on(s.table, row.lock).with_partitions = s.with_children;
  s.with_children = s.with_children && row.recurses && !partitions_only;
  return row.lock;
}

}  // namespace

void referenced(Reading& r, const TableName& table, const std::string& column, LockMode lock) {
  const auto* found = r.find(table);
  if (found) {
    for (const auto& [name, constraint] : found->constraints) {
      if (constraint.kind != KnownConstraint::Kind::foreign_key) continue;
      const auto& over = constraint.columns;
      if (!column.empty() && std::find(over.begin(), over.end(), column) == over.end()) continue;
      // What a partition has from its parent goes no further than the partition when it is dropped.
      if (column.empty() && constraint.inherited && lock == ael) continue;
      if (constraint.references != table) r.on(constraint.references, lock).with_partitions = true;
    }
    if (found->complete) return;
  }
  if (r.known.catalogue) return;
  r.unnamed(column.empty()
                ? fmt::format("each table that a foreign key of {} refers to", table.name)
                : fmt::format("each table that a foreign key over column {} of {} refers to", column, table.name),
            lock);
  r.asks(fmt::format("which tables foreign keys of {} refer to", table.name));
}

bool alter_table(Reading& r) {
  if (r.raw.tag == "AlterTableMoveAllStmt") {
    r.rule("set-tablespace-all");
    auto& each = r.unnamed("each table, index or materialized view of the tablespace", ael);
    each.rewrite = Answer::yes;
    r.asks("what lies in the tablespace");
    r.out.note = "copies every table of the tablespace";
    return true;
  }
  if (r.raw.tag != "AlterTableStmt") return false;
  const auto* relation = tree::object(r.node, "relation");
  if (!relation) return false;
  const TableName table = tree::table_name(*relation);
  const auto object = tree::text(r.node, "objtype");
  if (object == "OBJECT_TYPE") {
    const auto& commands = tree::list(r.node, "cmds");
    for (const auto& item : commands) {
      const auto& command = tree::body_of(item);
      if (tree::text(command, "subtype") != "AT_DropColumn") continue;
      r.rule("drop-attribute", table, std::string(tree::text(command, "name")));
      r.out.loss = Loss::rows;
    }
    if (r.out.rules.size() < commands.size()) r.rule("alter-composite-type", table);
    r.unnamed(fmt::format("each table of the type {}", table.name), ael);
    r.asks(fmt::format("which tables are of the type {}", table.name));
    r.out.note = k_brief;
    return true;
  }
  const RelationKind kind = kind_of(object);
  LockMode strongest = LockMode::none;
  bool with_children = false;
  RelationEffects whole;
  std::string notes;
  for (const auto& item : tree::list(r.node, "cmds")) {
    Subcommand s{tree::body_of(item), table, tree::flag(*relation, "inh"), k_brief};
    const auto subtype = tree::text(s.command, "subtype");
    const auto row = std::find_if(k_rows.begin(), k_rows.end(), [&](const Row& one) { return one.subtype == subtype; });
    LockMode lock = ael;
    if (kind == RelationKind::index && subtype == "AT_AttachPartition") {
      r.rule("attach-index", table);
      attach_index(r, table, tree::table_name(*tree::object(tree::body_of(s.command.at("def")), "name")));
      lock = sue;
    } else if (subtype == "AT_AddColumn") {
      lock = add_column(r, s);
    } else if (subtype == "AT_DropColumn") {
      lock = drop_column(r, s);
    } else if (subtype == "AT_AddConstraint") {
      lock = add_constraint(r, s);
    } else if (subtype == "AT_DropConstraint") {
      lock = drop_constraint(r, s);
    } else if (subtype == "AT_ValidateConstraint") {
      lock = validate_constraint(r, s);
    } else if (subtype == "AT_AlterColumnType") {
      lock = change_type(r, s);
    } else if (subtype == "AT_SetNotNull") {
      lock = set_not_null(r, s);
    } else if (subtype == "AT_AttachPartition") {
      lock = attach_partition(r, s);
    } else if (subtype == "AT_DetachPartition" || subtype == "AT_DetachPartitionFinalize") {
      lock = detach_partition(r, s);
    } else if (subtype == "AT_SetRelOptions" || subtype == "AT_ResetRelOptions") {
      lock = options_lock(s.command);
      r.rule(asks_for_other_rights(s.command) ? "view-rights" : lock == sue ? "set-storage-parameter" : "set-strong-parameter",
             table);
      s.with_children = false;
    } else if (row != k_rows.end()) {
      lock = from_row(r, s, *row, whole);
    } else {
      r.rule("opaque", table);
      r.out.opaque = true;
      s.note = "pgphase does not know this sub-command";
    }
    if (subtype == "AT_AddInherit" || subtype == "AT_DropInherit") {
      r.on(tree::table_name(tree::body_of(s.command.at("def"))),
           subtype == "AT_AddInherit" ? sue : LockMode::access_share);
    }
    strongest = std::max(strongest, lock);
    with_children = with_children || s.with_children;
    if (notes.find(s.note) == std::string::npos) notes += (notes.empty() ? "" : "; ") + s.note;
  }
  if (kind == RelationKind::index && whole.rewrite != Answer::no) {
    const auto owner = r.known.index_owner.find(table);
    auto& of = owner != r.known.index_owner.end()
                   ? r.on(owner->second, LockMode::none)
                   : r.unnamed(fmt::format("the table of index {}", table.name), LockMode::none);
    of.index_build = whole.rewrite;
    whole = {};
  }
  auto& held = r.on(table, strongest, kind);
  held.with_children = held.with_children || with_children;
  held.rewrite = std::max(held.rewrite, whole.rewrite);
  held.scan = std::max(held.scan, whole.scan);
  // A scan beside a sub-command that takes a strong lock holds that lock for as long as it takes.
  if (blocks_writers(strongest)) r.out.kind = StatementKind::transactional;
  r.out.note = notes;
  return true;
}

}  // namespace pgphase::effects
