// set_not_null: in the constraint phase. A valid CHECK proves to SET NOT NULL that it needs no scan, so the rows are
// looked at while everybody goes on.
#include <fmt/format.h>

#include "plans/base/sha256.hpp"
#include "plans/changes/constraints.hpp"
#include "plans/changes/keys.hpp"
#include "plans/sql/quote.hpp"

namespace pgphase {
namespace {

using constraints::Part;

// There for the duration of the step only; unique, because two plans may be at the same table.
std::string proof_name(const TableName& table, const std::string& column) {
  return "_pgphase_not_null_" + sha256_hex(qualified(table) + "." + quote_ident(column)).substr(0, 16);
}

class SetNotNull : public Change {
 public:
  SetNotNull(Position at, TableName table, std::string column)
      : Change(at), table_(std::move(table)), column_(std::move(column)) {}

  void declare(PlanFacts&) const override {}

  void split(const PlanFacts&, StepSink& sink, Findings&) const override {
    const auto table = qualified(table_), column = quote_ident(column_);
    const auto proof = proof_name(table_, column_);
    const auto alter = [&](const std::string& what) { return constraints::statement("ALTER TABLE " + table + what); };
    // Its undo would take away what was there before the plan.
    Part not_yet{constraints::require(
        fmt::format("SELECT count(*) FROM pg_attribute WHERE attrelid = {}::regclass AND attname = {} AND attnotnull",
                    quote_literal(table), quote_literal(column_)),
        fmt::format("column {} of {} is NOT NULL already", column_, display_name(table_)), "looks at the catalogue")};
    Part none_is_null{constraints::require(fmt::format("SELECT count(*) FROM {} WHERE {} IS NULL", table, column),
                                           fmt::format("{} is NULL in %n rows of {}", column_, display_name(table_)),
                                           "reads the table; nobody waits")};
    // ACCESS EXCLUSIVE for a moment, each but the validation.
    Part prove{alter(fmt::format(" ADD CONSTRAINT {} CHECK ({} IS NOT NULL) NOT VALID", proof, column)),
               alter(fmt::format(" DROP CONSTRAINT IF EXISTS {}", proof))};
    Part set{alter(fmt::format(" ALTER COLUMN {} SET NOT NULL", column)),
             alter(fmt::format(" ALTER COLUMN {} DROP NOT NULL", column))};
    set.forward.note = "no scan: the check proves it";
    Part no_more_proof{alter(fmt::format(" DROP CONSTRAINT {}", proof))};
    Step step;
    step.name = fmt::format("set_not_null {}.{}", display_name(table_), column_);
    step.body =
        constraints::body_of({std::move(not_yet), std::move(none_is_null), std::move(prove),
                              Part{constraints::validate(table_, proof)}, std::move(set), std::move(no_more_proof)});
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
