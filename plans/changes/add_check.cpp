// add_check: a condition that every row meets, in the constraint phase.
#include <fmt/format.h>

#include "plans/changes/constraints.hpp"
#include "plans/changes/keys.hpp"
#include "plans/sql/quote.hpp"

namespace pgphase {
namespace {

class AddCheck : public Change {
 public:
  AddCheck(Position at, TableName table, std::string name, std::string condition)
      : Change(at), table_(std::move(table)), name_(std::move(name)), condition_(std::move(condition)) {}

  void declare(PlanFacts&) const override {}

  void split(const PlanFacts&, StepSink& sink, Findings&) const override {
    using constraints::Part;
    Step step;
    step.name = fmt::format("add_check {}.{}", display_name(table_), name_);
    // A CHECK lets NULL pass.
    Part look{constraints::require(fmt::format("SELECT count(*) FROM {} WHERE NOT ({})", qualified(table_), condition_),
                                   fmt::format("%n rows of {} do not meet {}", display_name(table_), condition_),
                                   "reads the table; nobody waits")};
    // ACCESS EXCLUSIVE for a moment.
    Part add{constraints::statement(fmt::format("ALTER TABLE {} ADD CONSTRAINT {} CHECK ({}) NOT VALID",
                                                qualified(table_), quote_ident(name_), condition_)),
             constraints::drop(table_, name_)};
    step.body = constraints::body_of({std::move(look), std::move(add), Part{constraints::validate(table_, name_)}});
    step.touches = {table_};
    sink.add(Phase::constraint, std::move(step), at());
  }

 private:
  TableName table_;
  std::string name_;
  std::string condition_;
};

}  // namespace

ChangePtr read_add_check(TableReader& reader) {
  const auto before = reader.findings().size();
  const auto name = keys::identifier(reader, "name");
  const auto table = keys::table(reader);
  if (!reader.has("check")) reader.missing("check");
  const auto condition = keys::expression(reader, "check");
  reader.refused("not_valid",
                 "`not_valid` is not a key: the rows that exist are always checked, without making anybody "
                 "wait");
  reader.finish();
  if (reader.findings().size() != before) return nullptr;
  return std::make_unique<AddCheck>(reader.at(), *table, *name, condition->text);
}

}  // namespace pgphase
