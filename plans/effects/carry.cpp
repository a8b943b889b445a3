// What is known after a statement. Only what later statements of a plan lean on: tables and columns that are new,
// checks that have become valid, names that have changed.
#include <algorithm>
#include <utility>

#include "plans/effects/derive.hpp"
#include "plans/effects/proves.hpp"
#include "plans/effects/reading.hpp"
#include "plans/sql/quote.hpp"

namespace pgphase::effects {
namespace {

using Kind = KnownConstraint::Kind;

std::vector<std::string> column_names(const json::value& expression) {
  std::vector<std::string> out;
  tree::walk(expression, [&](std::string_view key, const json::object& inner) {
    if (key == "ColumnRef" && inner.contains("fields")) {
      const auto parts = tree::names(inner.at("fields"));
      if (!parts.empty()) out.push_back(parts.back());
    }
    return true;
  });
  return out;
}

void add_constraint(const TableName& table, const json::object& constraint, const std::string& column, Known& known) {
  auto& relation = known.relations[table];
  const auto kind = tree::text(constraint, "contype");
  KnownConstraint made;
  made.validated = !tree::flag(constraint, "skip_validation");
  if (!column.empty()) made.columns = {column};
  if (kind == "CONSTR_CHECK") {
    made.columns = column_names(constraint.at("raw_expr"));
    made.proves = proves_not_null(constraint.at("raw_expr"));
  } else if (kind == "CONSTR_FOREIGN") {
    made.kind = Kind::foreign_key;
    if (const auto* columns = constraint.if_contains("fk_attrs")) made.columns = tree::names(*columns);
    if (const auto* target = tree::object(constraint, "pktable")) made.references = tree::table_name(*target);
  } else if (kind == "CONSTR_PRIMARY" || kind == "CONSTR_UNIQUE") {
    made.kind = kind == "CONSTR_PRIMARY" ? Kind::primary_key : Kind::unique;
    if (const auto* columns = constraint.if_contains("keys")) made.columns = tree::names(*columns);
    if (kind == "CONSTR_PRIMARY") {
      for (const auto& one : made.columns) relation.columns[one].not_null = true;
    }
  } else if (kind == "CONSTR_NOTNULL") {
    relation.columns[column].not_null = true;
    return;
  } else {
    return;
  }
  // One without a name gets one from the server, and nobody can name it before.
  const std::string name(tree::text(constraint, "conname"));
  relation.constraints[name.empty() ? "(unnamed " + std::to_string(relation.constraints.size()) + ")" : name] =
      std::move(made);
}

void add_column(const TableName& table, const json::object& column, Known& known) {
  const std::string name(tree::text(column, "colname"));
  auto& made = known.relations[table].columns[name];
  made.not_null = false;
  for (const auto& item : tree::list(column, "constraints")) {
    add_constraint(table, tree::body_of(item), name, known);
  }
}

void create_table(const json::object& node, Known& known) {
  const auto* relation = tree::object(node, "relation");
  if (!relation) return;
  const TableName name = tree::table_name(*relation);
  // IF NOT EXISTS may find one that is there, and everybody knows that one.
  if (tree::flag(node, "if_not_exists") && !known.catalogue) return;
  if (known.relations.contains(name)) return;
  auto& made = known.relations[name];
  made.own = made.complete = true;
  made.empty = true;
  made.partitioned = node.contains("partspec");
  for (const auto& item : tree::list(node, "tableElts")) {
    if (tree::tag_of(item) == "ColumnDef") add_column(name, tree::body_of(item), known);
    if (tree::tag_of(item) == "Constraint") add_constraint(name, tree::body_of(item), {}, known);
    if (tree::tag_of(item) == "TableLikeClause") known.relations[name].complete = false;
  }
  for (const auto& item : tree::list(node, "inhRelations")) {
    const TableName parent = tree::table_name(tree::body_of(item));
    known.relations[name].parents.push_back(parent);
    known.relations[parent].children.push_back(name);
    known.relations[name].complete = false;  // it has what its parent has
    // Queries of the parent read it.
    known.relations[name].own = known.own(parent);
  }
}

void alter(const json::object& node, Known& known) {
  const auto* relation = tree::object(node, "relation");
  if (!relation || tree::text(node, "objtype") != "OBJECT_TABLE") return;
  const TableName table = tree::table_name(*relation);
  for (const auto& item : tree::list(node, "cmds")) {
    const auto& command = tree::body_of(item);
    const auto subtype = tree::text(command, "subtype");
    const std::string name(tree::text(command, "name"));
    auto& known_table = known.relations[table];
    if (subtype == "AT_AddColumn") {
      add_column(table, tree::body_of(command.at("def")), known);
    } else if (subtype == "AT_DropColumn") {
      known_table.columns.erase(name);
      std::erase_if(known_table.constraints, [&](const auto& one) {
        const auto& over = one.second.columns;
        return std::find(over.begin(), over.end(), name) != over.end();
      });
    } else if (subtype == "AT_SetNotNull" || subtype == "AT_DropNotNull") {
      known_table.columns[name].not_null = subtype == "AT_SetNotNull";
    } else if (subtype == "AT_AddConstraint") {
      add_constraint(table, tree::body_of(command.at("def")), {}, known);
    } else if (subtype == "AT_ValidateConstraint") {
      if (const auto found = known_table.constraints.find(name); found != known_table.constraints.end()) {
        found->second.validated = true;
      }
    } else if (subtype == "AT_DropConstraint") {
      known_table.constraints.erase(name);
    } else if (subtype == "AT_AlterColumnType") {
      known_table.columns[name].type.clear();
    }
  }
}

void forget(const TableName& table, Known& known) {
  known.relations.erase(table);
  std::erase_if(known.index_owner, [&](const auto& one) { return one.second == table; });
  for (auto& [name, relation] : known.relations) {
    std::erase(relation.children, table);
    std::erase(relation.parents, table);
    if (relation.default_partition == table) relation.default_partition = TableName{"public", ""};
  }
}

void rename(const json::object& node, Known& known) {
  const auto* relation = tree::object(node, "relation");
  const auto what = tree::text(node, "renameType");
  if (!relation) return;
  const TableName table = tree::table_name(*relation);
  const std::string to(tree::text(node, "newname"));
  const std::string from(tree::text(node, "subname"));
  if (what == "OBJECT_TABLE") {
    auto moved = known.relations.extract(table);
    if (moved.empty()) return;
    moved.key() = {table.schema, to};
    known.relations.insert(std::move(moved));
    for (auto& [index, owner] : known.index_owner) {
      if (owner == table) owner = {table.schema, to};
    }
    return;
  }
  const auto found = known.relations.find(table);
  if (found == known.relations.end()) return;
  if (what == "OBJECT_COLUMN") {
    auto moved = found->second.columns.extract(from);
    if (!moved.empty()) {
      moved.key() = to;
      found->second.columns.insert(std::move(moved));
    }
    for (auto& [name, constraint] : found->second.constraints) {
      std::replace(constraint.columns.begin(), constraint.columns.end(), from, to);
      if (constraint.proves.erase(from) > 0) constraint.proves.insert(to);
    }
    for (auto& [name, index] : found->second.indexes)
      std::replace(index.columns.begin(), index.columns.end(), from, to);
  } else if (what == "OBJECT_TABCONSTRAINT") {
    auto moved = found->second.constraints.extract(from);
    if (moved.empty()) return;
    moved.key() = to;
    found->second.constraints.insert(std::move(moved));
  }
}

void create_index(const json::object& node, Known& known) {
  const auto* relation = tree::object(node, "relation");
  const std::string name(tree::text(node, "idxname"));
  if (!relation || name.empty()) return;
  const TableName table = tree::table_name(*relation);
  KnownIndex made;
  for (const auto& item : tree::list(node, "indexParams")) {
    const auto& element = tree::body_of(item);
    if (const auto column = tree::text(element, "name"); !column.empty()) made.columns.emplace_back(column);
    if (element.contains("expr")) {
      made.computes = true;
      for (auto& column : column_names(element.at("expr"))) made.columns.push_back(std::move(column));
    }
  }
  made.unique = tree::flag(node, "unique");
  if (node.contains("whereClause")) {
    made.computes = true;
    for (auto& column : column_names(node.at("whereClause"))) made.columns.push_back(std::move(column));
  }
  known.relations[table].indexes[name] = std::move(made);
  known.index_owner[{table.schema, name}] = table;
}

// What a DROP takes away uses no column any more; CASCADE takes what nobody has named.
void drop_users(const json::object& node, Known& known) {
  const auto what = tree::text(node, "removeType");
  const char* kind = what == "OBJECT_VIEW" || what == "OBJECT_MATVIEW" ? "view "
                     : what == "OBJECT_TRIGGER"                        ? "trigger "
                     : what == "OBJECT_POLICY"                         ? "policy "
                                                                       : nullptr;
  const bool cascade = tree::text(node, "behavior") == "DROP_CASCADE";
  if (!kind && !cascade) return;
  std::set<std::string> gone;
  for (const auto& object : tree::list(node, "objects")) {
    const auto parts = tree::names(object);
    if (!kind || parts.empty()) continue;
    gone.insert(kind + (what == "OBJECT_VIEW" || what == "OBJECT_MATVIEW" ? display_name(tree::table_name(parts))
                                                                           : parts.back()));
  }
  for (auto& [name, relation] : known.relations) {
    for (auto& [column, is] : relation.columns) {
      std::erase_if(is.used_by, [&](const std::string& one) { return cascade || gone.contains(one); });
    }
  }
}

}  // namespace

void carry_over(const tree::RawStatement& raw, Known& known) {
  if (raw.tag == "CreateStmt") {
    create_table(raw.node, known);
  } else if (raw.tag == "AlterTableStmt") {
    alter(raw.node, known);
  } else if (raw.tag == "RenameStmt") {
    rename(raw.node, known);
  } else if (raw.tag == "IndexStmt") {
    create_index(raw.node, known);
  } else if (raw.tag == "CreateTableAsStmt") {
    const auto* into = tree::object(raw.node, "into");
    const auto* made = into ? tree::object(*into, "rel") : nullptr;
    if (made && !known.relations.contains(tree::table_name(*made))) known.relations[tree::table_name(*made)].own = true;
  } else if (raw.tag == "DropStmt") {
    drop_users(raw.node, known);
    const auto what = tree::text(raw.node, "removeType");
    for (const auto& object : tree::list(raw.node, "objects")) {
      const TableName name = tree::table_name(tree::names(object));
      if (what == "OBJECT_TABLE" || what == "OBJECT_VIEW" || what == "OBJECT_SEQUENCE") forget(name, known);
      if (what != "OBJECT_INDEX") continue;
      const auto owner = known.index_owner.find(name);
      if (owner == known.index_owner.end()) continue;
      known.relations[owner->second].indexes.erase(name.name);
      known.index_owner.erase(owner);
    }
  } else if (raw.tag == "CreateEnumStmt" || raw.tag == "CompositeTypeStmt" || raw.tag == "CreateRangeStmt") {
    if (const auto* name = raw.node.if_contains("typeName"); name && name->is_array())
      known.new_types.insert(tree::table_name(tree::names(*name)));
  } else if (raw.tag == "CreateSchemaStmt") {
    known.schemas.emplace(tree::text(raw.node, "schemaname"));
  } else if (raw.tag == "CreateDomainStmt") {
    known.new_types.insert(tree::table_name(tree::names(raw.node.at("domainname"))));
  } else if (raw.tag == "CreateSeqStmt" || raw.tag == "ViewStmt") {
    const auto* made = tree::object(raw.node, raw.tag == "ViewStmt" ? "view" : "sequence");
    if (made && !tree::flag(raw.node, "replace") && !tree::flag(raw.node, "if_not_exists") &&
        !known.relations.contains(tree::table_name(*made))) {
      auto& relation = known.relations[tree::table_name(*made)];
      relation.own = true;
      relation.kind = raw.tag == "ViewStmt" ? RelationKind::view : RelationKind::sequence;
    }
  } else if (raw.tag == "CreateFunctionStmt") {
    // One that is replaced is known already.
    if (!tree::flag(raw.node, "replace"))
      known.new_functions.insert(tree::table_name(tree::names(raw.node.at("funcname"))));
  } else if (raw.tag == "InsertStmt" || raw.tag == "CopyStmt") {
    if (const auto* relation = tree::object(raw.node, "relation")) {
      if (const auto found = known.relations.find(tree::table_name(*relation)); found != known.relations.end()) {
        found->second.empty = std::nullopt;
      }
    }
  }
}

}  // namespace pgphase::effects
