// Executing one statement of a step, forward or back, with its ledger row: in one transaction where PostgreSQL allows
// it, as intent, statement, outcome where it does not. A statement is executed at most once to effect, however often
// the process dies: inside a transaction the ledger row says whether it happened, outside the catalogue does.
//
// Each call is one attempt; the caller paces further ones. Blocking; same threading as the Session.
#pragma once

#include "phases/ledger/ledger.hpp"
#include "phases/lock/attempt.hpp"
#include "phases/steps/site.hpp"

namespace pgphase {

// Executes the `index`-th statement and records it as done. `intent` is what the ledger holds for this step: not empty
// when this very statement was begun before and nobody knows how it ended.
Result<Attempt> execute_statement(Session& session, const StepSite& site, Direction direction,
                                  const Statement& statement, int index, const std::string& intent);

// The undo of a step that stays with its table (SqlBody::stays_with): the ledger says that it is done there.
Result<void> leave_with_table(Session& session, const StepSite& site);

// Runs a `verify` query: anything but exactly one row with one true is an Error of code verify_failed. Read-only.
Result<void> verify(Session& session, const StepKey& key, const std::string& sql);

}  // namespace pgphase
