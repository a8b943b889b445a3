// add_column: one short ACCESS EXCLUSIVE lock in the additive phase. A default that is the same for every row is kept
// in the catalogue since PostgreSQL 11, so no row is written; anything that needs a value of its own in each row is
// refused here. Its undo drops an empty column and retires one that holds data (phases/steps).
#include <fmt/format.h>

#include "plans/changes/change.hpp"
#include "plans/changes/keys.hpp"
#include "plans/sql/quote.hpp"

namespace pgphase {
namespace {

class AddColumn : public Change {
 public:
  AddColumn(Position at, AddColumnBody body) : Change(at), body_(std::move(body)) {}

  void declare(PlanFacts& facts) const override {
    facts.added.emplace(ColumnName{body_.table, body_.column}, !body_.default_sql.empty());
  }

  void split(const PlanFacts&, StepSink& sink, Findings&) const override {
    Step step;
    step.name = fmt::format("add_column {}.{}", display_name(body_.table), body_.column);
    step.body = body_;
    step.touches = {body_.table};
    sink.add(Phase::additive, std::move(step), at());
  }

 private:
  AddColumnBody body_;
};

constexpr const char* k_three_phases =
    "add the column without it; then set the default in an [[additive]] step, fill the rows in a [[backfill]] step, "
    "and "
    "require the value in [[constraint]]";

void refuse_rewrites(TableReader& reader) {
  const std::string why =
      "gives each existing row a value of its own, so PostgreSQL would rewrite the table under "
      "ACCESS EXCLUSIVE: nobody could read or write it meanwhile";
  reader.refused("identity", "an identity column " + why);
  reader.refused("generated", "a stored generated column " + why);
  const std::string by_hand = "write the three phases by hand: docs/plans.md, \"Phases by hand\"";
  for (const char* key : {"restore", "clear_on_rollback", "sync"}) reader.not_built(key, by_hand);
  for (const char* key : {"down", "null_means", "on_error"}) {
    reader.refused(key, fmt::format("`{}` belongs to a column that has a `fill`", key));
  }
  reader.refused("unique", "`unique` is not a key of add_column: write a create_index with unique = true");
  reader.refused("references",
                 "`references` is not a key of add_column: add the foreign key in a [[constraint]] "
                 "step, NOT VALID first and then VALIDATE CONSTRAINT");
}

}  // namespace

ChangePtr read_add_column(TableReader& reader) {
  if (reader.has("fill")) return read_add_filled_column(reader);
  Findings& findings = reader.findings();
  const auto before = findings.size();
  AddColumnBody body;
  body.table = keys::table(reader).value_or(TableName{});
  body.column = keys::identifier(reader, "column").value_or("");
  const auto type = keys::type(reader);
  if (type && type->parsed.serial()) {
    reader.error("type",
                 fmt::format("`{}` numbers every existing row, so PostgreSQL would rewrite the table under "
                             "ACCESS EXCLUSIVE: nobody could read or write it meanwhile",
                             type->sql),
                 "use bigint here, and number the rows in a [[backfill]] step");
  }
  std::string default_clause;
  if (const Value* value = reader.value("default")) {
    if (const auto parsed = keys::expression_or_literal(findings, *value, "default")) {
      for (const auto& function : parsed->parsed.functions) {
        if (!known_volatile(function)) continue;
        reader.error("default",
                     fmt::format("{}() gives each existing row another value, so PostgreSQL would rewrite "
                                 "the table under ACCESS EXCLUSIVE: nobody could read or write it meanwhile",
                                 function),
                     k_three_phases);
      }
      body.default_sql = parsed->text;
      default_clause = keys::default_clause(*parsed);
    }
  }
  body.nullable = reader.boolean("nullable").value_or(true);
  if (!body.nullable && !reader.has("default")) {
    reader.error("nullable",
                 "a column that may not be NULL needs a `default`: the rows that exist have no value for it",
                 k_three_phases);
  }
  refuse_rewrites(reader);
  reader.finish();
  if (findings.size() != before) return nullptr;
  body.sql = fmt::format("ALTER TABLE {} ADD COLUMN {} {}{}{}", qualified(body.table), quote_ident(body.column),
                         type->sql, body.nullable ? "" : " NOT NULL", default_clause);
  return std::make_unique<AddColumn>(reader.at(), std::move(body));
}

}  // namespace pgphase
