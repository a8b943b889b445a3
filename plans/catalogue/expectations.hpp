// What the database has to be like for plans to run: what each step takes for granted and none before it makes. Pure;
// any thread.
#pragma once

#include <string>
#include <vector>

#include "plans/phased_plan.hpp"

namespace pgphase {

enum class Expected {
  ordinary_table,  // a table, or a partitioned one: no view, no foreign table
  column,          // `text` is there
  new_column,      // `text` is not
  new_relation,    // no table, index, view or sequence has the name of `table`
  new_constraint,  // the table has none of the name `text`
  type,            // `text` is a type
  query,           // `text` can be planned
  none,            // `text`, which reads the catalogue alone, counts nothing; otherwise `about` says what
  links,           // the expressions of the step's LinkColumnsBody can be
};

struct Expectation {
  PlanId plan;
  Phase phase = Phase::additive;
  std::size_t step = 0;  // its place in the phase
  Expected what = Expected::ordinary_table;
  TableName table;
  std::string text;
  std::string about;  // of a query: what the author wrote, for people; empty: the step's own check of the rows
  std::vector<std::string> made;  // by steps before it: an error of PostgreSQL that mentions one says nothing
};

// `in_order`: all plans that are to run, in the order in which they do. Errs on the side of silence, as needed_tables
// does: nothing is expected of a table that a step makes or gives another name, nor of anything behind a statement
// whose effects are not known.
std::vector<Expectation> expectations(const std::vector<const PhasedPlan*>& in_order);

}  // namespace pgphase
