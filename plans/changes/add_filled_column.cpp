// add_column with `fill`: the column comes empty, with triggers that give every row written from then on its value; the
// backfill gives it to the rows that are there; in the constraint phase it gets its NOT NULL and its default, and
// stands for itself.
#include <fmt/format.h>

#include "plans/changes/constraints.hpp"
#include "plans/changes/keys.hpp"
#include "plans/changes/linked.hpp"
#include "plans/sql/quote.hpp"

namespace pgphase {
namespace {

struct FilledColumn {
  LinkColumnsBody link;
  std::vector<std::string> functions;  // that `fill` calls
  std::string default_sql;             // or empty
  bool nullable = true;
};

class AddFilledColumn : public Change {
 public:
  AddFilledColumn(Position at, FilledColumn column) : Change(at), column_(std::move(column)) {}

  void declare(PlanFacts& facts) const override {
    facts.added.emplace(ColumnName{column_.link.table, name()}, false);
    facts.filled.emplace(column_.link.table, name());
  }

  void split(const PlanFacts&, StepSink& sink, Findings&) const override {
    const auto& table = column_.link.table;
    const auto called = [&](const char* what) { return fmt::format("{} {}.{}", what, display_name(table), name()); };
    const auto link = called("add_column");
    sink.add(Phase::additive, linked::link_step(link, column_.link), at());
    sink.add(Phase::backfill, linked::fill_step(called("fill"), link, column_.link, column_.functions), at());
    if (!column_.nullable) {
      Step step;
      step.name = called("set_not_null");
      step.body = constraints::body_of(constraints::not_null(table, name()));
      step.touches = {table};
      sink.add(Phase::constraint, std::move(step), at());
    }
    std::vector<Assignment> defaults;
    if (!column_.default_sql.empty()) defaults.push_back({name(), column_.default_sql});
    sink.add(Phase::constraint, linked::end_step(called("end_sync"), link, table, std::move(defaults)), at());
  }

 private:
  const std::string& name() const { return column_.link.targets.front().name; }
  FilledColumn column_;
};

}  // namespace

ChangePtr read_add_filled_column(TableReader& reader) {
  const auto before = reader.findings().size();
  FilledColumn column;
  column.link.table = keys::table(reader).value_or(TableName{});
  LinkedColumn target;
  target.name = keys::identifier(reader, "column").value_or("");
  const auto type = keys::type(reader);
  if (type && type->parsed.serial()) {
    reader.error("type", fmt::format("`{}` numbers the rows by itself, and `fill` gives them another value", type->sql),
                 "use bigint");
  }
  if (type) target.type = type->sql;
  if (const Value* value = reader.value("fill")) {
    if (const auto fill = keys::expression_or_literal(reader.findings(), *value, "fill")) {
      target.expression = fill->text;
      column.functions = fill->parsed.functions;
      linked::add_sources(reader, "fill", *fill, column.link);
    }
  }
  column.link.targets = {std::move(target)};
  linked::read_manner(reader, column.link);
  linked::read_down(reader, column.link);
  if (const Value* value = reader.value("default")) {
    if (const auto parsed = keys::expression_or_literal(reader.findings(), *value, "default")) {
      column.default_sql = parsed->parsed.stands_bare ? parsed->text : "(" + parsed->text + ")";
    }
  }
  column.nullable = reader.boolean("nullable").value_or(true);
  reader.finish();
  if (reader.findings().size() != before) return nullptr;
  return std::make_unique<AddFilledColumn>(reader.at(), std::move(column));
}

}  // namespace pgphase
