// Finds the row at which PostgreSQL refuses a batch, so that the error can name it: halves the pages, then tries the
// rows of the page that is left. Every try is rolled back. Blocking; same threading as the Session.
#pragma once

#include "phases/backfill/batch.hpp"

namespace pgphase {

struct BadRow {
  PageRange pages;      // the smallest range that still fails
  std::string address;  // ctid, "(12,3)"; empty: no single row fails alone
  std::string key;      // "id = 42", of its primary key; empty: it has none
  Error error;          // what PostgreSQL says of it
};

Result<BadRow> find_bad_row(Session& session, const Fence& fence, const BatchSql& sql, const BatchLimits& limits,
                            const Batch& batch, const Error& seen);

// "page 12 of users" or "row (12,3) of users (id = 42)".
std::string place_of(const BadRow& row, const std::string& leaf);

}  // namespace pgphase
