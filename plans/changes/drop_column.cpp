// drop_column: from the additive phase on new code may leave the column out; in the constraint phase, when no code
// reads it any more, it is retired with its values.
#include <fmt/format.h>

#include "plans/changes/change.hpp"
#include "plans/changes/keys.hpp"
#include "plans/sql/quote.hpp"

namespace pgphase {
namespace {

class DropColumn : public Change {
 public:
  DropColumn(Position at, TableName table, std::string column, std::string restore)
      : Change(at), table_(std::move(table)), column_(std::move(column)), restore_(std::move(restore)) {}

  void declare(PlanFacts&) const override {}

  void split(const PlanFacts&, StepSink& sink, Findings&) const override {
    const auto add = [&](Phase phase, const char* what, decltype(Step::body) body) {
      Step step;
      step.name = fmt::format("{} {}.{}", what, display_name(table_), column_);
      step.body = std::move(body);
      step.touches = {table_};
      sink.add(phase, std::move(step), at());
    };
    add(Phase::additive, "drop_not_null", DropNotNullBody{table_, column_, restore_, true});
    add(Phase::constraint, "drop_column", HandOverBody{table_, "", {column_}, {}, {}});
  }

 private:
  TableName table_;
  std::string column_;
  std::string restore_;
};

}  // namespace

ChangePtr read_drop_column(TableReader& reader) {
  const auto before = reader.findings().size();
  const auto table = keys::table(reader);
  const auto column = keys::identifier(reader, "column");
  const auto restore = keys::restore(reader);
  reader.refused("cascade",
                 "`cascade` is not a key: what depends on the column is named, and goes by a change of its own");
  reader.finish();
  if (reader.findings().size() != before) return nullptr;
  return std::make_unique<DropColumn>(reader.at(), *table, *column, restore.value_or(""));
}

}  // namespace pgphase
