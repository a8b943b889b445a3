// What the changes have in common by which new columns take the place of old ones: both are kept in step while code of
// both schemas writes, the rows that are there are filled, and in the end the old columns are retired. Private to
// plans/changes; pure.
#pragma once

#include <string>
#include <vector>

#include "plans/changes/change.hpp"
#include "plans/changes/keys.hpp"

namespace pgphase {

struct Replacement {
  std::string op;     // names the steps, with
  std::string label;  // what it is about: "people.name"
  LinkColumnsBody link;
  std::vector<std::string> functions;  // that the expressions of the new columns call
  std::vector<std::string> required;   // new columns that are NOT NULL in the end
  std::vector<Assignment> defaults;    // of new columns, in the end
  std::vector<std::string> retire;     // in the end; old columns without a way back may be left out from the beginning
  std::vector<Renaming> rename;        // after that
  std::string last_step = "retire";    // its name before the label
};

// `fill` of a new column: its expression, and what it reads as sources.
void read_fill(TableReader& reader, Replacement& out, LinkedColumn& target);
// `default` and `nullable` of a new column.
void read_final(TableReader& reader, Replacement& out, const std::string& column);

ChangePtr make_replacement(Position at, Replacement what);

}  // namespace pgphase
