#include "phases/backfill/backfill.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <utility>

#include "phases/backfill/errors.hpp"
#include "phases/backfill/holders.hpp"
#include "phases/backfill/marker.hpp"
#include "phases/backfill/pacing.hpp"
#include "phases/backfill/progress.hpp"
#include "phases/ledger/ledger.hpp"
#include "phases/postgres/sqlstate.hpp"

namespace pgphase {
namespace {

using std::chrono::milliseconds;
using Clock = std::chrono::steady_clock;
using Kind = BackfillTick::Kind;

constexpr int k_most_passes = 20;      // sweeps of one run
constexpr int k_most_idle_passes = 3;  // that change nothing although rows match
constexpr int k_most_conflicts = 10;   // one after another, without a batch that committed
constexpr int k_conflicts_before_skip = 3;
constexpr int k_most_slow_pages = 3;
constexpr int k_most_remaining = 100;  // rows looked for when the whole table is checked
constexpr milliseconds k_first_pause{100}, k_longest_pause{5000};

}  // namespace

struct BackfillRun::Impl {
  Fence fence;
  StepKey key;
  BackfillBody body;
  BackfillSettings settings;
  Target target;
  ChunkStore store;
  std::optional<BatchSql> sql;  // nothing once the backfill has ended
  BatchLimits limits;
  Pacing pacing;
  bool begun;       // the ledger has a row
  BackfillRow row;  // as the ledger has it, or will have it
  BackfillRecord progress;
  double seconds_before = 0;
  Clock::time_point opened = Clock::now();

  std::optional<Chunk> chunk = {};  // at work
  std::vector<std::string> notes = {};
  int conflicts = 0, slow_pages = 0, passes = 0, idle_passes = 0;
  bool nothing_left = false;  // checked over the whole table in one snapshot
  bool told_of_locks = false;
  std::optional<Clock::time_point> rows_held_since = {};  // a sweep waits for them
  milliseconds held_pause{0};
  bool holders_seen = false;

  Result<BackfillTick> advance(Session& session);
  Result<BackfillTick> prepare(Session& session);
  Result<BackfillTick> bring_marker(Session& session);
  Result<BackfillTick> visit(Session& session);
  Result<BackfillTick> after_batch(Session& session, const Batch& batch, const BatchOutcome& outcome);
  Result<BackfillTick> committed(Session& session, const Batch& batch, const BatchOutcome& outcome);
  Result<BackfillTick> wait_for_rows(Session& session, const Batch& batch, std::int64_t left);
  Result<BackfillTick> leaf_changed(Session& session, const Chunk& changed);
  Result<BackfillTick> all_visited(Session& session);
  Result<BackfillTick> sweep_again(Session& session, std::int64_t found);
  Result<BackfillTick> finish(Session& session);

  Result<void> refresh_progress(Session& session);
  BackfillTick tick(Kind kind);
};

BackfillRun::BackfillRun(std::unique_ptr<Impl> impl) : impl_(std::move(impl)) {}
BackfillRun::~BackfillRun() = default;
Result<BackfillTick> BackfillRun::advance(Session& session) {
  return impl_->advance(session);
}

Result<std::unique_ptr<BackfillRun>> BackfillRun::open(Session& session, const Fence& fence, StepKey key,
                                                       const PhasedPlan&, const BackfillBody& body,
                                                       const BackfillSettings& settings) {
  PGPHASE_TRY(known, ChunkStore(key, 0).load(session));
  const bool ended = known && known->stage == Stage::done;
  Target target;
  BackfillRow row = known.value_or(BackfillRow{});
  if (!ended) {
    PGPHASE_TRY(inspected, inspect_target(session, body));
    target = inspected;
    if (!known) {
      // Compiled first: its error is about the author's own text.
      const BatchSql as_written(body.todo, body, target, {});
      if (auto compiled = session.query(as_written.compile_only()); !compiled) {
        return not_compilable(session, compiled.error(), target, key);
      }
      PGPHASE_TRY(todo, choose_todo(session, target, body));
      row.todo = todo;
      if (todo == Todo::marker) {
        if (target.is_partition) return marker_on_partition(target);
      } else {
        row.stage = Stage::scan;
      }
    } else if (!row.marker.empty() && row.stage != Stage::prepare) {
      PGPHASE_TRY(there, marker_exists(session, target, row.marker));
      if (!there) return marker_gone(target, key, row.marker);
      PGPHASE_CHECK(check_marker(session, target, row.marker));
    }
  }
  std::unique_ptr<Impl> impl(new Impl{
      .fence = fence,
      .key = key,
      .body = body,
      .settings = settings,
      .target = target,
      .store = ChunkStore(key, target.oid),
      .sql = ended ? std::nullopt : std::optional<BatchSql>(std::in_place, row.todo, body, target, row.marker),
      .limits = batch_limits(settings.batch_time, session.deadlock_timeout()),
      .pacing = Pacing(settings.batch_time),
      .begun = known.has_value(),
      .row = row,
      .progress = {},
  });
  PGPHASE_CHECK(impl->refresh_progress(session));
  return std::unique_ptr<BackfillRun>(new BackfillRun(std::move(impl)));
}

Result<BackfillTick> BackfillRun::Impl::advance(Session& session) {
  if (!begun) return prepare(session);
  switch (row.stage) {
    case Stage::prepare:
      return bring_marker(session);
    case Stage::scan:
    case Stage::sweep:
      return visit(session);
    case Stage::cleanup:
      return finish(session);
    case Stage::done:
      return tick(Kind::done);
  }
  return make_error(Errc::bug, "a backfill at no stage");
}

BackfillTick BackfillRun::Impl::tick(Kind kind) {
  progress.stage = to_string(row.stage);
  progress.seconds = seconds_before + std::chrono::duration<double>(Clock::now() - opened).count();
  return {kind, milliseconds(0), {}, progress, std::exchange(notes, {})};
}

Result<void> BackfillRun::Impl::refresh_progress(Session& session) {
  PGPHASE_TRY(records, read_backfills(session, key.plan));
  progress = {};
  progress.step = key.step;
  progress.rows_estimate = target.rows_estimate;
  for (const auto& record : records) {
    if (record.step == key.step) progress = record;
  }
  seconds_before = progress.seconds;
  opened = Clock::now();
  return {};
}

Result<BackfillTick> BackfillRun::Impl::prepare(Session& session) {
  auto transaction = begin_fenced(session, fence, "backfill.prepare");
  if (!transaction) return transaction.error();
  if (row.todo == Todo::marker) {
    PGPHASE_TRY(name, reserve_marker(session));
    row.marker = name;
    sql.emplace(row.todo, body, target, row.marker);
  }
  PGPHASE_CHECK(store.begin(session, row, target.rows_estimate));
  if (row.stage == Stage::scan) PGPHASE_CHECK(store.start_pass(session, 0));
  PGPHASE_CHECK(transaction->commit());
  begun = true;
  PGPHASE_CHECK(refresh_progress(session));
  if (row.todo == Todo::marker && body.todo != Todo::marker) {
    notes.push_back("the expression gives another value each time: a marker column keeps it from being applied twice");
  }
  return tick(Kind::more);
}

Result<BackfillTick> BackfillRun::Impl::bring_marker(Session& session) {
  PGPHASE_TRY(there, marker_exists(session, target, row.marker));
  if (there) {
    PGPHASE_CHECK(check_marker(session, target, row.marker));
    auto transaction = begin_fenced(session, fence, "backfill.prepare");
    if (!transaction) return transaction.error();
    PGPHASE_CHECK(store.start_pass(session, 0));
    PGPHASE_CHECK(transaction->commit());
    notes.push_back(
        fmt::format("the marker column {} is still there: rows that were set before are not set again", row.marker));
  } else {
    PGPHASE_TRY(attempt, add_marker(session, fence, settings.locks, body.table, row.marker,
                                    [this](Session& inside) { return store.start_pass(inside, 0); }));
    if (!attempt.done) {
      auto blocked = tick(Kind::blocked);
      blocked.blocked_by = attempt.blocked;
      return blocked;
    }
  }
  row.stage = Stage::scan;
  PGPHASE_CHECK(refresh_progress(session));
  return tick(Kind::more);
}

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

Result<BackfillTick> BackfillRun::Impl::all_visited(Session& session) {
  if (!nothing_left) {
    // One statement, so one snapshot: a walk by windows can miss a row that an application moves from a page ahead to a
    // page behind, and no number of walks would prove that none is left.
    auto snapshot = Transaction::begin(session, "backfill.check",
                                       "SET LOCAL jit = off;" + set_local_ms("statement_timeout", k_long_deadline) +
                                           ";" + set_local_ms("lock_timeout", limits.lock_timeout) + ";");
    if (!snapshot) return snapshot.error();
    const auto found = session.query(sql->remaining(k_most_remaining));
    snapshot->rollback();
    if (!found && found.error().sqlstate == sqlstate::lock_not_available) {
      auto blocked = tick(Kind::blocked);
      blocked.blocked_by = relation_held(found.error(), body.table.name, relation_holders(session, target.oid));
      return blocked;
    }
    if (!found) return found.error();
    if ((*found)[0].integer(1) > 0) return marker_unknown(target, (*found)[0].integer(1), row.marker);
    if ((*found)[0].integer(0) > 0) return sweep_again(session, (*found)[0].integer(0));
    nothing_left = true;
  }
  if (!row.marker.empty()) {
    PGPHASE_TRY(attempt, drop_marker(session, fence, settings.locks, body.table, row.marker, [this](Session& inside) {
                  if (auto entered = store.enter(inside, Stage::cleanup); !entered) return entered;
                  return store.forget_marker(inside);
                }));
    if (!attempt.done) {
      auto blocked = tick(Kind::blocked);
      blocked.blocked_by = attempt.blocked;
      return blocked;
    }
    row.marker.clear();
  }
  row.stage = Stage::cleanup;
  return tick(Kind::more);
}

Result<BackfillTick> BackfillRun::Impl::sweep_again(Session& session, std::int64_t found) {
  if (row.pass > 0 && passes > 0) {
    PGPHASE_TRY(changed, store.rows_of_pass(session, row.pass));
    idle_passes = changed == 0 ? idle_passes + 1 : 0;
  }
  if (idle_passes >= k_most_idle_passes) return update_suppressed(target, key, found, k_most_remaining);
  if (passes >= k_most_passes) return never_ending(target, key, found, k_most_remaining, passes);
  if (!row.marker.empty()) PGPHASE_CHECK(check_marker(session, target, row.marker));

  auto transaction = begin_fenced(session, fence, "backfill.sweep");
  if (!transaction) return transaction.error();
  PGPHASE_CHECK(store.start_pass(session, row.pass + 1));
  PGPHASE_CHECK(transaction->commit());
  ++row.pass;
  ++passes;
  row.stage = Stage::sweep;
  return tick(Kind::more);
}

Result<BackfillTick> BackfillRun::Impl::finish(Session& session) {
  // Not a batch: it waits for the disk, and with it everything that batches committed before.
  auto transaction = begin_fenced(session, fence, "backfill.finish");
  if (!transaction) return transaction.error();
  PGPHASE_CHECK(store.enter(session, Stage::done));
  PGPHASE_CHECK(step_rows(session, key, progress.rows_done));
  PGPHASE_CHECK(transaction->commit());
  row.stage = Stage::done;
  return tick(Kind::done);
}

}  // namespace pgphase
