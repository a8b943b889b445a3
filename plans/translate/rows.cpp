// Statements that change rows: batches where that can be, one statement where rows are only added.
#include <fmt/format.h>

#include <algorithm>
#include <set>

#include "plans/effects/derive.hpp"
#include "plans/effects/rule.hpp"
#include "plans/sql/deparse.hpp"
#include "plans/sql/expression.hpp"
#include "plans/sql/quote.hpp"
#include "plans/translate/goes_along.hpp"
#include "plans/translate/step_toml.hpp"
#include "plans/translate/translator.hpp"

namespace pgphase::translate {

namespace json = boost::json;

namespace {

bool sets_every_row(const tree::RawStatement& raw, const Known& known) {
  const auto rules = effects::effects_of(raw, known).rules;
  return std::any_of(rules.begin(), rules.end(),
                     [](const AppliedRule& one) { return one.rule->id == "update-every-row"; });
}

bool reads_any_of(const Expression& expression, const std::set<std::string>& columns) {
  return expression.reads_whole_row || std::any_of(expression.columns.begin(), expression.columns.end(),
                                                   [&](const auto& one) { return columns.contains(one); });
}

// A query in it reads the table, and columns that are set.
bool reads_itself(const std::string& sql, const TableName& table, const std::set<std::string>& targets) {
  const auto parsed = parse_expression(sql);
  return parsed && std::find(parsed->tables.begin(), parsed->tables.end(), table) != parsed->tables.end() &&
         reads_any_of(*parsed, targets);
}

bool is_chance(const std::string& condition) {
  const auto parsed = parse_expression(condition);
  return parsed && std::any_of(parsed->functions.begin(), parsed->functions.end(), known_volatile);
}

// A constant, or a function that is called without anything: gen_random_uuid(), now().
bool is_some_value(const json::value& value) {
  const auto tag = tree::tag_of(value);
  const auto& body = tree::body_of(value);
  if (tag == "A_Const") return !tree::flag(body, "isnull");
  if (tag == "TypeCast") return is_some_value(body.at("arg"));
  return tag == "SQLValueFunction" || (tag == "FuncCall" && tree::list(body, "args").empty());
}

// Columns that surely have a value once they are set.
std::set<std::string> filled_by(const tree::RawStatement& update) {
  std::set<std::string> out;
  for (const auto& item : tree::list(update.node, "targetList")) {
    const auto& target = tree::body_of(item);
    if (target.contains("val") && is_some_value(target.at("val"))) out.emplace(tree::text(target, "name"));
  }
  return out;
}

// Does a conjunct ask for NULL in one of them? Then a row is done when it no longer meets the condition.
bool asks_for_missing(const json::value& where, const std::set<std::string>& filled) {
  const auto& body = tree::body_of(where);
  if (tree::tag_of(where) == "BoolExpr" && tree::text(body, "boolop") == "AND_EXPR") {
    const auto& sides = tree::list(body, "args");
    return std::any_of(sides.begin(), sides.end(), [&](const auto& one) { return asks_for_missing(one, filled); });
  }
  if (tree::tag_of(where) != "NullTest" || tree::text(body, "nulltesttype") != "IS_NULL") return false;
  const auto& argument = body.at("arg");
  if (tree::tag_of(argument) != "ColumnRef") return false;
  const auto names = tree::names(tree::body_of(argument).at("fields"));
  return !names.empty() && filled.contains(names.back());
}

// A batched backfill finds out by a `where` that reads what is set which rows are still to be done. One that a row may
// meet when it is set would never come to an end.
bool needs_once(const tree::RawStatement& update, const std::string& where, const std::set<std::string>& targets) {
  const auto condition = parse_expression(where);
  // Of a query in it nobody knows what it reads.
  if (condition && !condition->tables.empty()) return true;
  return condition && reads_any_of(*condition, targets) &&
         !asks_for_missing(update.node.at("whereClause"), filled_by(update));
}

}  // namespace

bool Translator::own_rows(const tree::RawStatement& raw, const TableName& table, Translated& out) {
  if (!own(table) || (raw.tag != "UpdateStmt" && raw.tag != "DeleteStmt")) return false;
  // Nobody else knows the table. What comes after it may need what this one does: a constraint, another type.
  const auto phase = pending_work_.has_rows() ? Phase::backfill : Phase::additive;
  const auto name = (raw.tag == "UpdateStmt" ? "update " : "delete from ") + display_name(table);
  if (hideable_.contains(table)) {
    staying(phase, name, raw.text, out);
  } else {
    one_way(phase, name, raw.text, "the rows are as they were only when the table is made anew", out);
  }
  return true;
}

void Translator::insert(const tree::RawStatement& raw, const TableName& table, Translated& out) {
  const auto* select = raw.node.if_contains("selectStmt");
  const bool reads = select && tree::body_of(*select).contains("fromClause");
  if (reads) {
    for (const auto& source : tree::relations(tree::body_of(*select))) {
      if (source == table || own(source) || !outlook_.goes(source)) continue;
      uncopied_tables_.insert(source);
      out.left = fmt::format(
          "it copies {}, which the same SQL drops or gives another name: what is written to that until the constraint phase would "
          "be missing here; change {} itself, or write to both tables for a while",
          display_name(source), display_name(source));
      return;
    }
  }
  if (reads && !own(table)) {
    out.left = "INSERT … SELECT writes all rows in one transaction: insert them in pieces that you can name";
    return;
  }
  for (const auto& [of, column] : new_columns_) {
    if (of == table) written_.insert({of, column});
  }
  // In the order of the SQL: what it refers to may be inserted there.
  const auto phase = own(table) && !pending_work_.has_rows() ? Phase::additive : Phase::backfill;
  const auto name = "insert into " + display_name(table);
  if (hideable_.contains(table)) {
    staying(phase, name, raw.text, out);
    return;
  }
  out.notes.push_back("write `rollback` where the rows are to go again, instead of `irreversible`");
  one_way(phase, name, raw.text, "rows that were inserted stay", out);
}

bool Translator::is_uncopied(const TableName& table, const std::string& column, Translated& out) const {
  if (!uncopied_tables_.contains(table) && !uncopied_.contains({table, column})) return false;
  out.left = fmt::format("{} is copied by a statement that is in no plan", column.empty() || uncopied_tables_.contains(table)
                                                                            ? display_name(table)
                                                                            : display_name(table) + "." + column);
  return true;
}

bool Translator::copies_what_goes(const TableName& table, const std::vector<std::pair<std::string, std::string>>& set,
                                  Translated& out) {
  for (const auto& [column, value] : set) {
    const auto parsed = parse_expression(value);
    if (!parsed) continue;
    for (const auto& source : parsed->columns) {
      if (!outlook_.goes(table, source) || new_columns_.contains({table, source})) continue;
      out.left = fmt::format(
          "{0} is made from {1}, which the same SQL drops or gives another name, and what is written to {1} until the "
          "constraint phase would be missing in it; ALTER COLUMN {1} TYPE changes a type, and a new column with `fill` follows "
          "one that goes",
          column, source);
      for (const auto& one : parsed->columns) uncopied_.insert({table, one});
      uncopied_.insert({table, column});
      return true;
    }
  }
  return false;
}

bool Translator::rows(const tree::RawStatement& raw, Translated& out) {
  const auto* relation = tree::object(raw.node, "relation");
  const auto table = relation ? tree::table_name(*relation) : TableName{};
  if (own_rows(raw, table, out)) return true;
  if (raw.tag == "UpdateStmt") {
    update(raw, out);
  } else if (raw.tag == "InsertStmt") {
    insert(raw, table, out);
  } else if (raw.tag == "DeleteStmt") {
    out.left = "a DELETE locks all of its rows until the last one is gone, and nothing brings them back: delete "
                     "them in pieces, when nobody needs them any more";
  } else if (raw.tag == "MergeStmt") {
    out.left = "a MERGE writes all rows in one transaction: an UPDATE in a [[backfill]] goes in batches";
  } else if (raw.tag == "TruncateStmt") {
    out.left =
        "a TRUNCATE cannot be taken back, and older snapshots see an empty table: drop_table hides a table with its "
        "rows";
  } else if (raw.tag == "SelectStmt") {
    if (tree::functions(raw.node).empty()) {
      out.dropped = "a SELECT changes nothing";
    } else if (effects::effects_of(raw, known_).rules.front().rule->id == "set-sequence") {
      // Behind the rows that it goes by.
      out.notes.push_back("a rollback leaves the sequence where it is: numbers that were given are not given again");
      by_hand(Phase::backfill, "set a sequence", {raw.text}, {k_nothing_to_undo}, out);
    } else {
      out.left = "what its functions do is not in the text: write it as a step, and say how it is undone";
    }
  } else if (raw.tag == "CopyStmt") {
    out.left = "COPY needs a client that sends the rows";
  } else {
    return false;
  }
  return true;
}

void Translator::update(const tree::RawStatement& raw, Translated& out) {
  const auto* relation = tree::object(raw.node, "relation");
  if (!relation) {
    out.left = "the text does not say which table it changes";
    return;
  }
  const TableName table = tree::table_name(*relation);
  if (raw.node.contains("returningList")) {
    out.left = "an UPDATE with RETURNING: leave that out, nobody reads what batches return";
    return;
  }
  for (const char* key : {"fromClause", "withClause"}) {
    if (!raw.node.contains(key)) continue;
    out.left = fmt::format(
        "an UPDATE with {}: write each new value as SQL over the row, set = {{ c = \"(SELECT … WHERE …)\" }}, and which "
        "rows have one, where = \"EXISTS (SELECT … WHERE …)\" with once = true: rows without one would become NULL",
        std::string_view(key) == "fromClause" ? "FROM" : "WITH");
    return;
  }
  if (!tree::flag(*relation, "inh")) {
    out.left = "an UPDATE of ONLY a table: a [[backfill]] has no such thing";
    return;
  }
  if (relation->contains("alias")) {
    out.left = "an UPDATE with an alias for its table: write the columns without it";
    return;
  }
  std::vector<std::pair<std::string, std::string>> set;
  std::set<std::string> targets;
  std::string columns;
  for (const auto& item : tree::list(raw.node, "targetList")) {
    const auto& target = tree::body_of(item);
    const std::string column(tree::text(target, "name"));
    const bool plain = target.contains("val") && !target.contains("indirection");
    const bool keyword = plain && (tree::tag_of(target.at("val")) == "SetToDefault" ||
                                   tree::tag_of(target.at("val")) == "MultiAssignRef");
    const auto value = plain && !keyword ? tree::deparse_expression(target.at("val")) : std::nullopt;
    if (!value) {
      out.left = fmt::format("{}: its new value could not be written by itself", column);
      return;
    }
    if (!targets.insert(column).second) {
      out.left = fmt::format("it sets {} twice, which the server refuses", column);
      return;
    }
    if (filled_.contains({table, column})) continue;  // add_column has it
    set.emplace_back(column, *value);
    columns += (columns.empty() ? "" : ", ") + column;
  }
  if (set.empty()) {
    out.dropped = "add_column fills it";
    return;
  }
  if (copies_what_goes(table, set, out)) return;
  for (const auto& [column, value] : set) {
    if (!reads_itself(value, table, targets)) continue;
    out.left = fmt::format(
        "the new value of {} is made from rows of {} that the statement changes: in batches, each would see what those "
        "before it have written",
        column, display_name(table));
    return;
  }
  std::string where;
  bool once = false;
  if (raw.node.contains("whereClause") && !sets_every_row(raw, known_)) {
    const auto condition = tree::deparse_expression(raw.node.at("whereClause"));
    if (!condition) {
      out.left = "its WHERE could not be written by itself";
      return;
    }
    where = *condition;
    if (reads_itself(where, table, targets) || is_chance(where)) {
      out.left = fmt::format("its WHERE {}: in batches, each would choose other rows",
                             is_chance(where) ? "is another one each time"
                                              : "reads rows of " + display_name(table) + " that the statement changes");
      return;
    }
    once = needs_once(raw, where, targets);
  }
  // A new column that has values already would count as done.
  for (const auto& column : targets) {
    once = once || (where.empty() && new_columns_.contains({table, column}) && written_.contains({table, column}));
    written_.insert({table, column});
  }
  out.entries.push_back(backfill_toml(
      unique_step(Phase::backfill, fmt::format("set {} of {}", columns, display_name(table))), table, set, where, once));
}

}  // namespace pgphase::translate
