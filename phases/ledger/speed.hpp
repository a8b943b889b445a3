// What people and runs tell each other about a backfill's speed: `pgphase set` writes what it shall be, the run writes
// what it has chosen and what slows it down. Hints, not records of changes: each is one statement of its own, without a
// fence. Blocking; same threading as the Session.
#pragma once

#include <map>
#include <optional>
#include <string>

#include "phases/ledger/lease.hpp"
#include "phases/ledger/records.hpp"

namespace pgphase {

// Settings of one plan that were changed in flight: "backfill.workers" → "1", spelt as a person spells it. A ledger of
// an earlier version has none.
using SpeedInFlight = std::map<std::string, std::string>;
Result<SpeedInFlight> read_speed(Session& session, const PlanId& plan);

// Lays `changes` over what is there; an empty text takes a key away. The plan must be known to the ledger.
Result<void> change_speed(Session& session, const PlanId& plan, const SpeedInFlight& changes,
                          const std::string& person);

// As long as the lease is this run's. `chosen` is JSON or empty, `slowed_by` a clause or empty.
Result<void> tell_speed(Session& session, const Fence& fence, const StepKey& key, const std::string& chosen,
                        const std::string& slowed_by);

}  // namespace pgphase
