// drop_table: in the constraint phase, when no code uses it any more, the table is retired with its rows.
#include <fmt/format.h>

#include "plans/changes/change.hpp"
#include "plans/changes/keys.hpp"
#include "plans/sql/quote.hpp"

namespace pgphase {
namespace {

class DropTable : public Change {
 public:
  DropTable(Position at, TableName table) : Change(at), table_(std::move(table)) {}

  void declare(PlanFacts&) const override {}

  void split(const PlanFacts&, StepSink& sink, Findings&) const override {
    Step step;
    step.name = "drop_table " + display_name(table_);
    step.body = RetireTableBody{table_};
    step.touches = {table_};
    sink.add(Phase::constraint, std::move(step), at());
  }

 private:
  TableName table_;
};

}  // namespace

ChangePtr read_drop_table(TableReader& reader) {
  const auto before = reader.findings().size();
  const auto table = keys::table(reader);
  reader.refused("cascade",
                 "`cascade` is not a key: what depends on the table is named, and goes by a change of its own");
  reader.finish();
  if (reader.findings().size() != before) return nullptr;
  return std::make_unique<DropTable>(reader.at(), *table);
}

}  // namespace pgphase
