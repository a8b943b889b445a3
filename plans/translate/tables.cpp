// New tables: as the change where it can say all of it, else as they are written.
#include <fmt/format.h>

#include <algorithm>

#include "plans/changes/hideable_table.hpp"
#include "plans/sql/deparse.hpp"
#include "plans/sql/expression.hpp"
#include "plans/sql/quote.hpp"
#include "plans/translate/add_constraint_sql.hpp"
#include "plans/translate/change_toml.hpp"
#include "plans/translate/foreign_keys.hpp"
#include "plans/translate/names.hpp"
#include "plans/translate/step_toml.hpp"
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
  if (as_change(raw.node, table, out) || as_sql(raw, table, out)) return;
  out.notes.push_back(fmt::format("a rollback refuses to drop {} as soon as it has a row, unless --lose-data is given",
                                  display_name(table)));
  by_hand(Phase::additive, "create table " + display_name(table), {raw.text},
          {fmt::format("DROP TABLE IF EXISTS {}", qualified(table))}, out);
}

// Whoever does the plan again finds the table without that column.
bool Translator::is_about_what_goes(const TableName& table, const json::object& constraint) const {
  const auto* from = constraint.if_contains("fk_attrs");
  if (!from) return false;
  const auto columns = tree::names(*from);
  return std::any_of(columns.begin(), columns.end(),
                     [&](const std::string& column) { return outlook_.drops(table, column); });
}

Translator::Rows Translator::rows_in(const TableName& table) const {
  const auto* relation = known_.find(table);
  return relation && relation->empty.value_or(false) ? Rows::none : Rows::some;
}

std::optional<Translator::Constraints> Translator::constraints_of(const TableName& table,
                                                                  const std::vector<json::object>& written, Rows rows) {
  Constraints out;
  for (json::object constraint : written) {
    if (is_about_what_goes(table, constraint)) continue;
    const auto name = constraint_name(table, constraint);
    apart_.insert({table, name});
    constraint["conname"] = name;
    const bool proved_later = rows == Rows::some && tree::text(constraint, "contype") == "CONSTR_FOREIGN" &&
                              !tree::flag(constraint, "skip_validation");
    if (proved_later) {
      constraint["skip_validation"] = true;
      constraint.erase("initially_valid");
    }
    const auto sql = add_constraint_sql(table, constraint);
    if (!sql) return std::nullopt;
    out.add.push_back(*sql);
    if (proved_later)
      out.add.push_back(fmt::format("ALTER TABLE {} VALIDATE CONSTRAINT {}", qualified(table), quote_ident(name)));
    out.drop.insert(out.drop.begin(),
                    fmt::format("ALTER TABLE IF EXISTS {} DROP CONSTRAINT IF EXISTS {}", qualified(table), quote_ident(name)));
  }
  return out;
}

void Translator::add_constraints(const TableName& table, const Constraints& constraints, Translated& out) {
  if (constraints.add.empty()) return;
  by_hand(Phase::additive, "constraints of " + display_name(table), constraints.add, constraints.drop, out);
}

bool Translator::as_change(const json::object& create, const TableName& table, Translated& out) {
  if (!is_plain(create)) return false;
  std::vector<std::string> primary;
  std::vector<json::object> written;
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
    if (refers_elsewhere(element, table)) {
      written.push_back(element);
      continue;
    }
    if (tree::text(element, "contype") != "CONSTR_PRIMARY") return false;
    const bool plain = (name.empty() || name == object_name(table.name, "", "pkey")) && !element.contains("options") &&
                       !element.contains("including") && !tree::flag(element, "deferrable");
    if (!plain) return false;
    primary = tree::names(element.at("keys"));
  }
  if (columns.empty()) return false;
  // A foreign key has its own step, so that a rollback can take it off and hide the table.
  const auto constraints = constraints_of(table, written, Rows::none);
  if (!constraints) return false;
  ChangeToml change("create_table", table);
  if (!primary.empty()) change.list("primary_key", primary);
  change.raw("columns", "[\n" + columns + "]");
  out.entries.push_back(change.str());
  hideable_.insert(table);
  add_constraints(table, *constraints, out);
  return true;
}

// So that what comes later gets another name, as it would get from PostgreSQL.
void Translator::note_constraint_names(const json::object& create, const TableName& table) {
  const auto note = [&](const json::object& constraint, const std::string& column) {
    const auto kind = tree::text(constraint, "contype");
    if (kind == "CONSTR_CHECK" || kind == "CONSTR_UNIQUE" || kind == "CONSTR_PRIMARY" || kind == "CONSTR_EXCLUSION" ||
        kind == "CONSTR_FOREIGN")
      static_cast<void>(constraint_name(table, constraint, column));
  };
  for (const auto& item : tree::list(create, "tableElts")) {
    const auto& element = tree::body_of(item);
    if (tree::tag_of(item) == "Constraint") note(element, {});
    for (const auto& inner : tree::list(element, "constraints"))
      note(tree::body_of(inner), std::string(tree::text(element, "colname")));
  }
}

bool Translator::as_sql(const tree::RawStatement& raw, const TableName& table, Translated& out) {
  auto inside = raw;
  const auto foreign_keys = foreign_keys_of_table(inside.node, table);
  if (!cannot_be_hidden(inside).empty()) return false;
  auto sql = std::optional(raw.text);
  if (!foreign_keys.empty()) sql = tree::deparse(raw.tag, inside.node);
  if (!sql) return false;
  const auto constraints = constraints_of(table, foreign_keys, Rows::none);
  if (!constraints) return false;
  note_constraint_names(inside.node, table);
  out.entries.push_back(ChangeToml("create_table", {}).raw("sql", quoted(*sql)).str());
  hideable_.insert(table);
  add_constraints(table, *constraints, out);
  return true;
}

}  // namespace pgphase::translate
