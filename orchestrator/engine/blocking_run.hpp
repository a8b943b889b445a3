// A run under the lease for callers that have no event loop: makes one, runs it to the end, handles signals meanwhile.
// Blocking; one at a time, because SIGINT and SIGTERM are the process's.
#pragma once

#include "orchestrator/engine/lease_run.hpp"

namespace pgphase {

Result<void> run_under_lease(Control& control, Reporter& reporter, const LeaseRunOptions& options, LeaseBody body);

}  // namespace pgphase
