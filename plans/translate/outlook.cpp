#include "plans/translate/outlook.hpp"

#include <algorithm>

#include "plans/sql/deparse.hpp"
#include "plans/sql/expression.hpp"
#include "plans/sql/quote.hpp"

namespace pgphase::translate {
namespace {

namespace json = boost::json;

bool has_value_at_once(const json::object& column) {
  const auto& constraints = tree::list(column, "constraints");
  return std::any_of(constraints.begin(), constraints.end(), [](const json::value& item) {
    const auto kind = tree::text(tree::body_of(item), "contype");
    return kind == "CONSTR_IDENTITY" || kind == "CONSTR_GENERATED";
  });
}

bool can_be_written(const json::object& column) {
  const auto* type = tree::object(column, "typeName");
  const auto* fill = column.if_contains("raw_default");
  return type && tree::deparse_type(*type) && !column.contains("collClause") && (!fill || tree::deparse_expression(*fill));
}

bool same_each_time(const Expression& parsed) {
  return !parsed.reads_clock && !parsed.reads_whole_row && parsed.tables.empty() &&
         std::none_of(parsed.functions.begin(), parsed.functions.end(), [](const std::string& function) {
           return known_volatile(function) || differs_by_transaction(function);
         });
}

std::string of_table(const TableName& table, std::string_view name) {
  return qualified(table) + ' ' + std::string(name);
}

}  // namespace

void Outlook::note(const tree::RawStatement& raw) {
  const auto just_now = std::exchange(gone_just_now_, std::nullopt);
  if (const auto gone = dropped_by(raw)) {
    gone_.insert(*gone);
    gone_just_now_ = gone;
  } else if (const auto made = made_by(raw); made && gone_.contains(*made)) {
    made_again_.insert(*made);
    if (made->first == "OBJECT_TRIGGER" && just_now == made) replaced_.insert(*made);
  }
  if (raw.tag == "UpdateStmt") return update(raw);
  note_what_goes(raw);
  const auto* relation = tree::object(raw.node, "relation");
  if (raw.tag != "AlterTableStmt" || !relation) return;
  for (const auto& item : tree::list(raw.node, "cmds")) alter(tree::table_name(*relation), tree::body_of(item));
}

void Outlook::note_what_goes(const tree::RawStatement& raw) {
  if (raw.tag == "DropStmt" && tree::text(raw.node, "removeType") == "OBJECT_TABLE") {
    for (const auto& object : tree::list(raw.node, "objects")) gone_tables_.insert(tree::table_name(tree::names(object)));
  }
  const auto* relation = tree::object(raw.node, "relation");
  if (raw.tag != "RenameStmt" || !relation) return;
  const auto table = tree::table_name(*relation);
  const auto what = tree::text(raw.node, "renameType");
  if (what == "OBJECT_TABLE") gone_tables_.insert(table);
  if (what == "OBJECT_COLUMN") renamed_.insert({table, std::string(tree::text(raw.node, "subname"))});
}

void Outlook::alter(const TableName& table, const json::object& command) {
  const auto subtype = tree::text(command, "subtype");
  const Column column{table, std::string(tree::text(command, "name"))};
  const auto* definition = command.if_contains("def");
  if (subtype == "AT_AddColumn" && definition) {
    const auto& made = tree::body_of(*definition);
    const Column added{table, std::string(tree::text(made, "colname"))};
    // Of one that is made a second time nothing is foretold.
    if (has_value_at_once(made) || dropped_.contains(added)) {
      touched_.insert(added);
    } else {
      bare_.insert(added);
    }
  } else if (subtype == "AT_DropColumn") {
    dropped_.insert(column);
  } else if (subtype == "AT_AlterColumnType") {
    // One that is left to a person takes nothing along.
    retyped_[column] += definition && can_be_written(tree::body_of(*definition)) ? 1 : 2;
    default_after_.erase(column);
  } else if (subtype == "AT_ColumnDefault" && bare_.contains(column) && !retyped_.contains(column)) {
    const auto value = definition ? tree::deparse_expression(*definition) : std::optional<std::string>("");
    if (value) {
      last_default_[column] = *value;
    } else {
      touched_.insert(column);
    }
  } else if (subtype == "AT_ColumnDefault" && definition && retyped_.contains(column)) {
    default_after_[column] = tree::deparse_expression(*definition).value_or("");
  } else if (subtype == "AT_ColumnDefault") {
    default_after_.erase(column);
  }
}

void Outlook::update(const tree::RawStatement& raw) {
  const auto* relation = tree::object(raw.node, "relation");
  if (!relation) return;
  const auto table = tree::table_name(*relation);
  const bool plain = !raw.node.contains("whereClause") && !raw.node.contains("fromClause") &&
                     !raw.node.contains("withClause") && !raw.node.contains("returningList") && !relation->contains("alias") && tree::flag(*relation, "inh");
  for (const auto& item : tree::list(raw.node, "targetList")) {
    const auto& target = tree::body_of(item);
    const Column column{table, std::string(tree::text(target, "name"))};
    const bool of_value = plain && target.contains("val") && !target.contains("indirection");
    const auto text = of_value ? tree::deparse_expression(target.at("val")) : std::nullopt;
    const auto parsed = text ? parse_expression(*text) : Parsed<Expression>(SqlError{});
    if (!parsed || !same_each_time(*parsed) || !bare_.contains(column) || fills_.contains(column)) {
      touched_.insert(column);
      continue;
    }
    fills_[column] = {*text, {parsed->columns.begin(), parsed->columns.end()}};
  }
}

bool Outlook::is_set_at_once(const Column& column) const {
  return fills_.contains(column) && !touched_.contains(column) && !dropped_.contains(column);
}

bool Outlook::is_set_later(const TableName& table, const std::string& column) const {
  if (!is_set_at_once({table, column}) || last_default_.contains({table, column})) return false;
  const auto& reads = fills_.at({table, column}).reads;
  // A copy of what goes is left, and without it the column needs its default.
  return std::none_of(reads.begin(), reads.end(), [&](const auto& one) { return goes(table, one); });
}

std::optional<std::string> Outlook::last_default(const TableName& table, const std::string& column) const {
  const auto found = last_default_.find({table, column});
  return found == last_default_.end() ? std::nullopt : std::optional(found->second);
}

bool Outlook::goes(const TableName& table, const std::string& column) const {
  return dropped_.contains({table, column}) || renamed_.contains({table, column});
}

std::optional<std::string> Outlook::fill_of(const TableName& table, const std::string& column) const {
  if (!is_set_at_once({table, column}) || renamed_.contains({table, column})) return {};
  const auto fill = fills_.find({table, column});
  const auto& reads = fill->second.reads;
  // A source that the script has made, or writes, is not what code that is running writes.
  const auto is_of_old = [&](const std::string& one) {
    const Column source{table, one};
    return !bare_.contains(source) && !touched_.contains(source) && !fills_.contains(source);
  };
  const bool goes = std::any_of(reads.begin(), reads.end(), [&](const auto& one) { return dropped_.contains({table, one}); });
  if (!goes || !std::all_of(reads.begin(), reads.end(), is_of_old)) return {};
  return fill->second.expression;
}

std::optional<std::string> Outlook::default_of_new_type(const TableName& table, const std::string& column) const {
  const auto type = retyped_.find({table, column});
  const auto value = default_after_.find({table, column});
  if (type == retyped_.end() || type->second != 1 || value == default_after_.end() || value->second.empty()) return {};
  return value->second;
}

bool Outlook::drops_and_makes(const tree::RawStatement& raw) const {
  const auto object = raw.tag == "DropStmt" ? dropped_by(raw) : made_by(raw);
  return object && made_again_.contains(*object);
}

bool Outlook::replaces_trigger(const tree::RawStatement& raw) const {
  const auto object = raw.tag == "DropStmt" ? dropped_by(raw) : made_by(raw);
  return object && replaced_.contains(*object);
}

// Of several at once: none.
std::optional<Outlook::Object> Outlook::dropped_by(const tree::RawStatement& raw) {
  const auto& objects = tree::list(raw.node, "objects");
  if (raw.tag != "DropStmt" || objects.size() != 1) return {};
  const std::string kind(tree::text(raw.node, "removeType"));
  if (kind == "OBJECT_VIEW" || kind == "OBJECT_MATVIEW") {
    return Object{kind, qualified(tree::table_name(tree::names(objects[0])))};
  }
  if (kind == "OBJECT_FUNCTION" || kind == "OBJECT_PROCEDURE") {
    const auto* name = tree::body_of(objects[0]).if_contains("objname");
    if (name) return Object{"OBJECT_FUNCTION", qualified(tree::table_name(tree::names(*name)))};
  }
  if (kind == "OBJECT_TRIGGER" || kind == "OBJECT_POLICY" || kind == "OBJECT_RULE") {
    auto parts = tree::names(objects[0]);
    if (parts.size() < 2) return {};
    const auto name = parts.back();
    parts.pop_back();
    return Object{kind, of_table(tree::table_name(parts), name)};
  }
  return {};
}

std::optional<Outlook::Object> Outlook::made_by(const tree::RawStatement& raw) {
  const auto on = [&](const char* key) {
    const auto* relation = tree::object(raw.node, key);
    return relation ? tree::table_name(*relation) : TableName{};
  };
  if (raw.tag == "ViewStmt") return Object{"OBJECT_VIEW", qualified(on("view"))};
  if (raw.tag == "CreateTableAsStmt" && tree::text(raw.node, "objtype") == "OBJECT_MATVIEW") {
    const auto* into = tree::object(raw.node, "into");
    const auto* made = into ? tree::object(*into, "rel") : nullptr;
    if (made) return Object{"OBJECT_MATVIEW", qualified(tree::table_name(*made))};
  }
  if (raw.tag == "CreateFunctionStmt") {
    return Object{"OBJECT_FUNCTION", qualified(tree::table_name(tree::names(raw.node.at("funcname"))))};
  }
  if (raw.tag == "CreateTrigStmt") return Object{"OBJECT_TRIGGER", of_table(on("relation"), tree::text(raw.node, "trigname"))};
  if (raw.tag == "CreatePolicyStmt") return Object{"OBJECT_POLICY", of_table(on("table"), tree::text(raw.node, "policy_name"))};
  if (raw.tag == "RuleStmt") return Object{"OBJECT_RULE", of_table(on("relation"), tree::text(raw.node, "rulename"))};
  return {};
}

}  // namespace pgphase::translate
