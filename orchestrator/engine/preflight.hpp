// A look at the database before a run takes the lease or makes its ledger, so that what cannot work is said while
// nothing has happened. It decides nothing for the run, which asks the ledger again. Blocking, read-only; any thread.
#pragma once

#include <filesystem>
#include <vector>

#include "orchestrator/engine/agenda.hpp"
#include "phases/foresight/harms.hpp"
#include "phases/postgres/session.hpp"
#include "plans/catalogue/expectations.hpp"

namespace pgphase {

// Errors: those of make_agenda; plan_rejected for a table that a plan needs and neither the database has nor an earlier
// step makes, pointing into the plan's file in `plans_folder`; refused for what a later step would be refused for, and
// for which it would be too late then. Returns what is worth a warning, a sentence each.
Result<std::vector<std::string>> preflight(Session& session, const std::vector<PhasedPlan>& plans,
                                           const AgendaWishes& wishes, const std::filesystem::path& plans_folder);

// All obstacles to steps of the plan, what of it the database is not as it expects, and what its statements would do to
// whoever uses the database, as one refusal; `warnings` gets the rest. `harms` has seen the plans before it.
Result<void> look_at_steps(Session& session, const PhasedPlan& plan, const std::vector<Expectation>& expected,
                           HarmForesight& harms, std::vector<std::string>& warnings);

}  // namespace pgphase
