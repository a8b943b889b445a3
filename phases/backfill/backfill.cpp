#include "phases/backfill/backfill.hpp"

#include <fmt/format.h>

#include <utility>

#include "phases/backfill/errors.hpp"
#include "phases/backfill/marker.hpp"
#include "phases/backfill/run.hpp"
#include "phases/ledger/ledger.hpp"
#include "phases/old_values/old_values.hpp"
#include "phases/sync/links.hpp"

namespace pgphase {
namespace {

using Kind = BackfillTick::Kind;

}  // namespace

BackfillRun::BackfillRun(std::unique_ptr<Impl> impl) : impl_(std::move(impl)) {}
BackfillRun::~BackfillRun() = default;
Result<BackfillTick> BackfillRun::advance(Session& session) {
  return impl_->advance(session);
}

Result<std::unique_ptr<BackfillRun>> BackfillRun::open(Session& session, const Fence& fence, StepKey key,
                                                       const BackfillBody& body, const BackfillSettings& settings) {
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
  std::string also;
  std::string sets_as = settings.sets_as;
  if (!body.keep_step.empty()) {
    PGPHASE_TRY(room, old_values_of(session, {key.plan, key.phase, body.keep_step}));
    if (!room) return room_gone(key, body.keep_step);
    also = keep_assignments(*room);
    sets_as = room->key();
  }
  std::unique_ptr<Impl> impl(new Impl{
      .fence = fence,
      .key = key,
      .body = body,
      .settings = settings,
      .target = target,
      .store = ChunkStore(key, target.oid),
      .also = also,
      .sql = ended ? std::nullopt : std::optional<BatchSql>(std::in_place, row.todo, body, target, row.marker, also),
      .limits = batch_limits(settings.batch_time, session.deadlock_timeout()),
      .pacing = Pacing(settings.batch_time),
      .begun = known.has_value(),
      .row = row,
      .progress = {},
  });
  impl->limits.sets_as = sets_as;
  if (!body.link_step.empty()) {
    PGPHASE_TRY(link, link_of(session, {impl->key.plan, Phase::additive, body.link_step}));
    if (!link) return link_gone(impl->key, body.link_step);
    impl->limits.sets_as = link->link.key;
  }
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
  progress.seconds = seconds_before + std::chrono::duration<double>(std::chrono::steady_clock::now() - opened).count();
  return {kind, std::chrono::milliseconds(0), {}, progress, std::exchange(notes, {})};
}

Result<void> BackfillRun::Impl::refresh_progress(Session& session) {
  PGPHASE_TRY(records, read_backfills(session, key.plan));
  progress = {};
  progress.step = key.step;
  for (const auto& record : records[key.plan]) {
    if (record.step == key.step) progress = record;
  }
  seconds_before = progress.seconds;
  opened = std::chrono::steady_clock::now();
  return {};
}

Result<BackfillTick> BackfillRun::Impl::prepare(Session& session) {
  PGPHASE_TRY(estimate, estimate_rows(session, target));
  auto transaction = begin_fenced(session, fence, "backfill.prepare");
  if (!transaction) return transaction.error();
  if (row.todo == Todo::marker) {
    PGPHASE_TRY(name, reserve_marker(session));
    row.marker = name;
    sql.emplace(row.todo, body, target, row.marker, also);
  }
  PGPHASE_CHECK(store.begin(session, row, estimate));
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
