// Rows that were passed over are tried again: when a run begins, and when all pages were visited. Each in a transaction
// of its own, because one that fails must not hold the others back.
#include "phases/backfill/run.hpp"

namespace pgphase {
namespace {

constexpr int k_at_once = 50;  // between two looks at whether somebody wants us to stop

}  // namespace

Result<BackfillTick> BackfillRun::Impl::retry_bad_rows(Session& session) {
  PGPHASE_TRY(rows, work->bad_rows.next(session, *retry_from, k_at_once));
  if (rows.empty()) {
    retry_from.reset();
    return visit(session);
  }
  const auto began = std::chrono::steady_clock::now();
  auto limits = batch_limits(settings.batch_time, session.deadlock_timeout());
  limits.sets_as = work->signs.sets_as;
  for (const auto& bad : rows) {
    PGPHASE_TRY(alone, work->bad_rows.set_alone(session, work->fence, work->sql, limits, bad));
    if (alone.kind == Alone::Kind::set) ++progress.rows_done;
    retry_from = bad.id;
    if (std::chrono::steady_clock::now() - began > settings.batch_time) break;
  }
  auto more = tick(BackfillTick::Kind::more);
  more.worked = std::chrono::steady_clock::now() - began;
  return more;
}

}  // namespace pgphase
