// Subscriptions whose worker writes into a table, by the names that the publisher knows. Reads only. Blocking; same
// threading as the Session.
#pragma once

#include <string>
#include <vector>

#include "phases/postgres/session.hpp"
#include "plans/base/names.hpp"

namespace pgphase {

// By name, in order; those of partitions, too.
Result<std::vector<std::string>> subscriptions_of(Session& session, const TableName& table);

}  // namespace pgphase
