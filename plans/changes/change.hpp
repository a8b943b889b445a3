// A change is one entry of a plan's file: an operation of form A, or a step written by hand. It reads its own keys and
// says how it splits into phases, both in one file of this folder. Everything here is pure and belongs to one thread.
//
// To add an operation: one file with a `read_…` function, one row in registry.cpp, one page in docs/changes/.
#pragma once

#include <map>
#include <memory>
#include <set>
#include <string>
#include <utility>
#include <vector>

#include "plans/phased_plan.hpp"
#include "plans/toml/reader.hpp"

namespace pgphase {

using ColumnName = std::pair<TableName, std::string>;

// What the changes of one plan need to know about each other.
struct PlanFacts {
  bool complete = true;                // false: some change could not be read, so that nothing follows from absence
  std::map<TableName, Phase> created;  // tables that this plan creates
  std::set<TableName> hideable;        // of them, those that a rollback hides with their rows
  std::map<ColumnName, bool> added;    // columns that its additive phase adds; true: with a default
  std::set<ColumnName> filled;         // columns that its backfills set
  std::set<ColumnName> filled_again;   // by more than one of them

  bool created_in(const TableName& table, Phase phase) const;
  // Added by this plan, and NULL in every row until something fills it.
  bool added_empty(const TableName& table, const std::string& column) const;
};

// Where the statements of a step that was written by hand stand in the file.
struct WrittenAt {
  std::vector<Position> forward, back;
};

// Takes the steps of all changes, in the order of the file.
class StepSink {
 public:
  StepSink(PhasedPlan& plan, Findings& findings) : plan_(plan), findings_(findings) {}

  void add(Phase phase, Step step, Position at);
  // After every other step of its phase.
  void add_last(Phase phase, Step step, Position at);
  // Puts those in place. A name that a phase has twice is an error.
  void finish();

  void by_hand(Phase phase, const std::string& step, WrittenAt at);
  // Null: of a change's own step.
  const WrittenAt* written_at(Phase phase, const std::string& step) const;

 private:
  PhasedPlan& plan_;
  Findings& findings_;
  std::array<std::vector<std::pair<Step, Position>>, 3> last_;
  std::array<std::map<std::string, Position>, 3> names_;
  std::map<std::pair<Phase, std::string>, WrittenAt> by_hand_;
};

class Change {
 public:
  explicit Change(Position at) : at_(at) {}
  virtual ~Change() = default;
  Change(const Change&) = delete;
  Change& operator=(const Change&) = delete;

  // First round: what the other changes of the plan may need to know.
  virtual void declare(PlanFacts& facts) const = 0;
  // Second round: its steps; what is wrong only in the light of the facts goes to the findings.
  virtual void split(const PlanFacts& facts, StepSink& sink, Findings& findings) const = 0;

  Position at() const { return at_; }

 private:
  Position at_;
};
using ChangePtr = std::unique_ptr<const Change>;

// Each returns null after noting what is wrong.
ChangePtr read_create_table(TableReader& reader);
ChangePtr read_create_index(TableReader& reader);
ChangePtr read_drop_index(TableReader& reader);
ChangePtr read_add_column(TableReader& reader);
ChangePtr read_add_filled_column(TableReader& reader);  // add_column with `fill`
ChangePtr read_drop_table(TableReader& reader);
ChangePtr read_rename_table(TableReader& reader);
ChangePtr read_drop_column(TableReader& reader);
ChangePtr read_rename_column(TableReader& reader);
ChangePtr read_change_type(TableReader& reader);
ChangePtr read_retype(TableReader& reader);  // change_type without `to`
ChangePtr read_split_column(TableReader& reader);
ChangePtr read_merge_columns(TableReader& reader);
ChangePtr read_set_not_null(TableReader& reader);
ChangePtr read_drop_not_null(TableReader& reader);
ChangePtr read_add_check(TableReader& reader);
ChangePtr read_add_foreign_key(TableReader& reader);
ChangePtr read_add_unique(TableReader& reader);
ChangePtr read_add_primary_key(TableReader& reader);
ChangePtr read_written_sql(TableReader& reader, Phase phase);
ChangePtr read_backfill(TableReader& reader);

// [[change]]: finds the operation by `op`.
ChangePtr read_change(const Table& table, Findings& findings);
// [[additive]], [[backfill]], [[constraint]].
ChangePtr read_written_step(const Table& table, Phase phase, Findings& findings);

}  // namespace pgphase
