// What a statement that somebody has written would do to what pgphase keeps: columns in step, hidden twins of keys, retired
// columns and their types; and what a partitioned table does not bear. Internal to phases/foresight. Reads the catalogue
// and the ledger. Blocking; same threading as the Session.
#pragma once

#include <string>
#include <vector>

#include "phases/postgres/session.hpp"
#include "plans/sql/statement.hpp"

namespace pgphase {

// A sentence each. `plan`: whose statement it is; what that one keeps is its own affair.
Result<std::vector<std::string>> obstacles_to_writing_by_hand(Session& session, const PlanId& plan,
                                                              const ParsedStatement& statement);

}  // namespace pgphase
