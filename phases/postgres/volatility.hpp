// Whether SQL gives another value each time that it is asked. Blocking; same threading as the Session.
#pragma once

#include <string>
#include <vector>

#include "phases/postgres/session.hpp"

namespace pgphase {

// True when any of the expressions, over a row of `from` (quoted SQL, with its alias; empty: over no row), is volatile.
// Executes nothing; an expression that cannot be planned is an Error of code sql.
Result<bool> any_volatile(Session& session, const std::string& from, const std::vector<std::string>& expressions);

}  // namespace pgphase
