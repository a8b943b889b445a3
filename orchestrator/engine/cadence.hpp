// The pauses of a session that fills rows: what a tick of the backfill asks for, what the throttle leaves of the time,
// and how often an attempt at a lock is made again. One object a session. io_context's thread only.
#pragma once

#include <chrono>
#include <cstdint>
#include <string>

#include "orchestrator/engine/reporter.hpp"
#include "orchestrator/throttle/governor.hpp"
#include "phases/backfill/backfill.hpp"
#include "phases/lock/retry.hpp"

namespace pgphase {

class Cadence {
 public:
  Cadence(Reporter& reporter, StepKey key, const LockLimits& locks, std::uint64_t seed)
      : reporter_(reporter), key_(std::move(key)), retry_(locks, seed) {}

  // How long to pause behind a tick that took `took`. Tells what the tick has to say. Errc::lock_budget when the
  // attempts at a lock are used up.
  Result<std::chrono::milliseconds> after(const BackfillTick& tick, std::chrono::milliseconds took,
                                          const Verdict& verdict);

 private:
  Reporter& reporter_;
  StepKey key_;
  LockRetry retry_;
};

}  // namespace pgphase
