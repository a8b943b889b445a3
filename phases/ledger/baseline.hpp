// What `pgphase drift` compares with: the catalogue as it was when pgphase last finished something. The ledger keeps
// the newest only, in pgphase.snapshot. Blocking; same threading as the Session.
#pragma once

#include <optional>

#include "phases/catalogue/snapshot.hpp"
#include "phases/ledger/records.hpp"

namespace pgphase {

enum class BaselineMoment { forward, back, stamped, by_hand, purged };
const char* to_string(BaselineMoment moment);

struct Baseline {
  PlanId plan;
  Phase phase = Phase::additive;  // that was carried out or rolled back, or whose step was done by hand
  BaselineMoment moment = BaselineMoment::forward;
  ServerTime taken_at;
  int server_version = 0;  // 150004
  Snapshot snapshot;       // without rows
};

// Not in a transaction; at most ten seconds.
Result<Snapshot> look_for_baseline(Session& session);

// Within a fenced transaction. Where `seen` is an error the older one is forgotten: it would show what pgphase itself
// has done since as drift.
Result<void> keep_baseline(Session& session, const PlanId& plan, Phase phase, BaselineMoment moment,
                           const Result<Snapshot>& seen);

// Nothing when there is none, no ledger, or one that is older than snapshots. Reads only.
Result<std::optional<Baseline>> read_baseline(Session& session);

}  // namespace pgphase
