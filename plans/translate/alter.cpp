// ALTER TABLE, command by command, and RENAME.
#include <fmt/format.h>

#include "plans/changes/hideable_table.hpp"
#include "plans/sql/deparse.hpp"
#include "plans/sql/quote.hpp"
#include "plans/translate/change_toml.hpp"
#include "plans/translate/foreign_keys.hpp"
#include "plans/translate/goes_along.hpp"
#include "plans/translate/one_by_one.hpp"
#include "plans/translate/step_toml.hpp"
#include "plans/translate/translator.hpp"

namespace pgphase::translate {
namespace {

namespace json = boost::json;

// Of a type, a function and the like, which are named by their parts: the last one and the new name change places.
bool swap_names(json::object& rename) {
  auto* object = rename.if_contains("object");
  if (!object || !object->is_object() || object->as_object().size() != 1) return false;
  auto& [tag, body] = *object->as_object().begin();
  if (!body.is_object()) return false;
  auto* parts = body.as_object().if_contains(tag == "ObjectWithArgs" ? "objname" : "items");
  if (!parts || !parts->is_array() || parts->as_array().empty()) return false;
  auto& last = parts->as_array().back();
  const std::string before(tree::text(tree::body_of(last), "sval"));
  if (before.empty()) return false;
  last = json::object{{"String", json::object{{"sval", std::string(tree::text(rename, "newname"))}}}};
  rename["newname"] = before;
  return true;
}

}  // namespace

void Translator::alter_table(const tree::RawStatement& raw, Translated& out) {
  const auto* relation = tree::object(raw.node, "relation");
  const auto kind = tree::text(raw.node, "objtype");
  if (!relation || (kind != "OBJECT_TABLE" && !kind.empty())) {
    const auto home = home_of(raw.text, out);
    if (!home) return;
    one_way(*home, relation ? "alter " + tree::table_name(*relation).name : "alter", raw.text,
            "what it was before is not in the SQL", out);
    return;
  }
  const TableName table = tree::table_name(*relation);
  if (tree::flag(raw.node, "missing_ok")) out.notes.push_back(if_exists("the table"));
  for (const auto& item : tree::list(raw.node, "cmds")) command(raw, table, tree::body_of(item), out);
}

void Translator::command(const tree::RawStatement& raw, const TableName& table, const json::object& command,
                         Translated& out) {
  const auto subtype = tree::text(command, "subtype");
  const std::string name(tree::text(command, "name"));
  if (hideable_.contains(table) && subtype == "AT_AddColumn") {
    own_column(raw, table, command, out);
  } else if (subtype == "AT_AddColumn" && !own(table)) {
    add_column(table, command, out);
  } else if (subtype == "AT_AlterColumnType" && !own(table)) {
    change_type(table, command, out);
  } else if (subtype == "AT_AddConstraint" && !own(table)) {
    add_constraint(table, tree::body_of(command.at("def")), out);
  } else if (subtype == "AT_ValidateConstraint") {
    validate_constraint(table, command, out);
  } else if (subtype == "AT_DropColumn" && !own(table)) {
    if (is_uncopied(table, name, out)) return;
    if (tree::text(command, "behavior") == "DROP_CASCADE")
      out.notes.push_back("CASCADE is left out: `up` refuses where a view or the like uses the column, and names it");
    if (tree::flag(command, "missing_ok")) out.notes.push_back(if_exists("the column"));
    out.entries.push_back(ChangeToml("drop_column", table).text("column", name).str());
    taken_.insert(table);
    retires_ = true;
  } else if (subtype == "AT_SetNotNull" && !own(table)) {
    out.entries.push_back(ChangeToml("set_not_null", table).text("column", name).str());
  } else if (subtype == "AT_DropNotNull" && !own(table)) {
    out.entries.push_back(ChangeToml("drop_not_null", table).text("column", name).str());
  } else if (subtype.starts_with("AT_DisableTrig") && !own(table)) {
    out.left = "the trigger would be off for everybody, for as long as the plans take";
  } else if (subtype == "AT_ColumnDefault") {
    column_default(table, command, out);
  } else if (subtype == "AT_DropConstraint" && !own(table)) {
    drop_constraint(table, command, out);
  } else {
    const auto sql = alone(raw, command);
    if (!sql) {
      out.left = "a part of the statement could not be written by itself: write one ALTER TABLE for each command";
      return;
    }
    if (subtype == "AT_AddConstraint") {
      // Of a table that this plan makes: nobody waits, and its rollback takes the table.
      auto constraint = tree::body_of(command.at("def"));
      const auto given = constraint_name(table, constraint);
      constraint["conname"] = given;
      if (is_about_what_goes(table, constraint)) {
        out.dropped = "the same SQL drops its column";
        return;
      }
      json::object named = command;
      named["def"] = json::object{{"Constraint", constraint}};
      const auto text = tree::deparse(raw.tag, with_command(raw, named));
      // What would hold the table where it is, or has an index that another step takes, has to come and go.
      const bool elsewhere = refers_elsewhere(constraint, table);
      if (hideable_.contains(table) && !elsewhere && tree::text(constraint, "indexname").empty()) {
        staying(Phase::additive, fmt::format("add constraint {}", given), text.value_or(*sql), out);
        return;
      }
      const auto proved = elsewhere ? constraints_of(table, {constraint}, rows_in(table)) : std::nullopt;
      if (proved && proved->add.size() > 1) {
        by_hand(Phase::additive, fmt::format("add constraint {}", given), proved->add, proved->drop, out);
        return;
      }
      apart_.insert({table, given});
      by_hand(Phase::additive, fmt::format("add constraint {}", given), {text.value_or(*sql)},
              {fmt::format("ALTER TABLE {} DROP CONSTRAINT IF EXISTS {}", qualified(table), quote_ident(given))}, out);
      return;
    }
    if (own(table) && subtype == "AT_AddColumn") {
      const std::string column(tree::text(tree::body_of(command.at("def")), "colname"));
      by_hand(Phase::additive, fmt::format("add column {}.{}", table.name, column), {*sql},
              {fmt::format("ALTER TABLE {} DROP COLUMN IF EXISTS {}", qualified(table), quote_ident(column))}, out);
      return;
    }
    const bool stays = hideable_.contains(table) && !apart_.contains({table, name}) && !is_about_another_step(subtype);
    // Nobody else knows the table: in the order of the SQL.
    const bool at_once = stays && !pending_work_.has_rows();
    const auto home = at_once ? std::optional(Phase::additive) : home_of(*sql, out);
    if (!home) return;
    // A policy for what is hidden from then on comes first, in additive, whichever of them stands first in the SQL.
    if (*home == Phase::constraint && subtype != "AT_EnableRowSecurity") taken_.insert(table);
    if (own(table) && !stays && can_be_given_again(subtype)) {
      by_hand(*home, fmt::format("alter {}", display_name(table)), {*sql}, {k_nothing_to_undo}, out);
      return;
    }
    if (own(table) && !stays && (subtype == "AT_DropConstraint" || subtype == "AT_DropColumn")) {
      json::object lenient = command;
      lenient["missing_ok"] = true;
      if (const auto again = tree::deparse(raw.tag, with_command(raw, lenient))) {
        by_hand(*home, fmt::format("alter {}", display_name(table)), {*again}, {k_nothing_to_undo}, out);
        return;
      }
    }
    if (stays) {
      staying(*home, fmt::format("alter {}", display_name(table)), *sql, out);
      return;
    }
    // A switch that is turned on may have been on before: turning it back would open what was closed.
    one_way(*home, fmt::format("alter {}", display_name(table)), *sql,
            own(table) ? "a rollback hides the table, and this would be done to it again when it comes back"
                       : "what it was before is not in the SQL",
            out);
  }
}

void Translator::own_column(const tree::RawStatement& raw, const TableName& table, const json::object& command,
                            Translated& out) {
  json::object alone = command;
  auto& column = alone.at("def").as_object().at("ColumnDef").as_object();
  const auto foreign_keys = foreign_keys_of_column(column, table);
  const auto step = fmt::format("add column {}.{}", table.name, tree::text(column, "colname"));
  const auto sql = tree::deparse(raw.tag, with_command(raw, alone));
  const auto constraints = constraints_of(table, foreign_keys, rows_in(table));
  if (!sql || !constraints) {
    out.left = "a part of the statement could not be written by itself: write one ALTER TABLE for each command";
    return;
  }
  staying(Phase::additive, step, *sql, out);
  add_constraints(table, *constraints, out);
}

void Translator::rename(const tree::RawStatement& raw, Translated& out) {
  const auto what = tree::text(raw.node, "renameType");
  const auto* relation = tree::object(raw.node, "relation");
  const std::string to(tree::text(raw.node, "newname"));
  const std::string from(tree::text(raw.node, "subname"));
  const bool of_table = tree::text(raw.node, "relationType") == "OBJECT_TABLE";
  const bool ours = relation && own(tree::table_name(*relation));
  if (relation && !ours && what == "OBJECT_TABLE" && !known_.index_owner.contains(tree::table_name(*relation))) {
    const TableName table = tree::table_name(*relation);
    if (is_uncopied(table, "", out) || is_uncopied({table.schema, to}, "", out)) return;
    out.entries.push_back(ChangeToml("rename_table", table).text("to", to).str());
    taken_.insert(table);
    taken_.insert({table.schema, to});
    return;
  }
  if (relation && !ours && what == "OBJECT_COLUMN" && of_table) {
    const TableName table = tree::table_name(*relation);
    if (is_uncopied(table, from, out) || is_uncopied(table, to, out)) return;
    out.entries.push_back(ChangeToml("rename_column", table).text("column", from).text("to", to).str());
    taken_.insert(table);
    return;
  }
  // The same with both names changed places is the way back.
  json::object back = raw.node;
  if (!from.empty()) {
    back["newname"] = from;
    back["subname"] = to;
  } else if (relation) {
    json::object renamed = *relation;
    renamed["relname"] = to;
    back["newname"] = std::string(tree::text(*relation, "relname"));
    back["relation"] = renamed;
  } else if (!swap_names(back)) {
    one_way(Phase::constraint, "rename " + to, raw.text, "rename it back by hand", out);
    return;
  }
  const auto undo = tree::deparse(raw.tag, back);
  const bool unnoticed = ours || what == "OBJECT_INDEX" || what == "OBJECT_TABCONSTRAINT";
  const auto phase = unnoticed ? Phase::additive : Phase::constraint;
  if (undo) {
    const std::string was(from.empty() ? tree::text(relation ? *relation : back, relation ? "relname" : "newname")
                                       : std::string_view(from));
    by_hand(phase, "rename " + was, {raw.text}, {*undo}, out);
  } else {
    one_way(phase, "rename " + to, raw.text, "rename it back by hand", out);
  }
}

}  // namespace pgphase::translate
