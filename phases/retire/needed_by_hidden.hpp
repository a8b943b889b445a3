// Types and sequences that a rollback would drop, and that a column or table which it has put out of sight still needs:
// they stay with it, and `up` finds them there. Blocking; same threading as the Session.
#pragma once

#include <optional>
#include <string>

#include "phases/retire/retire.hpp"
#include "phases/steps/site.hpp"

namespace pgphase {

// Where all that depends on what the statement drops is out of sight: marks the step as kept, and says by what it is
// needed, in words. Nothing where the statement has to run, and may fail. `statement`: the only one of the step's undo.
Result<std::optional<std::string>> keep_for_hidden(Session& session, const StepSite& site, const Statement& statement);

// Is all that the statement would drop there?
Result<bool> still_there(Session& session, const Statement& statement);

}  // namespace pgphase
