// pgphase.bad_row: the rows of a backfill that cannot be set, recorded and passed over. A row is known by its relation
// and its ctid, because not every table has a key: a row that somebody updates meanwhile is another one, which is found
// and tried like any other. Blocking; same threading as the Session.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "phases/backfill/bad_row.hpp"

namespace pgphase {

struct PassedOver {
  std::int64_t id = 0, relation = 0;
  std::string leaf;  // quoted; empty: not a part of the table any more
  std::string address, key, error;
};

// What became of a row that was tried alone, in a transaction of its own.
struct Alone {
  enum class Kind {
    set,
    nothing,  // there is no row that matches at this address
    held,     // somebody else has a lock that it needs
    refused,  // by PostgreSQL: `error`
  } kind = Kind::nothing;
  Error error = {};
};

class BadRows {
 public:
  explicit BadRows(StepKey key, std::int64_t table_oid) : key_(std::move(key)), table_(table_oid) {}

  Result<std::int64_t> count(Session& session) const;
  Result<std::int64_t> newest(Session& session) const;  // the highest id so far; 0: none
  Result<std::vector<std::string>> addresses(Session& session, std::int64_t relation, PageRange pages) const;
  // The next ones behind `after`, in the order in which they were found.
  Result<std::vector<PassedOver>> next(Session& session, std::int64_t after, int most) const;
  std::string as_query() const;  // for BatchSql::remaining

  // --- each in a transaction of its own ---
  // `bad` has an address. False, and nothing recorded: there would be more than `most`, over all workers and runs.
  Result<bool> record(Session& session, const Fence& fence, const Chunk& chunk, const BadRow& bad,
                      std::int64_t most) const;
  // Sets the row at this address, if one matches, counts it, and takes it from the record unless it is refused again.
  Result<Alone> set_alone(Session& session, const Fence& fence, const BatchSql& sql, const BatchLimits& limits,
                          const PassedOver& row) const;

 private:
  Params with_key(Params more = {}) const;
  // Drops from the record what is not at its address any more.
  Result<void> forget_moved(Session& session, const Chunk& chunk) const;

  StepKey key_;
  std::int64_t table_;
};

}  // namespace pgphase
