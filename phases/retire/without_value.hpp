// What refuses a row that is written without a column: checks, unique indexes and exclusions, foreign keys MATCH FULL,
// checks of its domain. NOT NULL is asked elsewhere. Reads the catalogue, and lets PostgreSQL simplify conditions of
// the schema; reads no row. Blocking; same threading as the Session.
#pragma once

#include <string>
#include <vector>

#include "phases/postgres/session.hpp"
#include "plans/base/names.hpp"

namespace pgphase {

enum class LeftOut {
  by_who_writes,
  once_retired,  // the same, where the column's foreign keys have gone with it
  null_is_written,
};

// A sentence each. The row has the column's default, where there is one and nobody writes NULL on purpose, else NULL.
// With another default for each row nothing is asked: who leaves the column out gets what he always got.
Result<std::vector<std::string>> refusals_without_value(Session& session, const TableName& table,
                                                        const std::string& oid, const std::string& column, LeftOut how);

}  // namespace pgphase
