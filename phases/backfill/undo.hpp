// What the ledger and the table keep of a backfill when its phase is rolled back. docs/design/backfill.md, "Rolling
// back", has the cases. Blocking; same threading as the Session.
//
// An executor that rolls back a backfill step does one of two things, after the author's own undo statements if there
// are any:
//   - it had undo statements: discard_marker(), which drops a marker that is left and forgets the backfill;
//   - otherwise: forget_backfill() in the transaction that records the step as undone.
#pragma once

#include <optional>
#include <string>

#include "phases/ledger/ledger.hpp"
#include "phases/lock/attempt.hpp"

namespace pgphase {

// The marker column that a backfill which has not ended left in its table.
Result<std::optional<std::string>> marker_left(Session& session, const StepKey& key);

// Inside the caller's fenced transaction: the next `up` scans again. A marker column that is left in the table stays
// known, and is used again: rows that were set must not be set twice.
Result<void> forget_backfill(Session& session, const StepKey& key);

// One attempt, under ACCESS EXCLUSIVE on `table` for the moment of the DDL: drops the marker and forgets the backfill
// in one transaction, with what `record` writes. For when the author's undo has taken back every row: the next `up`
// begins with a new marker that is true in all of them.
Result<Attempt> discard_marker(Session& session, const Fence& fence, const LockLimits& limits, const StepKey& key,
                               const TableName& table, const std::function<Result<void>(Session&)>& record);

}  // namespace pgphase
