// Windows, one batch a call: what the scan and the sweeps have in common, and where they differ.
#include "phases/backfill/worker.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <utility>

#include "phases/backfill/errors.hpp"
#include "phases/backfill/holders.hpp"
#include "phases/postgres/sqlstate.hpp"

namespace pgphase {
namespace {

using std::chrono::milliseconds;
using Clock = std::chrono::steady_clock;
using Kind = WorkTick::Kind;

constexpr int k_conflicts_before_skip = 3;
constexpr int k_most_slow_pages = 3;
constexpr std::int64_t k_batches_looked_at = 16;  // the first ones, and then one of so many
// Where one row is held there are more, and each would cost the application what we wait for it.
constexpr int k_skips_after_a_lock = 10;
constexpr milliseconds k_longest_pause{5000};

WorkTick tick(Kind kind) {
  WorkTick out;
  out.kind = kind;
  return out;
}

}  // namespace

void Worker::set_speed(milliseconds batch_time, std::optional<int> stripes) {
  if (stripes != settings_.stripes) stripes_ = Stripes(stripes, !work_->target.sets_indexed);
  settings_.stripes = stripes;
  if (batch_time == settings_.batch_time) return;
  settings_.batch_time = batch_time;
  pacing_ = Pacing(batch_time, pacing_.pages());
  row_pacing_ = Pacing(batch_time, row_pacing_.pages());
}

BackfillChoice Worker::choice() const {
  if (work_->scan == Scan::index && !by_pages_) {
    return {Scan::index, 1, row_pacing_.pages(), all_hot_.share(), !work_->target.sets_indexed, horizon_};
  }
  const int stripes = chunk_ ? chunk_->stripes : stripes_.next();
  const auto widest = chunk_ ? widest_window(chunk_->size(), stripes) : pacing_.pages();
  return {Scan::physical, stripes, std::min(pacing_.pages(), widest), all_hot_.share(), !work_->target.sets_indexed,
          horizon_};
}

std::vector<std::string> Worker::take_notes() {
  return std::exchange(notes_, {});
}

BatchLimits Worker::limits(const Session& session) const {
  auto limits = batch_limits(settings_.batch_time, session.deadlock_timeout());
  limits.sets_as = work_->signs.sets_as;
  limits.alone = work_->signs.alone;
  return limits;
}

Result<bool> Worker::claim(Session& session, int pass) {
  auto transaction = begin_fenced(session, work_->fence, "backfill.claim", "SET LOCAL synchronous_commit = off;");
  if (!transaction) return transaction.error();
  const int stripes = pass == 0 && work_->scan == Scan::physical ? stripes_.next() : 1;
  PGPHASE_TRY(claimed, work_->store.claim(session, work_->fence, pass, stripes));
  PGPHASE_CHECK(transaction->commit());
  chunk_ = std::move(claimed);
  later_stripes_ = {};
  harvest_ = {};
  by_pages_ = false;
  passed_over_.clear();
  stop_before_.reset();
  if (chunk_) {
    PGPHASE_TRY(known, work_->bad_rows.addresses(session, chunk_->relation, {chunk_->first_page, chunk_->end_page}));
    passed_over_ = known;
  }
  return chunk_.has_value();
}

Result<WorkTick> Worker::advance(Session& session, int pass) {
  if (!chunk_) {
    PGPHASE_TRY(claimed, claim(session, pass));
    if (!claimed) return tick(Kind::idle);
    if (chunk_->leaf.empty() || chunk_->rewritten) return leaf_changed(session, pass, *chunk_);
  }
  if (by_index()) {
    PGPHASE_TRY(instead, gather(session, pass));
    if (instead) return *instead;
  }
  auto batch = next_batch(pass);
  const bool skip = batch.row_locks == RowLocks::skip;
  const auto with = limits(session);
  const auto passing_over = passed_over_in(batch);
  const auto sql = passing_over.empty() ? work_->sql : work_->sql.passing_over(passing_over);
  PGPHASE_TRY(outcome, run_batch(session, work_->fence, work_->store, sql, with, batch));
  if (outcome.kind != BatchOutcome::Kind::locked || skip) return after_batch(session, pass, batch, outcome);
  skip_for_ = k_skips_after_a_lock;
  batch.row_locks = RowLocks::skip;
  PGPHASE_TRY(second, run_batch(session, work_->fence, work_->store, sql, with, batch));
  return after_batch(session, pass, batch, second);
}

Batch Worker::next_batch(int pass) const {
  Batch batch;
  batch.chunk = *chunk_;
  if (by_index()) {
    batch.pages = {chunk_->first_page, chunk_->end_page};
    batch.rows = harvest_.first(row_pacing_.pages());
  } else {
    const auto widest = std::min(pacing_.pages(), widest_window(chunk_->size(), chunk_->stripes));
    batch.pages = {chunk_->position, std::min(chunk_->position + widest, chunk_->end_page)};
    if (stop_before_) batch.pages.end = std::min(batch.pages.end, *stop_before_);
  }
  batch.stay_while_rows_are_left = pass > 0;
  // A `where` that stays true, or a trigger that takes the value back, shows in the first batches; of single rows the
  // check at the end and the sweep after it tell. To look at every row once more would cost a tenth of the time.
  batch.looks_again = pass > 0 || committed_batches_ < k_batches_looked_at || committed_batches_ % k_batches_looked_at == 0;
  // Waiting for a row in the lock queue makes others wait behind us: not again for rows known to be held.
  const bool skip =
      conflicts_ >= k_conflicts_before_skip || skip_for_ > 0 || (rows_held_since_ && holders_seen_);
  batch.row_locks = skip ? RowLocks::skip : RowLocks::wait;
  return batch;
}

Result<WorkTick> Worker::after_batch(Session& session, int pass, const Batch& batch, const BatchOutcome& outcome) {
  switch (outcome.kind) {
    case BatchOutcome::Kind::committed:
      return committed(session, pass, batch, outcome);
    case BatchOutcome::Kind::moved: {
      chunk_.reset();
      auto moved = tick(Kind::more);
      moved.recount = true;
      return moved;
    }
    case BatchOutcome::Kind::rewritten:
      return leaf_changed(session, pass, batch.chunk);
    case BatchOutcome::Kind::locked: {
      auto blocked = tick(Kind::blocked);
      auto holders = relation_holders(session, batch.chunk.relation);
      if (holders.empty())
        holders = row_holders(session, work_->sql.passing_over(passed_over_in(batch)), batch.chunk.leaf, batch.part());
      blocked.blocked_by = relation_held(outcome.error, batch.chunk.leaf, holders);
      return blocked;
    }
    case BatchOutcome::Kind::too_slow: {
      const bool narrowest = batch.rows.empty() ? batch.pages.size() == 1 : batch.rows.size() == 1;
      if (narrowest && ++slow_pages_ >= k_most_slow_pages) {
        return page_too_slow(batch, limits(session), work_->key);
      }
      (batch.rows.empty() ? pacing_ : row_pacing_).timed_out();
      return tick(Kind::more);
    }
    case BatchOutcome::Kind::conflict: {
      if (++conflicts_ >= k_most_conflicts) return outcome.error;
      auto again = tick(Kind::wait);
      again.pause = k_first_pause * conflicts_;
      again.blocked_by = outcome.error;
      return again;
    }
    case BatchOutcome::Kind::bad_data:
      break;
  }
  if (outcome.again > 0) return still_matching(work_->todo, outcome, batch, work_->key);
  if (outcome.error.sqlstate == sqlstate::undefined_table && ++conflicts_ < k_most_conflicts) {
    chunk_.reset();  // a partition that was dropped or renamed at this moment: its name is read anew
    return tick(Kind::more);
  }
  return refused(session, batch, outcome.error);
}

Result<WorkTick> Worker::committed(Session& session, int pass, const Batch& batch, const BatchOutcome& outcome) {
  conflicts_ = slow_pages_ = 0;
  ++committed_batches_;
  skip_for_ = outcome.left > 0 ? k_skips_after_a_lock : std::max(0, skip_for_ - 1);
  if (!batch.rows.empty()) return committed_rows(session, pass, batch, outcome);
  if (outcome.advanced) stop_before_.reset();
  // Held back by the width that stripes allow, a batch tells nothing about a wider one.
  if (batch.pages.size() >= pacing_.pages() || outcome.elapsed > settings_.batch_time) {
    pacing_.took(batch.pages.size(), outcome.elapsed);
  }
  all_hot_ += outcome.hot;
  if (batch.chunk.stripe > 0) later_stripes_ += outcome.hot;
  if (!outcome.advanced) {
    auto waiting = wait_for_rows(session, batch, outcome.left);
    if (waiting) waiting->rows = outcome.rows;
    return waiting;
  }
  rows_held_since_.reset();
  auto more = tick(Kind::more);
  more.worked = outcome.elapsed;
  more.rows = outcome.rows;
  more.pages = static_cast<double>(batch.pages.size()) / batch.chunk.stripes;
  chunk_ = batch.chunk.moved_to(batch.pages.end);
  if (chunk_->done) {
    chunk_done(session, *chunk_);
    chunk_.reset();
  }
  tell_of_locks(session, batch, outcome.left);
  return more;
}

void Worker::tell_of_locks(Session& session, const Batch& batch, std::int64_t left) {
  if (left == 0 || std::exchange(told_of_locks_, true)) return;
  const auto holders =
      row_holders(session, work_->sql.passing_over(passed_over_in(batch)), batch.chunk.leaf, batch.part());
  notes_.push_back(rows_held(left, batch, holders).message + "; rows that are locked are left for the sweep");
}

void Worker::chunk_done(Session& session, const Chunk& chunk) {
  const bool first = stripes_.walked(chunk.stripes, later_stripes_);
  if (stripes_.next() > 1) horizon_.clear();
  if (!first) return;
  const auto who = horizon_ = horizon_holder(session);
  notes_.push_back(
      fmt::format("only {:.0f} % of the rows could be updated on their page, because dead rows cannot be "
                  "removed{}; pages are walked once until that is over",
                  later_stripes_.share() * 100, who.empty() ? "" : ": " + who));
}

Result<WorkTick> Worker::wait_for_rows(Session& session, const Batch& batch, std::int64_t left) {
  const auto now = Clock::now();
  if (!rows_held_since_) {
    rows_held_since_ = now;
    held_pause_ = k_first_pause;
  } else {
    held_pause_ = std::min(held_pause_ * 2, k_longest_pause);
  }
  const auto holders =
      row_holders(session, work_->sql.passing_over(passed_over_in(batch)), batch.chunk.leaf, batch.part());
  holders_seen_ = !holders.empty();
  auto held = rows_held(left, batch, holders);
  const auto budget_left = std::chrono::duration_cast<milliseconds>(settings_.locks.budget - (now - *rows_held_since_));
  if (budget_left <= milliseconds(0)) return held;
  auto waiting = tick(Kind::wait);
  waiting.pause = std::min(held_pause_, budget_left);
  waiting.blocked_by = std::move(held);
  return waiting;
}

// A leaf that was rewritten (VACUUM FULL, CLUSTER) has its rows elsewhere: it is visited from its first page again,
// where rows that are done do not match. One that was dropped or detached is not visited any more.
Result<WorkTick> Worker::leaf_changed(Session& session, int pass, const Chunk& changed) {
  chunk_.reset();
  auto transaction = begin_fenced(session, work_->fence, "backfill.rescan");
  if (!transaction) return transaction.error();
  if (changed.leaf.empty()) {
    PGPHASE_CHECK(work_->store.finish_leaf(session, changed.relation, pass));
    notes_.push_back(fmt::format("a partition of {} was dropped or detached meanwhile: it is not visited any more",
                                 work_->body.table.name));
  } else {
    PGPHASE_TRY(begun_anew, work_->store.replace_leaf(session, changed.relation, pass, settings_.workers));
    if (begun_anew) {
      notes_.push_back(fmt::format(
          "{} was rewritten meanwhile: its scan starts again; rows that are done are not set again", changed.leaf));
    }
  }
  PGPHASE_CHECK(transaction->commit());
  auto more = tick(Kind::more);
  more.recount = true;
  return more;
}

}  // namespace pgphase
