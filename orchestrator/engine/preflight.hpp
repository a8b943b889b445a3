// A look at the database before a run takes the lease or makes its ledger, so that what cannot work is said while
// nothing has happened. It decides nothing for the run, which asks the ledger again. Blocking, read-only; any thread.
#pragma once

#include <filesystem>
#include <vector>

#include "orchestrator/engine/agenda.hpp"
#include "phases/postgres/session.hpp"

namespace pgphase {

// Errors: those of make_agenda, and plan_rejected for a table that a plan needs and neither the database has nor an
// earlier step makes; it points into the plan's file in `plans_folder`.
Result<void> preflight(Session& session, const std::vector<PhasedPlan>& plans, const AgendaWishes& wishes,
                       const std::filesystem::path& plans_folder);

}  // namespace pgphase
