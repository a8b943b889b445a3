#include "phases/backfill/helper.hpp"

#include <utility>

#include "phases/backfill/run.hpp"

namespace pgphase {
namespace {

using Kind = BackfillTick::Kind;

constexpr std::chrono::milliseconds k_look_again{200};  // for the next pass

BackfillTick tick(Kind kind, std::chrono::milliseconds pause = {}) {
  BackfillTick out;
  out.kind = kind;
  out.pause = pause;
  return out;
}

}  // namespace

struct BackfillHelper::Impl {
  Fence fence;
  StepKey key;
  BackfillBody body;
  BackfillSettings settings;
  std::optional<Worker> worker = {};
  int pass = 0;

  Result<BackfillTick> advance(Session& session);
  Result<BackfillTick> join(Session& session);
};

BackfillHelper::BackfillHelper(const Fence& fence, StepKey key, const BackfillBody& body,
                               const BackfillSettings& settings)
    : impl_(new Impl{fence, std::move(key), body, settings}) {}
BackfillHelper::~BackfillHelper() = default;

Result<BackfillTick> BackfillHelper::advance(Session& session) {
  return impl_->advance(session);
}

void BackfillHelper::set_speed(std::chrono::milliseconds batch_time, std::optional<int> stripes) {
  impl_->settings.batch_time = batch_time;
  impl_->settings.stripes = stripes;
  if (impl_->worker) impl_->worker->set_speed(batch_time, stripes);
}

void BackfillHelper::set_max_bad_rows(std::int64_t most) {
  impl_->settings.max_bad_rows = most;
  if (impl_->worker) impl_->worker->set_max_bad_rows(most);
}

// The pass at hand, with what the run has decided for it.
Result<BackfillTick> BackfillHelper::Impl::join(Session& session) {
  PGPHASE_TRY(row, ChunkStore(key, 0).load(session));
  if (!row || row->stage == Stage::prepare) return tick(Kind::wait, k_look_again);
  if (row->stage == Stage::cleanup || row->stage == Stage::done) return tick(Kind::done);
  PGPHASE_TRY(target, inspect_target(session, body));
  PGPHASE_TRY(signs, signs_of(session, key, body, settings.sets_as));
  worker.emplace(make_work(fence, key, body, *row, target, signs), settings);
  pass = row->pass;
  return tick(Kind::more);
}

Result<BackfillTick> BackfillHelper::Impl::advance(Session& session) {
  if (!worker) return join(session);
  PGPHASE_TRY(did, worker->advance(session, pass));
  BackfillTick out;
  out.notes = worker->take_notes();
  out.worked = did.worked;
  out.chosen = worker->choice();
  switch (did.kind) {
    case WorkTick::Kind::more:
      return out;
    case WorkTick::Kind::idle:
      worker.reset();
      out.kind = Kind::wait;
      out.pause = k_look_again;
      return out;
    case WorkTick::Kind::wait:
    case WorkTick::Kind::blocked:
      out.kind = did.kind == WorkTick::Kind::wait ? Kind::wait : Kind::blocked;
      out.pause = did.pause;
      out.blocked_by = did.blocked_by;
      return out;
  }
  return make_error(Errc::bug, "a worker at no tick");
}

}  // namespace pgphase
