// Rows that an index finds, instead of windows of pages. A chunk is a whole leaf then, and its position stays at its
// first page until nothing is left in it: what is done does not match any more, so a successor asks the index again.
#include <fmt/format.h>

#include "phases/backfill/errors.hpp"
#include "phases/backfill/holders.hpp"
#include "phases/backfill/worker.hpp"
#include "phases/ledger/ledger.hpp"

namespace pgphase {
namespace {

using Kind = WorkTick::Kind;

}  // namespace

// A leaf that is visited page by page after all has moved on from its first page, for every worker to see.
bool Worker::by_index() const {
  return work_->scan == Scan::index && !by_pages_ && chunk_->position == chunk_->first_page;
}

Result<std::optional<WorkTick>> Worker::gather(Session& session, int pass) {
  switch (harvest_.next(pass > 0)) {
    case Harvest::Next::set:
      return std::optional<WorkTick>();
    case Harvest::Next::gather:
      return ask_index(session);
    case Harvest::Next::wait: {
      Batch held;
      held.chunk = *chunk_;
      held.pages = {chunk_->first_page, chunk_->end_page};
      held.rows = harvest_.all();
      const auto left = harvest_.held();
      harvest_.waited();
      PGPHASE_TRY(waiting, wait_for_rows(session, held, left));
      return std::optional(waiting);
    }
    case Harvest::Next::through: {
      PGPHASE_TRY(left, leave_leaf(session, pass));
      return std::optional(left);
    }
  }
  return make_error(Errc::bug, "a harvest with nothing next");
}

// Reads only, holds no row, and may take its time, so that it is no part of a batch.
Result<std::optional<WorkTick>> Worker::ask_index(Session& session) {
  auto with = limits(session);
  with.statement_timeout = k_long_deadline;
  const auto began = std::chrono::steady_clock::now();
  auto look = Transaction::begin(session, "backfill.harvest",
                                 std::string(k_by_index_only) + "SET LOCAL jit = off;" +
                                     set_local_ms("lock_timeout", with.lock_timeout) + ";" +
                                     set_local_ms("statement_timeout", with.statement_timeout) + ";");
  if (!look) return look.error();
  const auto found = session.query(work_->sql.harvest(chunk_->leaf, Harvest::k_most, passed_over_));
  look->rollback();
  if (found) {
    std::vector<std::string> addresses;
    addresses.reserve(found->size());
    for (const auto& row : *found) addresses.push_back(row.text(0));
    harvest_.gathered(std::move(addresses));
    return std::optional(WorkTick{});
  }
  BatchOutcome outcome;
  outcome.elapsed = std::chrono::steady_clock::now() - began;
  PGPHASE_TRY(means, outcome_of(found.error(), outcome, with));
  if (means.kind == BatchOutcome::Kind::bad_data) {
    // The condition itself fails on a row, which only a look at each of them can name.
    by_pages_ = true;
    notes_.push_back(
        fmt::format("the rows of {} cannot be found by an index ({}): its pages are visited one after another",
                    chunk_->leaf, means.error.message));
    return std::optional(WorkTick{});
  }
  WorkTick blocked;
  blocked.kind = Kind::blocked;
  blocked.blocked_by = relation_held(means.error, chunk_->leaf, relation_holders(session, chunk_->relation));
  return std::optional(blocked);
}

Result<WorkTick> Worker::leave_leaf(Session& session, int pass) {
  const Chunk chunk = *chunk_;
  chunk_.reset();
  Rows answer;
  auto transaction = begin_fenced_asking(session, work_->fence, "backfill.chunk", "SET LOCAL synchronous_commit = off;",
                                         ChunkStore::question(chunk), answer);
  if (!transaction) return transaction.error();
  HotCount before;
  WorkTick out;
  out.recount = true;
  switch (ChunkStore::answer(answer, before)) {
    case Claim::moved:
      return out;
    case Claim::rewritten:
      transaction->rollback();
      return leaf_changed(session, pass, chunk);
    case Claim::held:
      break;
  }
  PGPHASE_CHECK(work_->store.move(session, chunk.moved_to(chunk.end_page), 0, work_->fence));
  PGPHASE_CHECK(work_->store.tell_rows(session));
  PGPHASE_CHECK(transaction->commit());
  rows_held_since_.reset();
  return out;
}

Result<WorkTick> Worker::committed_rows(Session& session, int pass, const Batch& batch, const BatchOutcome& outcome) {
  row_pacing_.took(static_cast<std::int64_t>(batch.rows.size()), outcome.elapsed);
  harvest_.tried(batch.rows.size(), outcome.rows, outcome.left);
  if (outcome.rows > 0) rows_held_since_.reset();
  if (pass == 0) tell_of_locks(session, batch, outcome.left);
  WorkTick more;
  more.worked = outcome.elapsed;
  more.rows = outcome.rows;
  return more;
}

}  // namespace pgphase
