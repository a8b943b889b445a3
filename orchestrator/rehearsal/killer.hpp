// Kills a run in the middle of a backfill, for certain: a row of the table is locked until the backfill waits for it,
// so that some of its batches may have been committed and one has not. Blocking; one thread.
#pragma once

#include <map>
#include <string>
#include <vector>

#include "phases/postgres/session.hpp"
#include "plans/phased_plan.hpp"

namespace pgphase {

struct Killer {
  std::vector<std::string> program;                // argv of this very program with its settings, without a command
  std::map<std::string, std::string> environment;  // all of the child's: which database
};

// What happened: "killed while it waited for a row of tasks", or empty where there was nothing to kill: the table has
// no row, or the backfill left the locked one alone. The phase of the backfill must be running.
Result<std::string> kill_in_the_middle(const Killer& killer, Session& session, const PlanId& plan, Phase phase,
                                       const BackfillBody& body);

}  // namespace pgphase
