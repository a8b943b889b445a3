// The marker: a column `_pgphase_todo_<n>` that is true in every row which existed when it was added and has not been
// set yet. It is what applies an expression exactly once to a row, wherever the row moves, without any key.
// docs/design/backfill.md tells its edges. Blocking; same threading as the Session.
#pragma once

#include <string>

#include "phases/backfill/chunk_store.hpp"
#include "phases/lock/attempt.hpp"

namespace pgphase {

// A name that no other backfill of this database has or had.
Result<std::string> reserve_marker(Session& session);

Result<bool> marker_exists(Session& session, const Target& target, const std::string& marker);

// Every leaf must have the marker, false by default: a partition that was attached meanwhile may not. An Error of code
// step_failed names it.
Result<void> check_marker(Session& session, const Target& target, const std::string& marker);

// One attempt each, under ACCESS EXCLUSIVE for the moment of the DDL. `record` writes the ledger first.
Result<Attempt> add_marker(Session& session, const Fence& fence, const LockLimits& limits, const TableName& table,
                           const std::string& marker, const std::function<Result<void>(Session&)>& record);
Result<Attempt> drop_marker(Session& session, const Fence& fence, const LockLimits& limits, const TableName& table,
                            const std::string& marker, const std::function<Result<void>(Session&)>& record);

}  // namespace pgphase
