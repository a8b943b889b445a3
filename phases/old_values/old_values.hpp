// The values that a backfill overwrites, kept in the row itself: a column for each, and a mark that says that the new
// value is still the backfill's. Triggers take the mark away when anybody else writes it, so that rolling back restores
// exactly what nobody has changed since. docs/design/old-values.md has the rules. Blocking; same threading as the
// Session.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "phases/retire/retire.hpp"

namespace pgphase {

struct OldValues {
  struct Kept {
    std::string column, kept_as;
  };
  TableName table;  // as it is called now
  std::vector<Kept> columns;
  std::int64_t number = 0;  // in all the names

  std::string mark() const;  // the column: NULL never set; true ours; false somebody else's since
  std::string key() const;   // what our own writes show to the triggers (k_backfill_flag)
};

// Makes the room, and takes it away with what is still in it. ACCESS EXCLUSIVE on the table while the catalogue is
// written.
Result<RetireOutcome> make_room(Session& session, const StepSite& site, const KeepOldBody& body);
Result<RetireOutcome> drop_room(Session& session, const StepSite& site, const KeepOldBody& body);

// What stands in the way, a sentence each. Reads only.
Result<std::vector<std::string>> obstacles_to_keeping(Session& session, const KeepOldBody& body);

// What the step has made and nothing has taken away since.
Result<std::optional<OldValues>> old_values_of(Session& session, const StepKey& keep_step);

// Refused where somebody has dropped or disabled a trigger of the room, or has turned it on again as ENABLE TRIGGER ALL
// does: what an application has written meanwhile bears no mark, and the way back would overwrite it.
Result<void> old_values_must_be_in_order(Session& session, const StepKey& keep_step);

// "a = …, b = …": what an UPDATE that sets the columns does besides. A row that is set again keeps the first old value.
std::string keep_assignments(const OldValues& room);

// The way back, as a backfill over the rows that still are ours.
BackfillBody restoring(const OldValues& room);
// Rows in which somebody else has written a newer value.
Result<std::int64_t> newer_values(Session& session, const OldValues& room);

// Statements that drop the triggers, their function and the columns. ACCESS EXCLUSIVE.
std::string drop_room_sql(const OldValues& room);

inline constexpr const char* k_old_value = "old_value";  // the kind of its records in pgphase.retired

// Out of records of that kind, of one step.
Result<OldValues> old_values_from(const std::vector<RetiredRecord>& records);

}  // namespace pgphase
