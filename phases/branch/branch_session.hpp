// Sessions for making a branch, and for looking at its source. Blocking.
#pragma once

#include <memory>

#include "phases/postgres/conninfo.hpp"
#include "phases/postgres/session.hpp"

namespace pgphase {

// As `pgphase/rehearsal`; a statement may take six hours, because copying a large database does.
Result<std::unique_ptr<Session>> branch_session(const ConnInfo& connection);

}  // namespace pgphase
