// Which relations are there. Reads only, takes no lock. Blocking; same threading as the Session.
#pragma once

#include <set>

#include "phases/postgres/session.hpp"
#include "plans/base/names.hpp"

namespace pgphase {

// Those of `names` that are neither a table (partitioned or foreign too) nor a view.
Result<std::set<TableName>> missing_tables(Session& session, const std::set<TableName>& names);

}  // namespace pgphase
