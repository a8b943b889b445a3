// rename_table: from the additive phase on a view has the new name; in the constraint phase, when no code uses the old
// one any more, the table takes it.
#include <fmt/format.h>

#include "plans/changes/change.hpp"
#include "plans/changes/keys.hpp"
#include "plans/sql/quote.hpp"

namespace pgphase {
namespace {

class RenameTable : public Change {
 public:
  RenameTable(Position at, TableName table, std::string to)
      : Change(at), table_(std::move(table)), to_(std::move(to)) {}

  void declare(PlanFacts&) const override {}

  void split(const PlanFacts&, StepSink& sink, Findings&) const override {
    const auto step = [&](const char* what, RenameTableBody::Part part) {
      Step out;
      out.name = fmt::format("{} {}", what, display_name(table_));
      out.body = RenameTableBody{table_, to_, part};
      out.touches = {table_, {table_.schema, to_}};
      return out;
    };
    // Last of all: the view shows the columns that are there by then, and other steps use the old name.
    sink.add_last(Phase::additive, step("second_name", RenameTableBody::Part::view), at());
    sink.add_last(Phase::constraint, step("rename_table", RenameTableBody::Part::rename), at());
  }

 private:
  TableName table_;
  std::string to_;
};

}  // namespace

ChangePtr read_rename_table(TableReader& reader) {
  const auto before = reader.findings().size();
  const auto table = keys::table(reader);
  const auto to = keys::identifier(reader, "to");
  if (table && to && table->name == *to) reader.error("to", "the table has that name already");
  reader.finish();
  if (reader.findings().size() != before) return nullptr;
  return std::make_unique<RenameTable>(reader.at(), *table, *to);
}

}  // namespace pgphase
