#include "plans/changes/replacement.hpp"

#include <fmt/format.h>

#include <algorithm>

#include "plans/changes/constraints.hpp"
#include "plans/changes/linked.hpp"
#include "plans/sql/quote.hpp"

namespace pgphase {
namespace {

class ReplacingChange : public Change {
 public:
  ReplacingChange(Position at, Replacement what) : Change(at), what_(std::move(what)) {}

  void declare(PlanFacts& facts) const override {
    for (const auto& target : what_.link.targets) {
      facts.added.emplace(ColumnName{what_.link.table, target.name}, false);
      facts.filled.emplace(what_.link.table, target.name);
    }
  }

  void split(const PlanFacts&, StepSink& sink, Findings&) const override {
    const auto& table = what_.link.table;
    const auto link_name = what_.op + " " + what_.label;
    for (const auto& source : what_.link.sources) {
      if (retired(source.name) && source.expression.empty())
        sink.add(Phase::additive, may_be_left_out(source.name), at());
    }
    sink.add(Phase::additive, linked::link_step(link_name, what_.link), at());
    sink.add(Phase::backfill, linked::fill_step("fill " + what_.label, link_name, what_.link, what_.functions), at());
    for (const auto& column : what_.required) {
      Step step;
      step.name = fmt::format("set_not_null {}.{}", display_name(table), column);
      step.body = constraints::body_of(constraints::not_null(table, column));
      step.touches = {table};
      sink.add(Phase::constraint, std::move(step), at());
    }
    Step last;
    last.name = what_.last_step + " " + what_.label;
    last.body = HandOverBody{table, link_name, what_.retire, what_.rename, what_.defaults};
    last.touches = {table};
    sink.add(Phase::constraint, std::move(last), at());
  }

 private:
  bool retired(const std::string& column) const {
    return std::find(what_.retire.begin(), what_.retire.end(), column) != what_.retire.end();
  }
  Step may_be_left_out(const std::string& column) const {
    Step step;
    step.name = fmt::format("drop_not_null {}.{}", display_name(what_.link.table), column);
    step.body = DropNotNullBody{what_.link.table, column, "", true};
    step.touches = {what_.link.table};
    return step;
  }

  Replacement what_;
};

}  // namespace

void read_fill(TableReader& reader, Replacement& out, LinkedColumn& target) {
  const Value* value = reader.value("fill");
  if (!value) return;
  const auto fill = keys::expression_or_literal(reader.findings(), *value, "fill");
  if (!fill) return;
  target.expression = fill->text;
  out.functions.insert(out.functions.end(), fill->parsed.functions.begin(), fill->parsed.functions.end());
  linked::add_sources(reader, "fill", *fill, out.link);
}

void read_final(TableReader& reader, Replacement& out, const std::string& column) {
  if (const Value* value = reader.value("default")) {
    if (const auto parsed = keys::expression_or_literal(reader.findings(), *value, "default")) {
      out.defaults.push_back({column, parsed->parsed.stands_bare ? parsed->text : "(" + parsed->text + ")"});
    }
  }
  if (!reader.boolean("nullable").value_or(true)) out.required.push_back(column);
}

ChangePtr make_replacement(Position at, Replacement what) {
  return std::make_unique<ReplacingChange>(at, std::move(what));
}

}  // namespace pgphase
