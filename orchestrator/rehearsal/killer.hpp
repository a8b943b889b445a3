// Kills a run in the middle of a backfill, for certain: a row of the table is locked until the backfill waits for it,
// so that some of its batches may have been committed and one has not. Blocking; one thread.
#pragma once

#include <map>
#include <string>
#include <vector>

#include "phases/ledger/records.hpp"
#include "phases/postgres/session.hpp"
#include "plans/phased_plan.hpp"

namespace pgphase {

struct Killer {
  std::vector<std::string> program;                // argv of this very program with its settings, without a command
  std::map<std::string, std::string> environment;  // all of the child's: which database
};

// The two sessions take turns at holding the row. False where there was nothing to kill: the table has no row, or the
// backfill had nothing to do with the locked one. The phase of the step must be running.
Result<bool> kill_in_the_middle(const Killer& killer, Session& one, Session& other, const StepKey& key,
                                const BackfillBody& body);

}  // namespace pgphase
