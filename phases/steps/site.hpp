// Which step of which plan is at work, under which lease and limits. A view: what it refers to must outlive it.
#pragma once

#include "phases/ledger/records.hpp"
#include "phases/lock/attempt.hpp"

namespace pgphase {

struct StepSite {
  const Fence& fence;
  const LockLimits& limits;
  StepKey key;
};

}  // namespace pgphase
