// Statements that change rows: batches where that can be, one statement where rows are only added.
#include <fmt/format.h>

#include <algorithm>
#include <set>

#include "plans/effects/derive.hpp"
#include "plans/effects/rule.hpp"
#include "plans/sql/deparse.hpp"
#include "plans/sql/expression.hpp"
#include "plans/sql/quote.hpp"
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

bool never_the_same(const Expression& expression) {
  return expression.reads_clock ||
         std::any_of(expression.functions.begin(), expression.functions.end(), [](const std::string& function) {
           return known_volatile(function) || differs_by_transaction(function);
         });
}

// A batched backfill finds out by `where` which rows are still to be done: one that a row still meets when it is set
// would never come to an end. Where it does not read what is set, the new values do. False: there is no such condition.
bool end_of_where(const std::vector<std::pair<std::string, std::string>>& set, const std::set<std::string>& targets,
                  std::string& where, Translated& out) {
  const auto condition = parse_expression(where);
  if (!condition || reads_any_of(*condition, targets)) {
    out.notes.push_back("`where` must become false for a row once it is set");
    return true;
  }
  std::string differs;
  for (const auto& [column, value] : set) {
    const auto parsed = parse_expression(value);
    if (!parsed || reads_any_of(*parsed, targets) || never_the_same(*parsed)) {
      out.left = fmt::format(
          "nothing tells which rows have been set already: the WHERE says the same afterwards, and the new value of "
          "{} is another one each time; write a [[backfill]] whose `where` becomes false",
          column);
      return false;
    }
    differs += fmt::format("{}{} IS DISTINCT FROM ({})", differs.empty() ? "" : " OR ", quote_ident(column), value);
  }
  where = fmt::format("({}) AND ({})", where, differs);
  return true;
}

}  // namespace

bool Translator::rows(const tree::RawStatement& raw, Translated& out) {
  const auto* relation = tree::object(raw.node, "relation");
  const auto table = relation ? tree::table_name(*relation) : TableName{};
  if (raw.tag == "UpdateStmt") {
    update(raw, out);
  } else if (raw.tag == "InsertStmt") {
    const bool reads =
        raw.node.contains("selectStmt") && tree::body_of(raw.node.at("selectStmt")).contains("fromClause");
    if (reads && !own(table)) {
      out.left = "INSERT … SELECT writes all rows in one transaction: insert them in pieces that you can name";
      return true;
    }
    out.notes.push_back("write `rollback` where the rows are to go again, instead of `irreversible`");
    // In the order of the SQL: what it refers to may be inserted there.
    const bool at_once = own(table) && !pending_work_.has_rows();
    one_way(at_once ? Phase::additive : Phase::backfill, "insert into " + display_name(table), raw.text,
            own(table) ? "the rows go with the table" : "rows that were inserted stay", out);
  } else if (raw.tag == "DeleteStmt") {
    out.left = own(table)
                   ? "the rows that it deletes could be left out"
                   : "a DELETE locks all of its rows until the last one is gone, and nothing brings them back: delete "
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
  for (const char* key : {"fromClause", "withClause", "returningList"}) {
    if (!raw.node.contains(key)) continue;
    out.left = fmt::format(
        "an UPDATE with {}: write each new value as SQL over the row, set = {{ c = \"(SELECT … WHERE …)\" }}",
        std::string_view(key) == "fromClause"   ? "FROM"
        : std::string_view(key) == "withClause" ? "WITH"
                                                : "RETURNING");
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
    set.emplace_back(column, *value);
    columns += (columns.empty() ? "" : ", ") + column;
  }
  std::string where;
  if (raw.node.contains("whereClause") && !sets_every_row(raw, known_)) {
    const auto condition = tree::deparse_expression(raw.node.at("whereClause"));
    if (!condition) {
      out.left = "its WHERE could not be written by itself";
      return;
    }
    where = *condition;
    if (!end_of_where(set, targets, where, out)) return;
  }
  out.entries.push_back(backfill_toml(
      unique_step(Phase::backfill, fmt::format("set {} of {}", columns, display_name(table))), table, set, where));
}

}  // namespace pgphase::translate
