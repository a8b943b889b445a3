// Triggers of the user's that a backfill fires, for each row that it sets or for each of its statements. Reads the catalogue, and the text of
// their functions as far as it can be read. Internal to phases/foresight. Blocking; same threading as the Session.
#pragma once

#include <string>
#include <vector>

#include "phases/postgres/session.hpp"
#include "plans/phased_plan.hpp"

namespace pgphase {

// A sentence each.
Result<std::vector<std::string>> fired_by(Session& session, const BackfillBody& body);

}  // namespace pgphase
