// The names that one table brings with it, as they are and as they are while it is retired. Kept as JSON in
// pgphase.retired.definition, so that restoring is exact. Internal to phases/retire.
#pragma once

#include <string>
#include <utility>
#include <vector>

#include "phases/postgres/session.hpp"
#include "plans/base/names.hpp"

namespace pgphase {

struct TableNames {
  using Pair = std::pair<std::string, std::string>;  // as it is, while retired
  TableName table;
  std::string hidden;
  std::vector<Pair> keys;         // constraints with an index, which bears the same name and follows
  std::vector<Pair> constraints;  // the others: no relation, so no name in the schema
  std::vector<Pair> indexes;      // without a constraint
  std::vector<Pair> sequences;    // owned by one of its columns

  // Statements, each ended by ';'. Only the catalogue is written, however big the table is. Triggers, grants, comments
  // and statistics need nothing: they belong to the table and not to its name.
  std::string retire_sql() const;
  std::string restore_sql() const;

  // Every name that must be free in the table's schema when it comes back.
  std::vector<std::string> relation_names() const;

  std::string to_json() const;
  static Result<TableNames> from_json(const std::string& json);
};

// A table with its partitions, itself first: each name once.
Result<std::vector<TableNames>> family_to_retire(Session& session, const TableName& table, const std::string& oid,
                                                 std::int64_t number);

// Reads what the table has now and gives each a name of record `number`.
Result<TableNames> names_to_retire(Session& session, const TableName& table, const std::string& oid,
                                   std::int64_t number);

}  // namespace pgphase
