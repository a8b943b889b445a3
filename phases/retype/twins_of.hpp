// Which plans have made twins of a unique index or constraint: dropped alone, it would leave something behind that
// nobody sees and that goes on refusing equal values. Reads only. Blocking; same threading as the Session.
#pragma once

#include <string>
#include <vector>

#include "phases/postgres/session.hpp"
#include "plans/base/names.hpp"

namespace pgphase {

struct UniqueTwin {
  PlanId plan;
  std::string column;      // as people see it
  bool stands_in = false;  // on the column that is to take its place; otherwise on the old one, kept for the way back
};

// `name`: of an index or a constraint of the table; where the table's name is empty, of an index in its schema.
Result<std::vector<UniqueTwin>> twins_of(Session& session, const TableName& table, const std::string& name);

}  // namespace pgphase
