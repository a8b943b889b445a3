// What a plan and its phases are, in the words that `status` uses: derived from the ledger, the requests in force and
// whether anybody works at the moment. Pure.
#pragma once

#include <string>

#include "phases/ledger/records.hpp"

namespace pgphase {

enum class PlanStatus { pending, running, at_gate, paused, held, interrupted, failed, done, rolling_back, rolled_back };
enum class PhaseStatus {
  pending,
  waiting,  // at its gate
  running,
  paused,
  interrupted,
  failed,
  done,
  rolling_back,
  rolled_back,
  sealed,
};
const char* to_string(PlanStatus status);
const char* to_string(PhaseStatus status);

PlanStatus status_of(const PlanRecord& plan, const LedgerView& ledger);
PhaseStatus status_of(const PlanRecord& plan, Phase phase, const LedgerView& ledger);

}  // namespace pgphase
