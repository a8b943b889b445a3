// What one look at the ledger means for somebody who waits for a phase. Pure.
#pragma once

#include <optional>
#include <string>

#include "orchestrator/cli/exit_code.hpp"
#include "phases/ledger/records.hpp"

namespace pgphase {

struct WaitVerdict {
  std::optional<ExitCode> exit;  // nothing: wait on
  std::string state;             // the phase's, in the words of `status`
  std::string why;
};

// Done ends the wait with 0; a failure that nobody works on with 41; a hold, which every rollback leaves, with 11.
// Gates, pauses and interruptions are waited through.
WaitVerdict wait_verdict(const LedgerView& ledger, const PlanId& plan, Phase phase);

}  // namespace pgphase
