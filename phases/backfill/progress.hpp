// How far the backfills of a plan are, from the ledger alone: for `status` in another process. One query, read-only.
#pragma once

#include <vector>

#include "phases/ledger/records.hpp"
#include "phases/postgres/session.hpp"

namespace pgphase {

// In the order in which they began; empty when none has. Pages visited never exceed the total: sweeps do not count.
Result<std::vector<BackfillRecord>> read_backfills(Session& session, const PlanId& plan);

}  // namespace pgphase
