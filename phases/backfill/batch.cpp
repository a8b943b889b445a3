#include "phases/backfill/batch.hpp"

#include <fmt/format.h>

#include <algorithm>

#include "phases/ledger/ledger.hpp"
#include "phases/postgres/sqlstate.hpp"
#include "phases/sync/function.hpp"
#include "plans/sql/quote.hpp"

namespace pgphase {
namespace {

using std::chrono::milliseconds;
using Clock = std::chrono::steady_clock;
using Kind = BatchOutcome::Kind;

// A client that is frozen, or that nobody can reach, must not keep its rows locked; one that only has little of a busy
// machine must not lose its session for it.
constexpr milliseconds k_frozen{2000};

// The checkpoint commits with the rows, so a crash of the server loses both or neither: no need to wait for the disk.
// A batch is short: compiling it, or starting workers for it, costs more than it gains.
std::string settings_of(const BatchLimits& limits) {
  return "SET LOCAL synchronous_commit = off; SET LOCAL jit = off; SET LOCAL max_parallel_workers_per_gather = 0;" +
         set_local_ms("lock_timeout", limits.lock_timeout) + ";" +
         set_local_ms("statement_timeout", limits.statement_timeout) + ";" +
         set_local_ms("idle_in_transaction_session_timeout", k_frozen) + ";" +
         (limits.sets_as.empty() ? std::string()
                                 : fmt::format("SET LOCAL {} = {};", k_backfill_flag, quote_literal(limits.sets_as)));
}

// In front of the UPDATE, in the same round trip. With the lock that it takes itself, nobody can make a trigger between
// the look and the UPDATE. tgtype: ROW 1, BEFORE 2, UPDATE 16.
std::string without_triggers(const Chunk& chunk) {
  return fmt::format(
      "LOCK TABLE ONLY {} IN ROW EXCLUSIVE MODE; "
      "SELECT set_config({}, CASE WHEN EXISTS (SELECT FROM pg_trigger t JOIN pg_proc p ON p.oid = t.tgfoid "
      "WHERE t.tgrelid = {} AND t.tgtype & 19 = 19 AND t.tgenabled <> 'D' "
      "AND p.pronamespace IS DISTINCT FROM to_regnamespace('pgphase')::oid) THEN 'off' ELSE 'on' END, true); ",
      chunk.leaf, quote_literal(k_backfill_alone), chunk.relation);
}

}  // namespace

BatchLimits batch_limits(milliseconds batch_time, milliseconds deadlock_timeout) {
  const auto most = std::max(deadlock_timeout * 9 / 10, milliseconds(1));
  return {std::min(std::max(batch_time, milliseconds(50)), most),
          std::min(std::max(batch_time / 10, milliseconds(10)), most),
          std::min(std::max(batch_time * 5, milliseconds(500)), most),
          {}};
}

Result<BatchOutcome> outcome_of(const Error& error, BatchOutcome outcome, const BatchLimits& limits) {
  if (error.code != Errc::sql) return error;
  outcome.error = error;
  if (error.sqlstate == sqlstate::lock_not_available) {
    outcome.kind = Kind::locked;
  } else if (error.sqlstate == sqlstate::deadlock_detected || error.sqlstate == sqlstate::serialization_failure) {
    outcome.kind = Kind::conflict;
  } else if (error.sqlstate == sqlstate::query_canceled) {
    // One SQLSTATE for both, and a text in the server's language: only the time tells a timeout from a cancel.
    if (outcome.elapsed < limits.statement_timeout * 9 / 10) {
      auto cancelled = error;
      cancelled.code = Errc::cancelled;
      cancelled.message = "the batch was cancelled: " + error.message;
      cancelled.next =
          "Nothing of that batch was kept; the batches before it are, and the next run goes on from there.";
      return cancelled;
    }
    outcome.kind = Kind::too_slow;
  } else {
    outcome.kind = Kind::bad_data;
  }
  return outcome;
}

Result<Transaction> begin_batch(Session& session, const Fence& fence, std::string label, const BatchLimits& limits) {
  return begin_fenced(session, fence, std::move(label), settings_of(limits));
}

Result<BatchOutcome> run_batch(Session& session, const Fence& fence, const ChunkStore& store,
                               const BatchSql& sql, const BatchLimits& limits, const Batch& batch) {
  BatchOutcome outcome;
  auto statement_began = Clock::now();
  const auto began = statement_began;
  const auto fail = [&](const Error& error) {
    outcome.elapsed = Clock::now() - statement_began;
    return outcome_of(error, outcome, limits);
  };
  const auto next_statement = [&] { statement_began = Clock::now(); };

  Rows answer;
  auto transaction = begin_fenced_asking(session, fence, "backfill.chunk", settings_of(limits),
                                         ChunkStore::question(batch.chunk), answer);
  if (!transaction) return fail(transaction.error());
  HotCount before;
  if (const auto claim = ChunkStore::answer(answer, before); claim != Claim::held) {
    outcome.kind = claim == Claim::moved ? Kind::moved : Kind::rewritten;
    return outcome;
  }

  const auto& leaf = batch.chunk.leaf;
  next_statement();
  auto statement = limits.alone ? without_triggers(batch.chunk) : std::string();
  const bool waits = batch.row_locks == RowLocks::wait;
  const bool unseen = waits && !batch.looks_again;
  if (waits) statement += set_local_ms("lock_timeout", limits.row_lock_timeout) + "; ";
  statement += unseen  ? sql.update_unseen(leaf, batch.part())
               : waits ? sql.update(leaf, batch.part())
                       : sql.update_unlocked(leaf, batch.part());
  const auto updated = session.script(statement);
  if (!updated) return fail(updated.error());
  outcome.rows = unseen ? updated->affected : (*updated)[0].integer(0);
  outcome.again = unseen ? 0 : (*updated)[0].integer(1);
  if (outcome.again > 0) {
    outcome.kind = Kind::bad_data;
    return outcome;
  }
  if (batch.row_locks == RowLocks::skip) {
    next_statement();
    const auto left = session.query(sql.count(leaf, batch.part()));
    if (!left) return fail(left.error());
    outcome.left = (*left)[0].integer(0);
  }
  outcome.advanced = batch.rows.empty() && (outcome.left == 0 || !batch.stay_while_rows_are_left);

  next_statement();
  const auto to = outcome.advanced ? batch.chunk.moved_to(batch.pages.end) : batch.chunk;
  const auto moved = store.move(session, to, outcome.rows, fence);
  if (!moved) return fail(moved.error());
  outcome.hot = {moved->updated - before.updated, moved->hot - before.hot};
  if (to.done) {
    if (auto told = store.tell_rows(session); !told) return fail(told.error());
  }
  next_statement();
  if (auto committed = transaction->commit(); !committed) return fail(committed.error());
  outcome.elapsed = Clock::now() - began;
  return outcome;
}

}  // namespace pgphase
