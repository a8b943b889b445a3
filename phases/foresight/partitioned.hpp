// What PostgreSQL does to a table and not to a partitioned one, so that a step would fail half way through its plan.
// Internal to phases/foresight. Reads the catalogue. Blocking; same threading as the Session.
#pragma once

#include <string>

#include "phases/postgres/session.hpp"
#include "plans/sql/statement.hpp"

namespace pgphase {

// A sentence; empty: nothing, or the table is none of those.
Result<std::string> not_for_a_partitioned_table(Session& session, const Action& action);

}  // namespace pgphase
