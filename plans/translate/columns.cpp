// Columns: what is cheap is done at once; what gives each row a value is done bare first, and filled.
#include <fmt/format.h>

#include "plans/effects/reading.hpp"
#include "plans/sql/deparse.hpp"
#include "plans/sql/expression.hpp"
#include "plans/sql/quote.hpp"
#include "plans/translate/change_toml.hpp"
#include "plans/translate/goes_along.hpp"
#include "plans/translate/names.hpp"
#include "plans/translate/step_toml.hpp"
#include "plans/translate/translator.hpp"

namespace pgphase::translate {

namespace json = boost::json;

// A column's definition, taken apart.
struct Translator::Column {
  std::string name, type;
  bool not_null = false;
  const json::value* default_value = nullptr;
  std::vector<json::object> constraints;         // CHECK, UNIQUE, REFERENCES, each with what is written behind it
  std::string cannot;                            // what is in it that has no online form, or empty
};

namespace {

bool null_constant(const json::value& node) {
  return tree::tag_of(node) == "A_Const" && tree::flag(tree::body_of(node), "isnull");
}

// "c::bigint" for a type to which nearly all that is converted to it is assigned, too.
bool casts_plainly(const json::value& expression, const std::string& column, const json::object& type) {
  if (tree::tag_of(expression) != "TypeCast") return false;
  const auto& cast = tree::body_of(expression);
  if (tree::tag_of(cast.at("arg")) != "ColumnRef") return false;
  const auto names = tree::names(tree::body_of(cast.at("arg")).at("fields"));
  const auto* to = tree::object(cast, "typeName");
  if (names.empty() || names.back() != column || !to || tree::deparse_type(*to) != tree::deparse_type(type)) return false;
  const auto last = tree::names(type.at("names")).back();
  return !type.contains("arrayBounds") && (last == "int8" || last == "text" || last == "varchar" || last == "numeric");
}

std::string column_text(const TableName& table, const std::string& column) {
  return fmt::format("{}.{}", display_name(table), column);
}

}  // namespace

void Translator::add_column(const TableName& table, const json::object& command, Translated& out) {
  const auto& definition = tree::body_of(command.at("def"));
  Column column;
  column.name = std::string(tree::text(definition, "colname"));
  if (tree::flag(command, "missing_ok")) out.notes.push_back(if_not_exists(column_text(table, column.name)));
  new_columns_.insert({table, column.name});
  const auto* type = tree::object(definition, "typeName");
  if (type) column.type = tree::deparse_type(*type).value_or("");
  if (definition.contains("compression")) column.cannot = "a column with COMPRESSION: write the step by hand";
  if (definition.contains("collClause")) column.cannot = "a column with a collation of its own: write the step by hand";
  for (const auto& item : tree::list(definition, "constraints")) {
    const auto& constraint = tree::body_of(item);
    const auto kind = tree::text(constraint, "contype");
    if (kind == "CONSTR_NOTNULL") {
      column.not_null = true;
    } else if (kind == "CONSTR_DEFAULT") {
      if (!null_constant(constraint.at("raw_expr"))) column.default_value = &constraint.at("raw_expr");
    } else if (kind == "CONSTR_CHECK" || kind == "CONSTR_UNIQUE" || kind == "CONSTR_FOREIGN") {
      column.constraints.push_back(constraint);
    } else if (kind == "CONSTR_PRIMARY") {
      column.not_null = true;
      column.constraints.push_back(constraint);
    } else if (kind == "CONSTR_ATTR_DEFERRABLE" && !column.constraints.empty()) {
      column.constraints.back()["deferrable"] = true;
    } else if (kind == "CONSTR_ATTR_DEFERRED" && !column.constraints.empty()) {
      column.constraints.back()["deferrable"] = true;
      column.constraints.back()["initdeferred"] = true;
    } else if (kind == "CONSTR_IDENTITY") {
      column.cannot =
          "an identity column numbers the rows that exist under a lock: add a bigint column, fill it in a "
          "[[backfill]], "
          "require it, and make it an identity with ALTER COLUMN … ADD GENERATED";
    } else if (kind == "CONSTR_GENERATED") {
      column.cannot =
          "a stored generated column rewrites the table: add a plain column with `fill`, which a trigger keeps up to "
          "date";
    }
  }
  if (column.type.empty() && column.cannot.empty()) column.cannot = "its type could not be written by itself";
  if (!column.cannot.empty()) {
    out.left = fmt::format("{}: {}", column_text(table, column.name), column.cannot);
    return;
  }
  const auto last =
      column.type.rfind('.') == std::string::npos ? column.type : column.type.substr(column.type.rfind('.') + 1);
  if (TypeName{last}.serial()) {
    serial_column(table, column, out);
    return;
  }
  const auto value =
      column.default_value ? tree::deparse_expression(*column.default_value) : std::optional<std::string>();
  if (column.default_value && !value) {
    out.left = fmt::format("{}: its default could not be written by itself", column_text(table, column.name));
    return;
  }
  ChangeToml change("add_column", table);
  change.text("column", column.name).text("type", column.type);
  const auto fill = outlook_.fill_of(table, column.name);
  if (fill) {
    change.text("fill", *fill);
    filled_.insert({table, column.name});
    out.notes.push_back(fmt::format("{} follows what is written to the column that goes, until that one has gone",
                                    column_text(table, column.name)));
  }
  const auto later = outlook_.last_default(table, column.name);
  if (fill && (value || later)) {
    // While the column follows another one a default would be taken for a value: it comes when that one has gone, and is
    // what the script comes to.
    const auto in_the_end = later.value_or(value.value_or(""));
    if (!in_the_end.empty()) change.text("default", in_the_end);
    if (column.not_null) change.no("nullable");
    if (later) redefaulted_.insert({table, column.name});
    out.entries.push_back(change.str());
    defaults_[{table, column.name}] = in_the_end;
    column_constraints(table, column, out);
    return;
  }
  if (value && outlook_.is_set_later(table, column.name)) {
    // Without its default a row that exists is known by its NULL as one that is still to be set, also when the plan is
    // done again and the column comes back with what was written to it.
    out.entries.push_back(change.str());
    const auto alter = fmt::format("ALTER TABLE {} ALTER COLUMN {}", qualified(table), quote_ident(column.name));
    by_hand(Phase::additive, "default of " + column_text(table, column.name), {alter + " SET DEFAULT " + *value},
            {alter + " DROP DEFAULT"}, out);
    if (column.not_null) out.entries.push_back(ChangeToml("set_not_null", table).text("column", column.name).str());
    defaults_[{table, column.name}] = *value;
    column_constraints(table, column, out);
    return;
  }
  const bool same = value && effects::gives_another_value(*column.default_value, known_) == Answer::no;
  if (same) {
    change.text("default", *value);
    if (column.not_null) change.no("nullable");
    out.entries.push_back(change.str());
  } else {
    out.entries.push_back(change.str());
    const auto quoted_column = quote_ident(column.name);
    if (value) {
      by_hand(Phase::additive, "default of " + column_text(table, column.name),
              {fmt::format("ALTER TABLE {} ALTER COLUMN {} SET DEFAULT {}", qualified(table), quoted_column, *value)},
              {value->find("nextval") != std::string::npos
                   // It stays with a column that is hidden, and its sequence with it: numbers go on where they were.
                   ? std::string(k_nothing_to_undo)
                   : fmt::format("ALTER TABLE {} ALTER COLUMN {} DROP DEFAULT", qualified(table), quoted_column)},
              out);
      out.entries.push_back(backfill_toml(unique_step(Phase::backfill, "fill " + column_text(table, column.name)),
                                          table, {{column.name, *value}}, quoted_column + " IS NULL"));
    } else if (column.not_null && !fill) {
      out.notes.push_back(fmt::format("{} has no value for rows that exist: fill it before it is required",
                                      column_text(table, column.name)));
    }
    if (column.not_null) {
      out.entries.push_back(ChangeToml("set_not_null", table).text("column", column.name).str());
    }
  }
  defaults_[{table, column.name}] = value.value_or("");
  column_constraints(table, column, out);
}

// What PostgreSQL makes of `serial`: a sequence that the column owns, its next number as the default, and NOT NULL.
void Translator::serial_column(const TableName& table, const Column& column, Translated& out) {
  const bool big = column.type == "bigserial" || column.type == "serial8";
  const bool small = column.type == "smallserial" || column.type == "serial2";
  const std::string type = big ? "bigint" : small ? "smallint" : "integer";
  const TableName sequence{table.schema, unique_name(table, column.name, "seq")};
  const auto next = fmt::format("nextval({}::regclass)", quote_literal(qualified(sequence)));
  const auto name = column_text(table, column.name);
  const auto quoted_column = quote_ident(column.name);
  by_hand(Phase::additive, "sequence of " + name, {fmt::format("CREATE SEQUENCE {} AS {}", qualified(sequence), type)},
          {fmt::format("DROP SEQUENCE IF EXISTS {}", qualified(sequence))}, out);
  out.entries.push_back(ChangeToml("add_column", table).text("column", column.name).text("type", type).str());
  by_hand(Phase::additive, "default of " + name,
          {fmt::format("ALTER SEQUENCE {} OWNED BY {}.{}", qualified(sequence), qualified(table), quoted_column),
           fmt::format("ALTER TABLE {} ALTER COLUMN {} SET DEFAULT {}", qualified(table), quoted_column, next)},
          // They stay with the column where that is hidden with its values: numbers go on where they were.
          {k_nothing_to_undo}, out);
  out.entries.push_back(backfill_toml(unique_step(Phase::backfill, "fill " + name), table, {{column.name, next}},
                                      quoted_column + " IS NULL"));
  out.entries.push_back(ChangeToml("set_not_null", table).text("column", column.name).str());
  column_constraints(table, column, out);
}

// As if they had been written after the column.
void Translator::column_constraints(const TableName& table, const Column& column, Translated& out) {
  for (const auto& written : column.constraints) {
    json::object constraint = written;
    const auto kind = tree::text(written, "contype");  // a view, which the copy's next key would leave behind
    const json::array self{json::object{{"String", json::object{{"sval", column.name}}}}};
    if (kind == "CONSTR_FOREIGN") constraint["fk_attrs"] = self;
    if (kind == "CONSTR_UNIQUE" || kind == "CONSTR_PRIMARY") constraint["keys"] = self;
    constraint["conname"] = constraint_name(table, written, column.name);
    add_constraint(table, constraint, out);
  }
}

void Translator::change_type(const TableName& table, const json::object& command, Translated& out) {
  const std::string column(tree::text(command, "name"));
  const auto& definition = tree::body_of(command.at("def"));
  const auto* wanted = tree::object(definition, "typeName");
  const auto type = wanted ? tree::deparse_type(*wanted) : std::nullopt;
  if (!type || definition.contains("collClause")) {
    out.left = fmt::format("{}: its new type could not be written by itself", column_text(table, column));
    return;
  }
  ChangeToml change("change_type", table);
  change.text("column", column).text("type", *type);
  if (definition.contains("raw_default") && casts_plainly(definition.at("raw_default"), column, *wanted)) {
    out.notes.push_back("USING is left out, because an assignment does the same; where there is none, say `fill`");
  } else if (definition.contains("raw_default")) {
    const auto fill = tree::deparse_expression(definition.at("raw_default"));
    if (!fill) {
      out.left = fmt::format("{}: its USING could not be written by itself", column_text(table, column));
      return;
    }
    change.text("fill", *fill);
    out.notes.push_back(
        fmt::format("{}: say in `down` how the old value is made from the new one, unless it is the value itself",
                    column_text(table, column)));
  }
  if (const auto value = outlook_.default_of_new_type(table, column)) {
    change.text("default", *value);
    redefaulted_.insert({table, column});
  }
  out.entries.push_back(change.str());
  taken_.insert(table);
  retires_ = true;
  retypes_ = true;
}

void Translator::column_default(const TableName& table, const json::object& command, Translated& out) {
  const std::string column(tree::text(command, "name"));
  const auto name = column_text(table, column);
  // DROP DEFAULT comes before the type; whatever comes after it the change has, where it is in a plan.
  const bool before_the_type = !own(table) && !command.contains("def") && outlook_.default_of_new_type(table, column);
  if (before_the_type || redefaulted_.contains({table, column})) {
    out.dropped = "the change of the column takes the default along";
    return;
  }
  const auto alter = fmt::format("ALTER TABLE {} ALTER COLUMN {}", qualified(table), quote_ident(column));
  std::string sql = alter + " DROP DEFAULT";
  std::string value;
  if (command.contains("def")) {
    const auto written = tree::deparse_expression(command.at("def"));
    if (!written) {
      out.left = name + ": its default could not be written by itself";
      return;
    }
    value = *written;
    sql = alter + " SET DEFAULT " + value;
  }
  // Code that leaves the column out relies on the default.
  const auto phase = value.empty() && !own(table) ? Phase::constraint : Phase::additive;
  if (hideable_.contains(table)) {
    staying(phase, "default of " + name, sql, out);
    defaults_[{table, column}] = value;
    return;
  }
  const auto had = defaults_.find({table, column});
  if (had != defaults_.end()) {
    const auto before = had->second.empty() ? alter + " DROP DEFAULT" : alter + " SET DEFAULT " + had->second;
    by_hand(phase, "default of " + name, {sql}, {before}, out);
    had->second = value;
    if (phase == Phase::constraint) taken_.insert(table);
    return;
  }
  out.notes.push_back(name + ": write `rollback` with the default that it has now, instead of `irreversible`");
  one_way(phase, "default of " + name, sql, "the default that it had before is not in the SQL", out);
}

}  // namespace pgphase::translate
