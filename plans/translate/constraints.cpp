// Constraints of tables that are in use: declared first, proved later.
#include <fmt/format.h>

#include <algorithm>
#include <array>

#include "plans/sql/deparse.hpp"
#include "plans/sql/quote.hpp"
#include "plans/translate/add_constraint_sql.hpp"
#include "plans/translate/change_toml.hpp"
#include "plans/translate/goes_along.hpp"
#include "plans/translate/names.hpp"
#include "plans/translate/translator.hpp"

namespace pgphase::translate {
namespace {

namespace json = boost::json;

std::string drop_sql(const TableName& table, const std::string& name) {
  return fmt::format("ALTER TABLE {} DROP CONSTRAINT IF EXISTS {}", qualified(table), quote_ident(name));
}

// PostgreSQL's letters for what becomes of rows that point to a row which goes.
std::string_view action_of(std::string_view letter) {
  if (letter == "r") return "restrict";
  if (letter == "c") return "cascade";
  if (letter == "n") return "set null";
  if (letter == "d") return "set default";
  return {};
}

void note_deferrable(const json::object& constraint, ChangeToml& change) {
  if (tree::flag(constraint, "deferrable")) change.yes("deferrable");
  if (tree::flag(constraint, "initdeferred")) change.yes("initially_deferred");
}

// Each element is a list of an IndexElem and its operator.
std::string excluded_columns(const json::object& constraint) {
  std::vector<std::string> columns;
  for (const auto& item : tree::list(constraint, "exclusions")) {
    const auto& pair = tree::list(tree::body_of(item), "items");
    if (pair.empty()) continue;
    const std::string name(tree::text(tree::body_of(pair[0]), "name"));
    columns.push_back(name.empty() ? "expr" : name);
  }
  return joined(columns);
}

}  // namespace

std::string Translator::constraint_name(const TableName& table, const json::object& constraint,
                                        const std::string& column) {
  const std::string given(tree::text(constraint, "conname"));
  if (!given.empty()) {
    names_.insert({table.schema, given});
    return given;
  }
  const auto kind = tree::text(constraint, "contype");
  std::string middle = column;
  if (kind == "CONSTR_CHECK") {
    const auto columns = columns_in(constraint.at("raw_expr"));
    middle = columns.size() == 1 ? columns.front() : "";
    return unique_name(table, middle, "check");
  }
  if (kind == "CONSTR_PRIMARY") return unique_name(table, "", "pkey");
  const auto* list = constraint.if_contains(kind == "CONSTR_FOREIGN" ? "fk_attrs" : "keys");
  if (list) middle = joined(tree::names(*list));
  if (kind == "CONSTR_EXCLUSION") middle = excluded_columns(constraint);
  const char* label = kind == "CONSTR_FOREIGN" ? "fkey" : kind == "CONSTR_EXCLUSION" ? "excl" : "key";
  return unique_name(table, middle, label);
}

void Translator::add_constraint(const TableName& table, const json::object& constraint, Translated& out) {
  const auto kind = tree::text(constraint, "contype");
  const auto name = constraint_name(table, constraint);
  const bool not_valid = tree::flag(constraint, "skip_validation");
  if (kind == "CONSTR_FOREIGN") {
    foreign_key(table, constraint, name, out);
  } else if (kind == "CONSTR_UNIQUE" || kind == "CONSTR_PRIMARY") {
    key_constraint(table, constraint, name, out);
    return;
  } else if (kind == "CONSTR_CHECK" && !tree::flag(constraint, "is_no_inherit")) {
    const auto condition = tree::deparse_expression(constraint.at("raw_expr"));
    if (!condition) {
      out.left = fmt::format("{}: its condition could not be written by itself", name);
      return;
    }
    out.entries.push_back(ChangeToml("add_check", table).text("name", name).text("check", *condition).str());
  } else {
    out.left = kind == "CONSTR_EXCLUSION"
                   ? fmt::format(
                         "{}: PostgreSQL builds an exclusion constraint under a lock only; a new table with the "
                         "constraint can take the old one's place",
                         name)
                   : fmt::format("{}: pgphase does not know how to add it while the table is in use", name);
    return;
  }
  if (not_valid) {
    pending_.insert({table, name});
    out.notes.push_back(fmt::format("{} is looked at for every row, too, while reads and writes go on", name));
  }
}

void Translator::key_constraint(const TableName& table, const json::object& constraint, const std::string& name,
                                Translated& out) {
  const bool primary = tree::text(constraint, "contype") == "CONSTR_PRIMARY";
  keyed_.insert(table);
  json::object named = constraint;
  named["conname"] = name;
  if (const auto index = tree::text(constraint, "indexname"); !index.empty()) {
    const auto sql = add_constraint_sql(table, named);
    if (!sql) {
      out.left = fmt::format("{}: could not be written by itself", name);
      return;
    }
    out.notes.push_back("a rollback drops the index together with the constraint");
    by_hand(Phase::constraint, "add constraint " + name, {*sql}, {drop_sql(table, name)}, out);
    return;
  }
  if (constraint.contains("options") || constraint.contains("indexspace")) {
    out.left = fmt::format(
        "{}: build its index with CREATE UNIQUE INDEX CONCURRENTLY, then ADD CONSTRAINT … USING INDEX", name);
    return;
  }
  const auto columns = tree::names(constraint.at("keys"));
  if (primary) {
    // Otherwise PostgreSQL would look for NULLs under ACCESS EXCLUSIVE.
    const auto* relation = known_.find(table);
    for (const auto& column : columns) {
      const bool given =
          relation && relation->columns.contains(column) && relation->columns.at(column).not_null.value_or(false);
      if (!given)
        out.notes.push_back(
            fmt::format("{} must be NOT NULL before: put a set_not_null in front of it, unless it is", column));
    }
  }
  ChangeToml change(primary ? "add_primary_key" : "add_unique", table);
  change.text("name", name).list("columns", columns);
  if (const auto* include = constraint.if_contains("including")) change.list("include", tree::names(*include));
  if (tree::flag(constraint, "nulls_not_distinct")) change.no("nulls_distinct");
  note_deferrable(constraint, change);
  out.entries.push_back(change.str());
}

void Translator::foreign_key(const TableName& table, const json::object& constraint, const std::string& name,
                             Translated& out) {
  const auto* target = tree::object(constraint, "pktable");
  const auto* from = constraint.if_contains("fk_attrs");
  if (!target || !from) {
    out.left = fmt::format("{}: the columns of the foreign key are not in the text", name);
    return;
  }
  const auto* to = constraint.if_contains("pk_attrs");
  const auto on_delete = tree::text(constraint, "fk_del_action");
  const bool plain = tree::text(constraint, "fk_matchtype") != "f" && !constraint.contains("fk_del_set_cols");
  if (to && plain) {
    ChangeToml change("add_foreign_key", table);
    change.text("name", name)
        .list("columns", tree::names(*from))
        .reference("references", tree::table_name(*target), tree::names(*to));
    if (const auto action = action_of(on_delete); !action.empty()) change.text("on_delete", action);
    if (const auto action = action_of(tree::text(constraint, "fk_upd_action")); !action.empty()) {
      change.text("on_update", action);
    }
    note_deferrable(constraint, change);
    out.entries.push_back(change.str());
    return;
  }
  // What the change has no key for is done by hand as the change does it.
  json::object declared = constraint;
  declared["conname"] = name;
  declared["skip_validation"] = true;
  declared.erase("initially_valid");
  const auto sql = add_constraint_sql(table, declared);
  if (!sql) {
    out.left = fmt::format("{}: could not be written by itself; add it NOT VALID, then VALIDATE CONSTRAINT", name);
    return;
  }
  by_hand(Phase::constraint, "add constraint " + name,
          {*sql, fmt::format("ALTER TABLE {} VALIDATE CONSTRAINT {}", qualified(table), quote_ident(name))},
          {drop_sql(table, name)}, out);
}

void Translator::validate_constraint(const TableName& table, const json::object& command, Translated& out) {
  const std::string name(tree::text(command, "name"));
  if (pending_.erase({table, name}) > 0) {
    out.dropped = fmt::format("the change that adds {} does this, too", name);
    return;
  }
  by_hand(Phase::constraint, "validate " + name,
          {fmt::format("ALTER TABLE {} VALIDATE CONSTRAINT {}", qualified(table), quote_ident(name))}, {k_nothing_to_undo}, out);
}

void Translator::drop_constraint(const TableName& table, const json::object& command, Translated& out) {
  const std::string name(tree::text(command, "name"));
  if (tree::text(command, "behavior") == "DROP_CASCADE") {
    out.left = "CASCADE takes along what the text does not name: drop that first, by name";
    return;
  }
  out.notes.push_back(fmt::format("write `rollback` with the definition of {}, instead of `irreversible`", name));
  one_way(Phase::constraint, "drop constraint " + name,
          fmt::format("ALTER TABLE {} DROP CONSTRAINT {}{}", qualified(table),
                      tree::flag(command, "missing_ok") ? "IF EXISTS " : "", quote_ident(name)),
          "its definition is not in the SQL", out);
}

}  // namespace pgphase::translate
