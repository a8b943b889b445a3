// After all pages were visited: is a row left? Then they are visited again, as a sweep.
#include <utility>

#include "phases/backfill/errors.hpp"
#include "phases/backfill/holders.hpp"
#include "phases/backfill/marker.hpp"
#include "phases/backfill/run.hpp"
#include "phases/postgres/sqlstate.hpp"

namespace pgphase {
namespace {

using Kind = BackfillTick::Kind;

constexpr int k_most_passes = 20;      // sweeps of one run
constexpr int k_most_idle_passes = 3;  // that change nothing although rows match
constexpr int k_most_named = 3;        // rows that were passed over, in the error
constexpr int k_most_remaining = 100;  // rows looked for when the whole table is checked

}  // namespace

Result<BackfillTick> BackfillRun::Impl::all_visited(Session& session) {
  if (!nothing_left) {
    // One statement, so one snapshot: a walk by windows can miss a row that an application moves from a page ahead to a
    // page behind, and no number of walks would prove that none is left.
    auto snapshot = Transaction::begin(session, "backfill.check",
                                       "SET LOCAL jit = off;" + set_local_ms("statement_timeout", k_long_deadline) +
                                           ";" + set_local_ms("lock_timeout", batch_limits(settings.batch_time, session.deadlock_timeout()).lock_timeout) + ";");
    if (!snapshot) return snapshot.error();
    PGPHASE_TRY(bad_rows, work->bad_rows.count(session));
    const auto found = session.query(
        work->sql.remaining(k_most_remaining, bad_rows > 0 ? work->bad_rows.as_query() : std::string()));
    snapshot->rollback();
    if (!found && found.error().sqlstate == sqlstate::lock_not_available) {
      auto blocked = tick(Kind::blocked);
      blocked.blocked_by = relation_held(found.error(), work->body.table.name, relation_holders(session, work->target.oid));
      return blocked;
    }
    if (!found) return check_failed(session, found.error());
    if ((*found)[0].integer(1) > 0) return marker_unknown(work->target, (*found)[0].integer(1), row.marker);
    if ((*found)[0].integer(0) > 0) return sweep_again(session, (*found)[0].integer(0));
    if (bad_rows > 0) {
      PGPHASE_TRY(first, work->bad_rows.next(session, 0, k_most_named));
      return bad_rows_left(work->target, work->key, first, bad_rows);
    }
    nothing_left = true;
  }
  if (!row.marker.empty()) {
    PGPHASE_TRY(attempt, drop_marker(session, work->fence, settings.locks, work->body.table, row.marker, [this](Session& inside) {
                  if (auto entered = work->store.enter(inside, Stage::cleanup); !entered) return entered;
                  return work->store.forget_marker(inside);
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

// A row that came meanwhile and whose data the expression cannot take: a sweep finds out which.
Result<BackfillTick> BackfillRun::Impl::check_failed(Session& session, const Error& error) {
  if (error.code != Errc::sql) return error;
  if (error.sqlstate == sqlstate::query_canceled) return check_cancelled(error);
  PGPHASE_TRY(newest, work->bad_rows.newest(session));
  if (check_failed_at && *check_failed_at == newest) return check_refused(error, work->target, work->key);
  check_failed_at = newest;
  return sweep_again(session, 1);
}

Result<BackfillTick> BackfillRun::Impl::sweep_again(Session& session, std::int64_t found) {
  PGPHASE_TRY(newest, work->bad_rows.newest(session));
  if (row.pass > 0 && passes > 0) {
    PGPHASE_TRY(changed, work->store.rows_of_pass(session, row.pass));
    idle_passes = changed == 0 && newest == newest_bad_row ? idle_passes + 1 : 0;
  }
  newest_bad_row = newest;
  if (idle_passes >= k_most_idle_passes) return update_suppressed(work->target, work->key, found, k_most_remaining);
  if (passes >= k_most_passes) return never_ending(work->target, work->key, found, k_most_remaining, passes);
  if (!row.marker.empty()) PGPHASE_CHECK(check_marker(session, work->target, row.marker));

  auto transaction = begin_fenced(session, work->fence, "backfill.sweep");
  if (!transaction) return transaction.error();
  PGPHASE_CHECK(work->store.start_pass(session, row.pass + 1, settings.workers));
  PGPHASE_CHECK(transaction->commit());
  bad_rows_tried = false;
  ++row.pass;
  ++passes;
  row.stage = Stage::sweep;
  return tick(Kind::more);
}

}  // namespace pgphase
