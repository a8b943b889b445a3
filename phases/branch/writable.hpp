// What an application can write to a table, and with which values. Blocking; same threading as the Session.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "phases/postgres/session.hpp"
#include "plans/base/names.hpp"

namespace pgphase {

struct WritableColumn {
  std::string name, type;
  bool not_null = false, has_default = false, alone_unique = false;
  std::string enum_type;               // qualified, when it is one
  std::optional<TableName> points_to;  // a foreign key of this column alone
  std::string points_to_column;
};

// All but generated columns, identities that only PostgreSQL fills, and hidden ones; empty when there is no such table.
Result<std::vector<WritableColumn>> writable_columns(Session& session, const TableName& table);

// SQL for the column's value in the row numbered `g`; empty: leave it to PostgreSQL. Pure.
std::string value_for(const TableName& table, const WritableColumn& column);

}  // namespace pgphase
