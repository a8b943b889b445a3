// The failpoints that the sources name, read from them: so that one which no test passes is noticed.
#pragma once

#include <set>
#include <string>
#include <vector>

namespace pgphase::testing {

struct FailpointsInSources {
  std::set<std::string> names;          // "step.ddl.before_commit", …
  std::vector<std::string> unreadable;  // "FILE: CALL": a transaction or failpoint whose name is not to be seen
};

// Of phases/ and orchestrator/.
FailpointsInSources failpoints_in_sources();

// Transactions that only look and are rolled back: they commit nothing, so they have no failpoint to pass.
const std::set<std::string>& transactions_that_never_commit();

}  // namespace pgphase::testing
