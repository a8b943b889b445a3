// What uses a table or a column in a way that its retirement would break. Read from the catalogue alone, so that the
// same questions can be asked before anything is done and once more with the lock held. Internal to phases/retire.
#pragma once

#include <string>
#include <vector>

#include "phases/postgres/session.hpp"
#include "plans/base/names.hpp"

namespace pgphase {

// A sentence each, the same order every time. `oid` is the table's, as text; `leaving`: constraints that do not count,
// an array of oids as text.
inline const std::string k_none_leaves = "{}";
Result<std::vector<std::string>> table_obstacles(Session& session, const TableName& table, const std::string& oid,
                                                 const std::string& leaving = k_none_leaves);
// Of a table whose foreign keys go with it, and whose partitions do.
Result<std::vector<std::string>> whole_table_obstacles(Session& session, const TableName& table,
                                                       const std::string& oid);
enum class ForeignKeys { count, asked_elsewhere };
Result<std::vector<std::string>> column_obstacles(Session& session, const TableName& table, const std::string& oid,
                                                  const std::string& column,
                                                  ForeignKeys foreign_keys = ForeignKeys::count,
                                                  const std::string& leaving = k_none_leaves);

// Of a table that takes another name, and is used under it from then on.
Result<std::vector<std::string>> table_rename_obstacles(Session& session, const TableName& table,
                                                        const std::string& oid);

// Of a column whose place another one takes, under the same name: what is known by a number goes on meaning the old
// one.
Result<std::vector<std::string>> replacement_obstacles(Session& session, const TableName& table, const std::string& oid,
                                                       const std::string& column);

// Of a column that takes another name, and is used under it from then on.
Result<std::vector<std::string>> rename_obstacles(Session& session, const TableName& table, const std::string& oid,
                                                  const std::string& column);

}  // namespace pgphase
