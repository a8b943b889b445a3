// Drops for good what plans have retired: one short transaction a table, under the lock limits
// (phases/lock/attempt.hpp), never CASCADE. Each commits with its ledger rows and with the seal of the phases that
// cannot go back any more, so that a purge which is cut off goes on where it was. docs/design/retire.md. Blocking; same
// threading as the Session.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "phases/lock/attempt.hpp"
#include "phases/purge/remains.hpp"

namespace pgphase {

struct PurgeSite {
  const Fence& fence;
  const LockLimits& limits;
  const Remains& remains;
  std::vector<Phase> seals;
};

// What goes in one transaction.
struct PurgeShare {
  TableName table;
  std::vector<RetiredThing> things;  // the table itself, or columns of it
  std::vector<StoredLink> links;     // that keep these columns up to date
  std::string what;                  // in words
};

// Columns and links by table, tables one by one.
std::vector<PurgeShare> shares_of(const Remains& remains);

// ACCESS EXCLUSIVE on the table: catalogue changes only, however big it is. What is no object goes in the same
// transaction: definitions, records of what somebody has dropped by hand, chunks of backfills that are done. `refused`,
// with nothing changed, where something of the user's depends on what would go.
Result<Attempt> purge_share(Session& session, const PurgeSite& site, const PurgeShare& share);

// The same for a plan without any share, in the caller's fenced transaction.
Result<void> purge_records(Session& session, const PurgeSite& site);

// The plan whose objects were dropped by a run that was cut off before it could keep what `drift` compares with.
Result<std::optional<PlanId>> purge_cut_off(Session& session);

}  // namespace pgphase
