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
#include "plans/phased_plan.hpp"

namespace pgphase {

struct StoredLink {
  std::int64_t id = 0;
  StepKey key;  // the step that made it
  TableName table;
  SyncLink link;  // its key is the id
};

// Oldest first, with those that have ended or without.
Result<std::vector<StoredLink>> read_links(Session& session, const TableName& table);
// The ledger's version from which on there is a table of them.
inline constexpr int k_first_ledger_with_links = 3;

Result<std::vector<StoredLink>> links_at_work(Session& session, const TableName& table);
// Of all tables; those that have ended, too.
Result<std::vector<StoredLink>> links_of_plan(Session& session, const PlanId& plan);
// What this step has made, if it is there.
Result<std::optional<StoredLink>> link_of(Session& session, const StepKey& key);

// The rows alone. `link.key` is set here.
Result<StoredLink> add_link(Session& session, const StepKey& key, const TableName& table, SyncLink link);
Result<void> change_link(Session& session, const StoredLink& stored);
Result<void> remove_link(Session& session, const StoredLink& stored);

// The column of the link that is called so in the table now, or null.
SyncColumn* column_called(SyncLink& link, const std::string& name);
// The link goes on speaking of the column under its new name; expressions keep the names that they were written with.
void rename_in(SyncLink& link, const std::string& from, const std::string& to);
// Links go on speaking of the very columns that take other names now, in this order; also those that have ended, for
// their way back. `carry_out_links` comes behind it. Of the constraint phase's moves only links of other plans are
// told: those of the plan itself know its columns by name, whichever column has it. Otherwise all are but that of the
// moving step itself (0: none).
Result<void> links_of_others_follow(Session& session, const PlanId& plan, const TableName& table,
                                    const std::vector<Renaming>& moves);
Result<void> other_links_follow(Session& session, std::int64_t own, const TableName& table,
                                const std::vector<Renaming>& moves);
// Some link that is at work speaks of the column, of whatever plan.
Result<bool> is_spoken_of(Session& session, const TableName& table, const std::string& column);

// Makes function and triggers what the rows say (also where somebody has dropped or disabled a trigger), or takes them
// away behind the last one. ACCESS EXCLUSIVE on the table,
// which the caller holds: columns come, go and change their names in the same transaction. `refused` where a column
// that a link speaks of is not there: each write of the table would fail.
Result<void> carry_out_links(Session& session, const TableName& table);

// What a table is called now that somebody has given another name or schema: its triggers went along, and call the
// function that was made under the old one. Nothing where it has its name, is gone, or out of sight with its plan.
Result<std::optional<TableName>> goes_by_now(Session& session, const TableName& table);

// Columns of links at work that somebody has dropped, renamed or given another type since, a sentence each: every write
// of the table fails.
Result<std::vector<std::string>> columns_out_of_reach(Session& session, const TableName& table);
// What to do about that.
extern const char* const k_bring_columns_back;
// The same of every table that has a link at work: what hand-written SQL may have done.
Result<std::vector<std::string>> columns_out_of_reach(Session& session);

// What somebody has done to the triggers of links that are at work, a sentence each: dropped, disabled, fired for
// replication only or for everything else only, as ENABLE TRIGGER ALL leaves them.
Result<std::vector<std::string>> faults_of_sync(Session& session, const TableName& table);
// Refused where there are any on a table with links of this plan, or a trigger of the user's that fires outside the
// pair: rows that were written meanwhile are out of step, and what comes next relies on all being in it. Going back, what
// new code has written would go out of sight with the new columns. So are columns out of reach.
Result<void> links_must_be_in_order(Session& session, const PlanId& plan, Direction direction = Direction::forward);

}  // namespace pgphase
