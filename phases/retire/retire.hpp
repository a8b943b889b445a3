// Tables and columns made, taken back and brought back without losing what was written into them. Undoing drops only
// what is certainly empty; everything else is retired, that is hidden under another name, and the next forward run
// restores it instead of making an empty one. docs/design/retire.md has the rules and the reasons.
//
// Each operation is one attempt under the lock limits (phases/lock/attempt.hpp): when it was blocked, the caller pauses
// and tries again. Ledger rows commit with the change. Blocking; same threading as the Session.
#pragma once

#include <set>
#include <string>
#include <utility>
#include <vector>

#include "phases/lock/attempt.hpp"
#include "phases/postgres/session.hpp"
#include "phases/steps/site.hpp"
#include "plans/phased_plan.hpp"

namespace pgphase {

struct RetireOutcome {
  Attempt attempt;
  bool more = false;  // to do, in another attempt; the step has not ended
  std::string what;   // "created", "dropped: it was empty", "retired as pgphase_retired._pgphase_7_tasks (1.2 GiB)"
};

// Runs the step's SQL, or restores what this very step's undo retired. `refused` when the name was taken meanwhile,
// `step_failed` when PostgreSQL says no; nothing was changed then. `with_it`: the steps that stay with the table; of one
// that is made none is done.
Result<RetireOutcome> create_or_restore_table(Session& session, const StepSite& site, const CreateTableBody& body,
                                              const std::vector<StepKey>& with_it = {});
Result<RetireOutcome> add_or_restore_column(Session& session, const StepSite& site, const AddColumnBody& body);

// Drops what is certainly empty, retires what may hold data. `refused`, naming every obstacle, when something uses it
// that a rename would break; nothing was changed then. What is gone already counts as undone. `with_it`: the steps that
// stay with the table; with one that is gone nothing has stayed.
Result<RetireOutcome> undo_create_table(Session& session, const StepSite& site, const CreateTableBody& body,
                                        const std::vector<StepKey>& with_it = {});
Result<RetireOutcome> undo_add_column(Session& session, const StepSite& site, const AddColumnBody& body);

// Foreign keys that are to be gone when it is the undo's turn, by table and name.
using LeavingForeignKeys = std::set<std::pair<TableName, std::string>>;

// What stands in the way of the undo at this moment, a sentence each; empty: nothing. Reads only, takes no lock on the
// table. An obstacle that a later step of the same plan made goes away with the undo of that step: foreign keys in
// `leaving` do not count, the rest is for the caller to know.
Result<std::vector<std::string>> obstacles_to_undo(Session& session, const CreateTableBody& body,
                                                   const LeavingForeignKeys& leaving = {});
Result<std::vector<std::string>> obstacles_to_undo(Session& session, const AddColumnBody& body,
                                                   const LeavingForeignKeys& leaving = {});
Result<std::vector<std::string>> obstacles_to_undo(Session& session, const LinkColumnsBody& body,
                                                   const LeavingForeignKeys& leaving = {});

}  // namespace pgphase
