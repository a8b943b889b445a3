// What the plan at hand does later than where it stands in the SQL, in its backfill and constraint phases: a statement to
// which that matters has to begin another plan. Private to plans/translate; one thread.
#pragma once

#include <set>
#include <string>

#include "plans/base/names.hpp"
#include "plans/sql/tree.hpp"

namespace pgphase::translate {

class Pending {
 public:
  // A statement that has become part of the plan, but for what it inserts together with the table itself.
  void note(const tree::RawStatement& raw, const TableName& table);
  // A backfill gives rows of the table a value, as a default would have done at once.
  void note_filled(const TableName& table) { rows_.insert(table); }

  // Would the statement, in its own phase, come before one that stands in front of it and that it has to do with?
  bool comes_before(const tree::RawStatement& raw) const;

  bool has_rows() const { return !rows_.empty(); }
  bool has_rows_of(const TableName& table) const { return rows_.contains(table); }

 private:
  std::set<TableName> rows_;      // tables whose rows the backfill phase changes as the SQL says
  std::set<TableName> loosened_;  // tables that lose a constraint, trigger or policy in the constraint phase
  std::set<TableName> indexes_;   // that go there
  bool views_ = false;            // some go there
  bool definitions_ = false;      // some of any kind do
};

}  // namespace pgphase::translate
