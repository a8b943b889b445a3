// Publications by which a new column of a table reaches subscribers, which stop where they have no such column. Reads
// only. Blocking; same threading as the Session.
#pragma once

#include <string>
#include <vector>

#include "phases/postgres/session.hpp"
#include "plans/base/names.hpp"

namespace pgphase {

// By name, in order. Those that list the columns of this table (since 15) publish no new one, and are left out.
Result<std::vector<std::string>> publications_of(Session& session, const TableName& table);

}  // namespace pgphase
