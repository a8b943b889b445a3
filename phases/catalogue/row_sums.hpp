// How many rows each table has, and one number for what is in them. Reads every row. Blocking; same threading as the
// Session.
#pragma once

#include <map>

#include "phases/catalogue/snapshot.hpp"

namespace pgphase {

// Runs in the caller's transaction. The same tables as a snapshot; neither hidden columns nor those of `without`
// count.
Result<std::map<TableName, RowSum>> row_sums(Session& session, const ColumnSet& without);

}  // namespace pgphase
