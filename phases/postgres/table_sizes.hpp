// How large tables are, indexes and TOAST included: for what people are told before they start. Reads only. Blocking;
// same threading as the Session.
#pragma once

#include <cstdint>
#include <map>
#include <set>

#include "phases/postgres/session.hpp"
#include "plans/base/names.hpp"

namespace pgphase {

// Bytes of each that exists; of a partitioned table, those of its partitions together. Waits at most a second for a
// table that somebody holds under ACCESS EXCLUSIVE, and then leaves it out.
Result<std::map<TableName, std::int64_t>> table_sizes(Session& session, const std::set<TableName>& tables);

}  // namespace pgphase
