// The links of each table as the ledger keeps them, and the triggers that carry them out. Everything here runs in the
// caller's fenced transaction, so that rows, function and triggers are never seen apart. Blocking; same threading as
// the Session.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "phases/ledger/records.hpp"
#include "phases/postgres/session.hpp"
#include "phases/sync/function.hpp"

namespace pgphase {

struct StoredLink {
  std::int64_t id = 0;
  StepKey key;  // the step that made it
  TableName table;
  SyncLink link;  // its key is the id
};

// Oldest first, with those that have ended or without.
Result<std::vector<StoredLink>> read_links(Session& session, const TableName& table);
Result<std::vector<StoredLink>> links_at_work(Session& session, const TableName& table);
// Of all tables; those that have ended, too.
Result<std::vector<StoredLink>> links_of_plan(Session& session, const PlanId& plan);
// What this step has made, if it is there.
Result<std::optional<StoredLink>> link_of(Session& session, const StepKey& key);

// The rows alone. `link.key` is set here.
Result<StoredLink> add_link(Session& session, const StepKey& key, const TableName& table, SyncLink link);
Result<void> change_link(Session& session, const StoredLink& stored);
Result<void> remove_link(Session& session, const StoredLink& stored);

// Makes function and triggers what the rows say (also where somebody has dropped or disabled a trigger), or takes them
// away behind the last one. ACCESS EXCLUSIVE on the table,
// which the caller holds: columns come, go and change their names in the same transaction.
Result<void> carry_out_links(Session& session, const TableName& table);

// What somebody has done to the triggers of links that are at work, a sentence each: dropped, disabled, fired for
// replication only or for everything else only, as ENABLE TRIGGER ALL leaves them.
Result<std::vector<std::string>> faults_of_sync(Session& session, const TableName& table);
// Refused where there are any on a table with links of this plan, or a trigger of the user's that fires outside the
// pair: rows that were written meanwhile are out of step, and what comes next relies on all being in it.
Result<void> links_must_be_in_order(Session& session, const PlanId& plan);

}  // namespace pgphase
