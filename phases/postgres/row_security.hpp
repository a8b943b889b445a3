// Row-level security that hides rows of a table from us: what is to be computed, counted or compared in all of them
// would be in some only. PostgreSQL refuses such statements (row_security = off), with words that do not say what to
// do. Reads the catalogue. Blocking; same threading as the Session.
#pragma once

#include <optional>
#include <string>

#include "phases/postgres/session.hpp"
#include "plans/base/names.hpp"

namespace pgphase {

// A sentence that says why and what to do; nothing where every row is seen, or there is no such table.
Result<std::optional<std::string>> row_security_in_the_way(Session& session, const TableName& table);

}  // namespace pgphase
