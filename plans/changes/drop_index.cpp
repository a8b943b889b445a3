// drop_index: DROP INDEX CONCURRENTLY in the constraint phase, when the code that needed the index is gone. The ledger
// keeps the index's definition first, from which the undo builds it again.
#include "plans/changes/change.hpp"
#include "plans/changes/keys.hpp"
#include "plans/sql/quote.hpp"

namespace pgphase {
namespace {

class DropIndex : public Change {
 public:
  DropIndex(Position at, TableName index, std::string table, bool if_exists)
      : Change(at), index_(std::move(index)), table_(std::move(table)), if_exists_(if_exists) {}

  void declare(PlanFacts&) const override {}

  void split(const PlanFacts&, StepSink& sink, Findings&) const override {
    Statement drop;
    drop.kind = StatementKind::drop_index_concurrently;
    drop.sql = (if_exists_ ? "DROP INDEX CONCURRENTLY IF EXISTS " : "DROP INDEX CONCURRENTLY ") + qualified(index_);
    drop.note = "waits for every transaction that uses the table; reads and writes go on";
    drop.index = index_;
    // Which table it belongs to is known to the server; to us only where the plan says it.
    drop.locks_known = !table_.empty();
    Step step;
    if (!table_.empty()) {
      const TableName table{index_.schema, table_};
      drop.locks = {{table, LockMode::share_update_exclusive}};
      step.touches = {table};
    }
    Statement rebuild = drop;
    rebuild.kind = StatementKind::rebuild_index;
    rebuild.sql.clear();
    rebuild.note = "builds the index again from its kept definition; reads and writes go on";
    step.name = "drop_index " + display_name(index_);
    step.body = SqlBody{{std::move(drop)}, {std::move(rebuild)}};
    sink.add(Phase::constraint, std::move(step), at());
  }

 private:
  TableName index_;
  std::string table_;
  bool if_exists_;
};

}  // namespace

ChangePtr read_drop_index(TableReader& reader) {
  const auto before = reader.findings().size();
  const auto name = keys::identifier(reader, "name");
  const std::string schema = keys::schema(reader);
  std::string table;
  if (reader.has("table")) table = keys::identifier(reader, "table").value_or("");
  const bool if_exists = reader.boolean("if_exists").value_or(false);
  reader.finish();
  if (reader.findings().size() != before) return nullptr;
  return std::make_unique<DropIndex>(reader.at(), TableName{schema, *name}, std::move(table), if_exists);
}

}  // namespace pgphase
