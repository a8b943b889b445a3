#include "phases/backfill/backfill.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <utility>

#include "phases/backfill/errors.hpp"
#include "phases/backfill/marker.hpp"
#include "phases/backfill/run.hpp"
#include "phases/ledger/ledger.hpp"

namespace pgphase {
namespace {

using Kind = BackfillTick::Kind;

constexpr std::chrono::milliseconds k_look_at_others{50};  // who still have chunks of this pass at work
constexpr std::chrono::seconds k_count_again{1};           // what others have done meanwhile

}  // namespace

BackfillRun::BackfillRun(std::unique_ptr<Impl> impl) : impl_(std::move(impl)) {}
BackfillRun::~BackfillRun() = default;
Result<BackfillTick> BackfillRun::advance(Session& session) {
  return impl_->advance(session);
}

std::int64_t BackfillRun::table() const {
  return impl_->work->target.oid;
}

void BackfillRun::set_speed(std::chrono::milliseconds batch_time, std::optional<int> stripes) {
  impl_->settings.batch_time = batch_time;
  impl_->settings.stripes = stripes;
  if (impl_->worker) impl_->worker->set_speed(batch_time, stripes);
}

void BackfillRun::set_max_bad_rows(std::int64_t most) {
  impl_->settings.max_bad_rows = most;
  if (impl_->worker) impl_->worker->set_max_bad_rows(most);
}

std::shared_ptr<BackfillWork> make_work(const Fence& fence, const StepKey& key, const BackfillBody& body,
                                        const BackfillRow& row, const Target& target, const BackfillSigns& signs) {
  return std::make_shared<BackfillWork>(BackfillWork{fence, key, body, target, ChunkStore(key, target.oid, row.scan),
                                                     BadRows(key, target.oid), row.scan, row.todo,
                                                     row.marker, BatchSql(row.todo, body, target, row.marker, signs.also),
                                                     signs});
}

Result<std::unique_ptr<BackfillRun>> BackfillRun::open(Session& session, const Fence& fence, StepKey key,
                                                       const BackfillBody& body, const BackfillSettings& settings) {
  PGPHASE_TRY(known, ChunkStore(key, 0).load(session));
  Target target;
  BackfillSigns signs;
  BackfillRow row = known.value_or(BackfillRow{});
  ScanChoice scan;
  if (!known || known->stage != Stage::done) {
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
      PGPHASE_TRY(chosen, choose_scan(session, key, target, todo, BatchSql(todo, body, target, {}), settings.scan));
      scan = chosen;
      row.scan = scan.scan;
    } else if (!row.marker.empty() && row.stage != Stage::prepare) {
      PGPHASE_TRY(there, marker_exists(session, target, row.marker));
      if (!there) return marker_gone(target, key, row.marker);
      PGPHASE_CHECK(check_marker(session, target, row.marker));
    }
    PGPHASE_TRY(found, signs_of(session, key, body, settings.sets_as));
    signs = found;
  } else {
    // Nothing is set any more: the columns may be gone by now.
    target.columns.resize(body.set.size());
  }
  std::unique_ptr<Impl> impl(new Impl{
      .work = make_work(fence, key, body, row, target, signs),
      .settings = settings,
      .begun = known.has_value(),
      .row = row,
      .scan = scan,
      .signs = signs,
      .progress = {},
      .retry_from = known ? std::optional<std::int64_t>(0) : std::nullopt,
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

Result<BackfillTick> BackfillRun::Impl::visit(Session& session) {
  if (retry_from) return retry_bad_rows(session);
  if (!worker) worker.emplace(work, settings);
  PGPHASE_TRY(did, worker->advance(session, row.pass));
  for (auto& note : worker->take_notes()) notes.push_back(std::move(note));
  progress.rows_done += did.rows;
  if (row.pass == 0) {
    pages_done += did.pages;
    progress.pages_done = std::min(static_cast<std::int64_t>(pages_done), progress.pages_total);
  }
  const bool counted_long_ago = std::chrono::steady_clock::now() - counted > k_count_again;
  if (did.recount || counted_long_ago || did.kind == WorkTick::Kind::idle) PGPHASE_CHECK(refresh_progress(session));
  switch (did.kind) {
    case WorkTick::Kind::idle: {
      PGPHASE_TRY(left, work->store.any_left(session, row.pass));
      if (!left && !std::exchange(bad_rows_tried, true)) {
        retry_from = 0;
        return tick(Kind::more);
      }
      if (!left) return all_visited(session);
      auto others = tick(Kind::wait);
      others.pause = k_look_at_others;
      return others;
    }
    case WorkTick::Kind::more: {
      auto more = tick(Kind::more);
      more.worked = did.worked;
      return more;
    }
    case WorkTick::Kind::wait:
    case WorkTick::Kind::blocked: {
      auto held = tick(did.kind == WorkTick::Kind::wait ? Kind::wait : Kind::blocked);
      held.pause = did.pause;
      held.blocked_by = did.blocked_by;
      return held;
    }
  }
  return make_error(Errc::bug, "a worker at no tick");
}

BackfillTick BackfillRun::Impl::tick(Kind kind) {
  progress.stage = to_string(row.stage);
  progress.seconds = seconds_before + std::chrono::duration<double>(std::chrono::steady_clock::now() - opened).count();
  BackfillTick out;
  out.kind = kind;
  out.progress = progress;
  if (worker) out.chosen = worker->choice();
  out.notes = std::exchange(notes, {});
  return out;
}

Result<void> BackfillRun::Impl::refresh_progress(Session& session) {
  const auto& key = work->key;
  PGPHASE_TRY(records, read_backfills(session, key.plan));
  progress = {};
  progress.step = key.step;
  for (const auto& record : records[key.plan]) {
    if (record.step == key.step) progress = record;
  }
  pages_done = static_cast<double>(progress.pages_done);
  seconds_before = progress.seconds;
  opened = counted = std::chrono::steady_clock::now();
  return {};
}

Result<BackfillTick> BackfillRun::Impl::prepare(Session& session) {
  PGPHASE_TRY(all_rows, estimate_rows(session, work->target));
  const auto estimate = row.scan == Scan::index ? scan.rows : all_rows;
  auto transaction = begin_fenced(session, work->fence, "backfill.prepare");
  if (!transaction) return transaction.error();
  if (row.todo == Todo::marker) {
    PGPHASE_TRY(name, reserve_marker(session));
    row.marker = name;
    work = make_work(work->fence, work->key, work->body, row, work->target, signs);
  }
  PGPHASE_CHECK(work->store.begin(session, row, estimate));
  if (row.stage == Stage::scan) PGPHASE_CHECK(work->store.start_pass(session, 0, settings.workers));
  PGPHASE_CHECK(transaction->commit());
  begun = true;
  PGPHASE_CHECK(refresh_progress(session));
  if (!scan.why.empty()) notes.push_back(scan.why);
  if (row.todo == Todo::marker && work->body.todo != Todo::marker) {
    notes.push_back("the expression gives another value each time: a marker column keeps it from being applied twice");
  }
  return tick(Kind::more);
}

Result<BackfillTick> BackfillRun::Impl::bring_marker(Session& session) {
  PGPHASE_TRY(there, marker_exists(session, work->target, row.marker));
  if (there) {
    PGPHASE_CHECK(check_marker(session, work->target, row.marker));
    auto transaction = begin_fenced(session, work->fence, "backfill.prepare");
    if (!transaction) return transaction.error();
    PGPHASE_CHECK(work->store.start_pass(session, 0, settings.workers));
    PGPHASE_CHECK(transaction->commit());
    notes.push_back(
        fmt::format("the marker column {} is still there: rows that were set before are not set again", row.marker));
  } else {
    PGPHASE_TRY(attempt, add_marker(session, work->fence, settings.locks, work->body.table, row.marker,
                                    [this](Session& inside) { return work->store.start_pass(inside, 0, settings.workers); }));
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

Result<BackfillTick> BackfillRun::Impl::finish(Session& session) {
  // Not a batch: it waits for the disk, and with it everything that batches committed before.
  auto transaction = begin_fenced(session, work->fence, "backfill.finish");
  if (!transaction) return transaction.error();
  PGPHASE_CHECK(work->store.enter(session, Stage::done));
  PGPHASE_CHECK(work->store.tell_rows(session));
  PGPHASE_CHECK(transaction->commit());
  row.stage = Stage::done;
  PGPHASE_CHECK(refresh_progress(session));  // others may have set the last rows
  return tick(Kind::done);
}

}  // namespace pgphase
