// Finds the row at which PostgreSQL refuses a batch, so that the error can name it: halves the pages, then the rows of the
// page that is left. Every try is rolled back. Blocking; same threading as the Session.
#pragma once

#include <vector>

#include "phases/backfill/batch.hpp"

namespace pgphase {

struct BadRow {
  PageRange pages;                      // the smallest range that still fails
  std::vector<std::string> among = {};  // of them the rows that fail together, once it is a page; nothing looked for yet: none
  std::string address = {};             // ctid, "(12,3)"; empty: no single row fails alone
  std::string key = {};                 // "id = 42", of its primary key; empty: it has none
  Error error = {};                     // what PostgreSQL says of it
  bool passes_now = false;              // none fails any more: somebody has changed it meanwhile, or holds it
};

// `sql`: as of the batch.
Result<BadRow> find_bad_row(Session& session, const Fence& fence, const BatchSql& sql, const BatchLimits& limits,
                            const Batch& batch, const Error& seen);

// "id = 42": the primary key of the row at this address; empty: it has none.
Result<std::string> primary_key_of(Session& session, const std::string& leaf, const std::string& address);

// "page 12 of users" or "row (12,3) of users (id = 42)".
std::string place_of(const BadRow& row, const std::string& leaf);
std::string place_of(const std::string& address, const std::string& key, const std::string& leaf);

}  // namespace pgphase
