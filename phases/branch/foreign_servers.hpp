// A branch must not reach what its source reaches: a row written to a foreign table, or to a partition that is one, is
// written in somebody else's database. Blocking; one thread.
#pragma once

#include "phases/postgres/conninfo.hpp"
#include "plans/base/result.hpp"

namespace pgphase {

// Drops the user mappings of the branch, without which no session connects to a foreign server of postgres_fdw.
// Errc::refused when the role may not. What dblink or a function connects to by itself, nobody can know.
Result<void> cut_off(const ConnInfo& branch);

}  // namespace pgphase
