// The step that adds columns together with what keeps them in step, and its undo. One attempt under the lock limits
// each (phases/lock/attempt.hpp); ledger rows commit with the change. Blocking; same threading as the Session.
#pragma once

#include "phases/retire/retire.hpp"

namespace pgphase {

// Adds the columns, or brings back those that this step's undo has retired, with every value that they had and what the
// old application has written since. The triggers work from the same instant on. `refused`, with nothing changed, where
// a source cannot be synced: a generated column, or one that is to be written back to and has a volatile default or is
// part of a partition key.
Result<RetireOutcome> link_or_restore_columns(Session& session, const StepSite& site, const LinkColumnsBody& body);

// Retires the columns; the triggers keep them up to date with their sources. Those of a table without rows are dropped.
Result<RetireOutcome> undo_link_columns(Session& session, const StepSite& site, const LinkColumnsBody& body);

}  // namespace pgphase
