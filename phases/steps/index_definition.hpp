// All that must be known to build an index again as it was. Same threading as the Session.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "phases/postgres/session.hpp"
#include "plans/base/names.hpp"

namespace pgphase {

struct IndexDefinition {
  TableName table;
  std::int64_t bytes = 0;
  bool replica_identity = false;
  std::string sql;  // CREATE [UNIQUE] INDEX name ON …
  // What that statement does not say: comment, statistics targets, CLUSTER ON. Each SHARE UPDATE EXCLUSIVE on the index
  // or its table, for an instant.
  std::vector<std::string> afterwards;
};

// The index must exist.
Result<IndexDefinition> read_index_definition(Session& session, const TableName& index);

// Pure. `sql` and `afterwards`, as the ledger keeps them; older ledgers have no `afterwards`.
std::string to_json(const IndexDefinition& definition);
IndexDefinition index_definition_from_json(const std::string& json);

// CREATE INDEX CONCURRENTLY, from what pg_get_indexdef says. Pure.
std::string concurrently(std::string definition);

}  // namespace pgphase
