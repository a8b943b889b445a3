// Columns elsewhere in which whole rows of a table are stored: of its row type, of arrays of it, of domains over it, of
// composites that hold it. A value in there names its fields as the table names its columns, and PostgreSQL lets the
// table take away or rename one without a word. Reads the catalogue only. Internal to phases/. Blocking; same threading
// as the Session.
#pragma once

#include <string>
#include <vector>

#include "phases/postgres/session.hpp"
#include "plans/base/names.hpp"

namespace pgphase {

// A SELECT of ('stored_rows', who, NULL) for a table and all that belongs to it; $1 is the table's oid.
const std::string& stored_rows_question();

// In words: "column snap of table history". Nothing where there is no such table.
Result<std::vector<std::string>> columns_with_rows_of(Session& session, const TableName& table);

}  // namespace pgphase
