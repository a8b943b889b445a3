// What differs between two snapshots, in words and as JSON. Pure; any thread.
#pragma once

#include <boost/json/array.hpp>
#include <string>
#include <vector>

#include "phases/catalogue/snapshot.hpp"

namespace pgphase {

struct Difference {
  // `missing`: it was there before, and is no longer.
  enum class Kind { missing, added, changed } kind = Kind::changed;
  CatalogueObject object;     // {"rows", "public.tasks"} for rows
  std::string fact, was, is;  // changed: "default", "5", "6"; empty: at its default, or none
  std::string table;          // the table that it is or is on, as in CatalogueObject::name; or empty
  bool operator==(const Difference&) const = default;
};

// In the order of tables, then kinds and names. What came or went with something else is not told apart: not the
// columns of a table that is missing, not the same change in each partition. Rows are compared where both snapshots
// have them, and a sequence only differs when it has gone back.
std::vector<Difference> compare(const Snapshot& before, const Snapshot& after);

// "column tasks.priority: default was 5, is 6"; "index idx_x on tasks is missing"; "rows of tasks differ: 10 rows
// before, 9 now". One line; of long texts what is around the first difference.
std::string in_words(const Difference& difference);

// {"difference": "changed", "kind", "name", "table", "fact", "was", "is", "words"}; null for what is not there.
boost::json::array to_json(const std::vector<Difference>& differences);

}  // namespace pgphase
