// Statements that change rows: batches where that can be, one statement where rows are only added.
#include <fmt/format.h>

#include <algorithm>

#include "plans/sql/deparse.hpp"
#include "plans/sql/quote.hpp"
#include "plans/translate/step_toml.hpp"
#include "plans/translate/translator.hpp"

namespace pgphase::translate {

namespace json = boost::json;

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
    one_way(own(table) ? Phase::additive : Phase::backfill, "insert into " + display_name(table), raw.text,
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
  if (relation->contains("alias")) {
    out.left = "an UPDATE with an alias for its table: write the columns without it";
    return;
  }
  std::vector<std::pair<std::string, std::string>> set;
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
    set.emplace_back(column, *value);
    columns += (columns.empty() ? "" : ", ") + column;
  }
  std::string where;
  if (raw.node.contains("whereClause")) {
    const auto condition = tree::deparse_expression(raw.node.at("whereClause"));
    if (!condition) {
      out.left = "its WHERE could not be written by itself";
      return;
    }
    where = *condition;
  }
  // A condition that a row still meets when it is set would never come to an end.
  if (!where.empty()) {
    out.notes.push_back("`where` must become false for a row once it is set");
  }
  out.entries.push_back(backfill_toml(
      unique_step(Phase::backfill, fmt::format("set {} of {}", columns, display_name(table))), table, set, where));
}

}  // namespace pgphase::translate
