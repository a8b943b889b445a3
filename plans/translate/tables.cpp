// New tables: as the change where it can say all of it, else as they are written.
#include <fmt/format.h>

#include "plans/sql/deparse.hpp"
#include "plans/sql/expression.hpp"
#include "plans/sql/quote.hpp"
#include "plans/translate/change_toml.hpp"
#include "plans/translate/names.hpp"
#include "plans/translate/translator.hpp"

namespace pgphase::translate {
namespace {

namespace json = boost::json;

std::optional<std::string> column_toml(const json::object& definition, std::vector<std::string>& primary) {
  const std::string name(tree::text(definition, "colname"));
  const auto* type_name = tree::object(definition, "typeName");
  if (!type_name || definition.contains("collClause") || !tree::text(definition, "compression").empty()) return {};
  const auto type = tree::deparse_type(*type_name);
  if (!type || TypeName{*type}.serial()) return {};
  std::string out = fmt::format("{{ name = {}, type = {}", toml_text(name), toml_text(*type));
  bool not_null = false;
  for (const auto& item : tree::list(definition, "constraints")) {
    const auto& constraint = tree::body_of(item);
    const auto kind = tree::text(constraint, "contype");
    if (!tree::text(constraint, "conname").empty()) return {};
    if (kind == "CONSTR_NOTNULL") {
      not_null = true;
    } else if (kind == "CONSTR_NULL") {
      continue;
    } else if (kind == "CONSTR_PRIMARY" && !constraint.contains("options") && !tree::flag(constraint, "deferrable")) {
      primary.push_back(name);
    } else if (kind == "CONSTR_DEFAULT") {
      const auto value = tree::deparse_expression(constraint.at("raw_expr"));
      if (!value) return {};
      out += fmt::format(", default = {}", toml_text(*value));
    } else if (kind == "CONSTR_IDENTITY" && !constraint.contains("options")) {
      out +=
          fmt::format(", identity = \"{}\"", tree::text(constraint, "generated_when") == "a" ? "always" : "by_default");
    } else {
      return {};
    }
  }
  if (not_null) out += ", nullable = false";
  return out + " }";
}

bool is_plain(const json::object& create) {
  for (const char* key :
       {"partspec", "partbound", "inhRelations", "ofTypename", "options", "tablespacename", "accessMethod"}) {
    if (create.contains(key)) return false;
  }
  const auto* relation = tree::object(create, "relation");
  return relation && tree::text(*relation, "relpersistence") == "p" && !tree::flag(create, "if_not_exists");
}

}  // namespace

void Translator::note_defaults(const json::object& create, const TableName& table) {
  for (const auto& item : tree::list(create, "tableElts")) {
    if (tree::tag_of(item) != "ColumnDef") continue;
    const auto& column = tree::body_of(item);
    std::string value;
    bool known = true;
    for (const auto& one : tree::list(column, "constraints")) {
      const auto& constraint = tree::body_of(one);
      if (tree::text(constraint, "contype") != "CONSTR_DEFAULT") continue;
      const auto text = tree::deparse_expression(constraint.at("raw_expr"));
      known = text.has_value();
      value = text.value_or("");
    }
    const auto* type = tree::object(column, "typeName");
    if (!type || TypeName{tree::names(type->at("names")).back()}.serial()) known = false;
    if (known) defaults_[{table, std::string(tree::text(column, "colname"))}] = value;
  }
}

void Translator::create_table(const tree::RawStatement& raw, Translated& out) {
  const auto* relation = tree::object(raw.node, "relation");
  if (!relation) {
    out.left = "the text does not say which table it makes";
    return;
  }
  if (tree::text(*relation, "relpersistence") == "t") {
    out.left = "a temporary table is gone with its session, and each step has one of its own";
    return;
  }
  const TableName table = tree::table_name(*relation);
  note_defaults(raw.node, table);
  if (tree::flag(raw.node, "if_not_exists")) {
    one_way(Phase::additive, "create table " + display_name(table), raw.text,
            "whether the table was there before is not in the SQL", out);
    return;
  }
  if (as_change(raw.node, table, out)) return;
  out.notes.push_back(fmt::format("a rollback refuses to drop {} as soon as it has a row, unless --lose-data is given",
                                  display_name(table)));
  by_hand(Phase::additive, "create table " + display_name(table), {raw.text},
          {fmt::format("DROP TABLE IF EXISTS {}", qualified(table))}, out);
}

bool Translator::as_change(const json::object& create, const TableName& table, Translated& out) {
  if (!is_plain(create)) return false;
  std::vector<std::string> primary;
  std::vector<const json::object*> constraints;
  std::string columns;
  for (const auto& item : tree::list(create, "tableElts")) {
    const auto& element = tree::body_of(item);
    if (tree::tag_of(item) == "ColumnDef") {
      const auto column = column_toml(element, primary);
      if (!column) return false;
      columns += "  " + *column + ",\n";
      continue;
    }
    if (tree::tag_of(item) != "Constraint") return false;
    const auto name = tree::text(element, "conname");
    if (tree::text(element, "contype") != "CONSTR_PRIMARY") {
      constraints.push_back(&element);
      continue;
    }
    const bool plain = (name.empty() || name == object_name(table.name, "", "pkey")) && !element.contains("options") &&
                       !element.contains("including") && !tree::flag(element, "deferrable");
    if (!plain) return false;
    primary = tree::names(element.at("keys"));
  }
  if (columns.empty()) return false;
  // Each further constraint has its own step, so that a rollback can leave the table where it keeps its rows.
  std::vector<std::string> more;
  std::vector<std::string> undo;
  for (const auto* written : constraints) {
    json::object constraint = *written;
    const auto name = constraint_name(table, constraint);
    constraint["conname"] = name;
    json::object relation{{"relname", table.name}, {"inh", true}, {"relpersistence", "p"}};
    if (table.schema != "public") relation["schemaname"] = table.schema;
    const json::object command{{"subtype", "AT_AddConstraint"},
                               {"def", json::object{{"Constraint", constraint}}},
                               {"behavior", "DROP_RESTRICT"}};
    const auto sql =
        tree::deparse("AlterTableStmt", json::object{{"relation", std::move(relation)},
                                                     {"cmds", json::array{json::object{{"AlterTableCmd", command}}}},
                                                     {"objtype", "OBJECT_TABLE"}});
    if (!sql) return false;
    more.push_back(*sql);
    undo.insert(undo.begin(),
                fmt::format("ALTER TABLE {} DROP CONSTRAINT IF EXISTS {}", qualified(table), quote_ident(name)));
  }
  ChangeToml change("create_table", table);
  if (!primary.empty()) change.list("primary_key", primary);
  change.raw("columns", "[\n" + columns + "]");
  out.entries.push_back(change.str());
  if (!more.empty()) by_hand(Phase::additive, "constraints of " + display_name(table), more, undo, out);
  return true;
}

}  // namespace pgphase::translate
