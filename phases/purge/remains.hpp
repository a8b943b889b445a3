// What plans have left in the database that only their rollback needs: retired tables and columns, and the triggers
// that keep values up to date for code that would come back. Reads only. Blocking; same threading as the Session.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "phases/ledger/records.hpp"
#include "phases/sync/links.hpp"

namespace pgphase {

struct RetiredThing {
  RetiredRecord record;
  std::optional<TableName> place;      // the table that it is, or is a column of; nothing: gone, or never hidden
  std::vector<std::string> goes_with;  // indexes, constraints and the like that PostgreSQL drops along, in words
  std::string retired_with;            // a column of a table that was itself retired: by which plan
  std::int64_t bytes = 0;              // a table: as it is now; a column: by the statistics when it was retired
  bool has_successor = false;          // a column: another one bears its name by now, and stays
  std::string followed_by = {};        // a column: another plan whose link at work speaks of it, or none

  // Something is there to be dropped; otherwise a definition is kept, which costs nothing.
  bool is_hidden() const { return !record.hidden_as.empty(); }
};

// Of one plan.
struct Remains {
  PlanId plan;
  std::vector<RetiredThing> things;  // oldest first
  std::vector<StoredLink> links;     // those that have ended, too
  std::string links_retired_with;    // the plan that has since retired the table of a link at work
  // A table that somebody has given another name since: what it is called to the plan, and what it is called now.
  std::optional<std::pair<TableName, TableName>> renamed = {};

  std::vector<StoredLink> links_at_work() const;
  // Something that takes room, or time at every write.
  bool costs_something() const;
};

// In one snapshot of the caller's; in the order of the first records. Nothing where there is no ledger.
Result<std::vector<Remains>> read_remains(Session& session);

// "column tasks.priority", "table notes": what the application knew it as.
std::string describe(const RetiredRecord& record);
// The same, told apart from what bears its name now: "hidden column tasks.priority (not the one of that name now)".
std::string describe(const RetiredThing& thing);

}  // namespace pgphase
