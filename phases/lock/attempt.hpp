// One attempt to change relations that an application is using: the autovacuum sent away, then a short transaction that
// takes every strong lock within the lock timeout and gives it back within the hold limit. Nothing is retried here: the
// caller waits between attempts on its own timer (phases/lock/retry.hpp). docs/design/locks.md tells why each part is
// there. Blocking; same threading as the Session.
#pragma once

#include <chrono>
#include <functional>
#include <optional>
#include <string>
#include <vector>

#include "phases/ledger/lease.hpp"
#include "plans/phased_plan.hpp"

namespace pgphase {

struct LockLimits {
  std::chrono::milliseconds timeout{500};  // queueing for one lock
  std::chrono::milliseconds hold{1000};    // from the first strong lock to COMMIT
  std::chrono::milliseconds pause{1000};   // base of the pause between attempts
  int attempts = 30;
  std::chrono::seconds budget{600};        // all attempts of one statement and their pauses
};

// The most that a statement may take which makes nobody wait: VALIDATE, CREATE INDEX CONCURRENTLY.
inline constexpr std::chrono::hours k_long_deadline{24};

struct LockedChange {
  std::string label;                // of its failpoints, e.g. "step.ddl"
  std::vector<RelationLock> locks;  // relations that do not exist (any more) are passed over; views are locked first
  bool long_running = false;        // makes nobody wait: long deadline instead of the hold limit
  std::function<Result<void>(Session&)> record;  // ledger rows: run before any lock is taken
  std::function<Result<void>(Session&)> change;  // run with the locks held; must be quick
};

struct Attempt {
  bool done = false;
  Error blocked;       // why not, when not done: worth another attempt
  double held_ms = 0;  // from the first strong lock granted to COMMIT
  bool cut_off = false;  // the change itself took longer than the hold limit (or waited within for somebody)
};

// An Error means that another attempt is pointless, or the connection is gone.
Result<Attempt> attempt_change(Session& session, const Fence& fence, const LockLimits& limits, const LockedChange& change);

// The relations of `wanted` that exist as tables or partitioned tables, strongest mode of each, in a fixed order, so that
// two runs or two attempts never deadlock on each other.
Result<std::vector<RelationLock>> existing_in_order(Session& session, const std::vector<RelationLock>& wanted);

}  // namespace pgphase
