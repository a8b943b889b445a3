// One batch: a window of pages set in one transaction, together with the checkpoint that says so. The chunk's row is
// locked and compared first: a COMMIT that the server still executes for a client which is gone makes its successor
// wait here, and then see that the window is done. Blocking; same threading as the Session.
#pragma once

#include <chrono>

#include "phases/backfill/chunk_store.hpp"
#include "phases/ledger/lease.hpp"

namespace pgphase {

enum class RowLocks {
  wait,  // up to the lock timeout
  skip,  // pass over rows that somebody holds, and tell how many match still
};

struct BatchLimits {
  std::chrono::milliseconds lock_timeout;      // of the leaf and the checkpoint
  std::chrono::milliseconds row_lock_timeout;  // so long the rows that are set already wait with us for one that is held
  std::chrono::milliseconds statement_timeout;
  std::string sets_as = {};  // what triggers of ours know these writes by (k_backfill_flag), or empty
  bool alone = false;        // BackfillSigns::alone
};
// From the time that a batch should last. Always below the server's deadlock_timeout: otherwise the application would
// be the victim of a deadlock with us.
BatchLimits batch_limits(std::chrono::milliseconds batch_time, std::chrono::milliseconds deadlock_timeout);

struct Batch {
  Chunk chunk;
  PageRange pages;
  std::vector<std::string> rows = {};  // not empty: these of them only, and the position stays where it is
  RowLocks row_locks = RowLocks::wait;
  bool looks_again = true;                // whether rows still match when they are set; with RowLocks::skip it always does
  bool stay_while_rows_are_left = false;  // the position moves on only when nothing in the window matches any more

  Part part() const { return rows.empty() ? Part(pages, {chunk.stripe, chunk.stripes}) : Part(rows); }
};

struct BatchOutcome {
  enum class Kind {
    committed,
    moved,      // the checkpoint is not where we thought; nothing was done
    rewritten,  // the relation has a new file; nothing was done
    locked,     // a lock was not granted in time; nothing was done
    too_slow,   // the statement timeout; nothing was done
    conflict,   // a deadlock or a serialization failure; nothing was done
    bad_data,   // PostgreSQL refused the UPDATE: `error`; nothing was done
  } kind = Kind::committed;
  std::int64_t rows = 0;   // set
  std::int64_t again = 0;  // bad_data without an error: rows that still match after they were set
  std::int64_t left = 0;   // RowLocks::skip: rows that match still
  HotCount hot;            // of the rows set
  bool advanced = true;
  std::chrono::duration<double, std::milli> elapsed{0};
  Error error;
};

// An Error is one that no other window could get around: the session is gone, the lease is lost, somebody cancelled us.
Result<BatchOutcome> run_batch(Session& session, const Fence& fence, const ChunkStore& store,
                               const BatchSql& sql, const BatchLimits& limits, const Batch& batch);

// What a statement that failed after `elapsed` means for a batch.
Result<BatchOutcome> outcome_of(const Error& error, BatchOutcome so_far, const BatchLimits& limits);

// The transaction in which a failed batch is looked at again, with the settings of one. Rolls back unless committed.
Result<Transaction> begin_batch(Session& session, const Fence& fence, std::string label, const BatchLimits& limits);

}  // namespace pgphase
