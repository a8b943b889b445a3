// Whether the sync triggers are the first and the last of a table's BEFORE ROW triggers, which fire in the byte order
// of their names: one that fires outside the pair changes a column behind their backs. Reads only. Blocking; same
// threading as the Session.
#pragma once

#include <string>
#include <vector>

#include "phases/postgres/session.hpp"
#include "plans/base/names.hpp"

namespace pgphase {

struct StrayTrigger {
  std::string sentence;  // what it is, and why it is in the way
  std::string rename;    // the statement that puts it between the two
};

// Of the table and of its partitions; not those that are disabled.
Result<std::vector<StrayTrigger>> stray_triggers(Session& session, const TableName& table);

}  // namespace pgphase
