// How many rows each table has, and one number for what is in them; where sequences stand. Reads every row. Blocking;
// same threading as the Session.
#pragma once

#include <map>

#include "phases/catalogue/snapshot.hpp"

namespace pgphase {

// Runs in the caller's transaction. The same tables as a snapshot; neither hidden columns nor those of `without`
// count.
Result<std::map<TableName, RowSum>> row_sums(Session& session, const ColumnSet& without);

// Of every sequence that counts, that the role may read, and that does not start over by itself. Runs in the caller's
// transaction, but sequences know no transactions: what it finds is of this moment.
Result<std::map<TableName, SequencePosition>> sequence_positions(Session& session);

}  // namespace pgphase
