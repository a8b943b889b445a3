// set_not_null: in the constraint phase. The rows are looked at while everybody goes on.
#include <fmt/format.h>

#include "plans/changes/constraints.hpp"
#include "plans/changes/keys.hpp"
#include "plans/sql/quote.hpp"

namespace pgphase {
namespace {

class SetNotNull : public Change {
 public:
  SetNotNull(Position at, TableName table, std::string column)
      : Change(at), table_(std::move(table)), column_(std::move(column)) {}

  void declare(PlanFacts&) const override {}

  void split(const PlanFacts&, StepSink& sink, Findings&) const override {
    Step step;
    step.name = fmt::format("set_not_null {}.{}", display_name(table_), column_);
    step.body = constraints::body_of(constraints::not_null(table_, column_));
    step.touches = {table_};
    sink.add(Phase::constraint, std::move(step), at());
  }

 private:
  TableName table_;
  std::string column_;
};

}  // namespace

ChangePtr read_set_not_null(TableReader& reader) {
  const auto before = reader.findings().size();
  const auto table = keys::table(reader);
  const auto column = keys::identifier(reader, "column");
  reader.finish();
  if (reader.findings().size() != before) return nullptr;
  return std::make_unique<SetNotNull>(reader.at(), *table, *column);
}

}  // namespace pgphase
