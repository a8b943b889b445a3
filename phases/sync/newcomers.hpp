// Partitions that have come since the columns of their table are kept in step: a row that was written before its table
// was attached has been through no trigger, and the backfill may have passed by. Only what has no value at all is
// taken for out of step, as by the backfill; only the newcomers are read. Blocking; same threading as the Session.
#pragma once

#include <string>
#include <vector>

#include "phases/postgres/session.hpp"
#include "phases/sync/function.hpp"
#include "plans/base/names.hpp"

namespace pgphase {

// Those that the table has, for SyncLink::partitions; none of a table that has no partitions.
Result<std::vector<std::string>> partitions_now(Session& session, const TableName& table);

// Refused where rows of a newcomer have no value in a new column of this plan.
Result<void> newcomers_must_be_in_step(Session& session, const PlanId& plan);

// In front of the rollback of a constraint phase, a sentence each: rows that will have none in a column that comes
// back. A look of a second at each newcomer; what takes longer is an Error of code sql.
Result<std::vector<std::string>> newcomers_without_old_values(Session& session, const PlanId& plan);

}  // namespace pgphase
