// Windows, one batch a call: what the scan and the sweeps have in common, and where they differ.
#include <fmt/format.h>

#include <algorithm>
#include <utility>

#include "phases/backfill/errors.hpp"
#include "phases/backfill/holders.hpp"
#include "phases/backfill/run.hpp"
#include "phases/postgres/sqlstate.hpp"

namespace pgphase {
namespace {

using std::chrono::milliseconds;
using Clock = std::chrono::steady_clock;
using Kind = BackfillTick::Kind;

constexpr int k_most_conflicts = 10;  // one after another, without a batch that committed
constexpr int k_conflicts_before_skip = 3;
constexpr int k_most_slow_pages = 3;
constexpr milliseconds k_first_pause{100}, k_longest_pause{5000};

}  // namespace

Result<BackfillTick> BackfillRun::Impl::visit(Session& session) {
  if (!chunk) {
    PGPHASE_TRY(next, store.next(session, row.pass));
    if (!next) return all_visited(session);
    if (next->leaf.empty() || next->rewritten) return leaf_changed(session, *next);
    chunk = next;
  }
  Batch batch;
  batch.chunk = *chunk;
  batch.pages = {chunk->position, std::min(chunk->position + pacing.pages(), chunk->end_page)};
  batch.stay_while_rows_are_left = row.stage == Stage::sweep;
  batch.rows_before = progress.rows_done;
  // Waiting for a row in the lock queue makes others wait behind us: not again for rows known to be held.
  const bool skip = conflicts >= k_conflicts_before_skip || (rows_held_since && holders_seen);
  batch.row_locks = skip ? RowLocks::skip : RowLocks::wait;

  PGPHASE_TRY(outcome, run_batch(session, fence, key, store, *sql, limits, batch));
  if (outcome.kind != BatchOutcome::Kind::locked || skip) return after_batch(session, batch, outcome);
  batch.row_locks = RowLocks::skip;
  PGPHASE_TRY(second, run_batch(session, fence, key, store, *sql, limits, batch));
  return after_batch(session, batch, second);
}

Result<BackfillTick> BackfillRun::Impl::after_batch(Session& session, const Batch& batch, const BatchOutcome& outcome) {
  switch (outcome.kind) {
    case BatchOutcome::Kind::committed:
      return committed(session, batch, outcome);
    case BatchOutcome::Kind::moved: {
      chunk.reset();
      PGPHASE_CHECK(refresh_progress(session));
      return tick(Kind::more);
    }
    case BatchOutcome::Kind::rewritten:
      return leaf_changed(session, batch.chunk);
    case BatchOutcome::Kind::locked: {
      auto blocked = tick(Kind::blocked);
      auto holders = relation_holders(session, batch.chunk.relation);
      if (holders.empty()) holders = row_holders(session, *sql, batch.chunk.leaf, batch.pages);
      blocked.blocked_by = relation_held(outcome.error, batch.chunk.leaf, holders);
      return blocked;
    }
    case BatchOutcome::Kind::too_slow: {
      if (batch.pages.size() == 1 && ++slow_pages >= k_most_slow_pages) return page_too_slow(batch, limits, key);
      pacing.timed_out();
      return tick(Kind::more);
    }
    case BatchOutcome::Kind::conflict: {
      if (++conflicts >= k_most_conflicts) return outcome.error;
      auto again = tick(Kind::wait);
      again.pause = k_first_pause * conflicts;
      again.blocked_by = outcome.error;
      return again;
    }
    case BatchOutcome::Kind::bad_data:
      break;
  }
  if (outcome.again > 0) return still_matching(row.todo, outcome, batch, key);
  if (outcome.error.sqlstate == sqlstate::undefined_table && ++conflicts < k_most_conflicts) {
    chunk.reset();  // a partition that was dropped or renamed at this moment: its name is read anew
    return tick(Kind::more);
  }
  PGPHASE_TRY(bad, find_bad_row(session, fence, *sql, limits, batch, outcome.error));
  return stopped_at_row(bad, batch.chunk.leaf, key, progress.rows_done);
}

Result<BackfillTick> BackfillRun::Impl::committed(Session& session, const Batch& batch, const BatchOutcome& outcome) {
  conflicts = slow_pages = 0;
  pacing.took(batch.pages.size(), outcome.elapsed);
  progress.rows_done += outcome.rows;
  if (!outcome.advanced) return wait_for_rows(session, batch, outcome.left);
  rows_held_since.reset();
  if (row.pass == 0) progress.pages_done += batch.pages.size();
  chunk->position = batch.pages.end;
  if (chunk->position == chunk->end_page) chunk.reset();
  if (outcome.left > 0 && !std::exchange(told_of_locks, true)) {
    notes.push_back(rows_held(outcome.left, batch, row_holders(session, *sql, batch.chunk.leaf, batch.pages)).message +
                    "; rows that are locked are left for the sweep");
  }
  return tick(Kind::more);
}

Result<BackfillTick> BackfillRun::Impl::wait_for_rows(Session& session, const Batch& batch, std::int64_t left) {
  const auto now = Clock::now();
  if (!rows_held_since) {
    rows_held_since = now;
    held_pause = k_first_pause;
  } else {
    held_pause = std::min(held_pause * 2, k_longest_pause);
  }
  const auto holders = row_holders(session, *sql, batch.chunk.leaf, batch.pages);
  holders_seen = !holders.empty();
  auto held = rows_held(left, batch, holders);
  const auto budget_left = std::chrono::duration_cast<milliseconds>(settings.locks.budget - (now - *rows_held_since));
  if (budget_left <= milliseconds(0)) return held;
  auto waiting = tick(Kind::wait);
  waiting.pause = std::min(held_pause, budget_left);
  waiting.blocked_by = std::move(held);
  return waiting;
}

// A leaf that was rewritten (VACUUM FULL, CLUSTER) has its rows elsewhere: it is visited from its first page again,
// where rows that are done do not match. One that was dropped or detached is not visited any more.
Result<BackfillTick> BackfillRun::Impl::leaf_changed(Session& session, const Chunk& changed) {
  chunk.reset();
  auto transaction = begin_fenced(session, fence, "backfill.rescan");
  if (!transaction) return transaction.error();
  if (changed.leaf.empty()) {
    PGPHASE_CHECK(store.finish_leaf(session, changed.relation, row.pass));
    notes.push_back(fmt::format("a partition of {} was dropped or detached meanwhile: it is not visited any more",
                                body.table.name));
  } else {
    PGPHASE_CHECK(store.replace_leaf(session, changed.relation, row.pass));
    notes.push_back(fmt::format(
        "{} was rewritten meanwhile: its scan starts again; rows that are done are not set again", changed.leaf));
  }
  PGPHASE_CHECK(transaction->commit());
  PGPHASE_CHECK(refresh_progress(session));
  return tick(Kind::more);
}

}  // namespace pgphase
