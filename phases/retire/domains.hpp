// Domains that are NOT NULL themselves: PostgreSQL refuses a row without a value for such a column before any trigger
// sees it, whatever the column says, and no ALTER COLUMN changes that. Reads the catalogue only. Internal to
// phases/retire. Blocking; same threading as the Session.
#pragma once

#include <optional>
#include <string>

#include "phases/postgres/session.hpp"
#include "plans/base/names.hpp"

namespace pgphase {

enum class WithADefault { counts, is_left_out };

// The type of the column where that refuses NULL. With `is_left_out` only of a column without a default: one that has
// one may be left out of an INSERT.
Result<std::optional<std::string>> domain_that_refuses_null(Session& session, const TableName& table,
                                                            const std::string& column, WithADefault with_a_default);

}  // namespace pgphase
