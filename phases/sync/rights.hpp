// Whether everybody who writes a table may carry out the expressions that its sync function has in it. It runs with the
// rights of whoever writes, as a user's own trigger would; with those of anybody else an application could reach what
// it may not. Reads the catalogue only. Blocking; same threading as the Session.
#pragma once

#include <string>
#include <vector>

#include "phases/postgres/session.hpp"
#include "plans/phased_plan.hpp"

namespace pgphase {

// A sentence for each role whose every write would fail, with the GRANT that it lacks. Of a function that is there with
// several signatures one that the role may execute is enough; what a function does inside is not looked at.
Result<std::vector<std::string>> rights_that_writers_lack(Session& session, const LinkColumnsBody& body);

}  // namespace pgphase
