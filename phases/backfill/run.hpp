// What a BackfillRun is made of: internal to this folder. backfill.cpp begins and ends it, scan.cpp visits windows,
// sweep.cpp finds out whether anything is left. Same threading as the Session.
#pragma once

#include <chrono>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "phases/backfill/backfill.hpp"
#include "phases/backfill/batch.hpp"
#include "phases/backfill/pacing.hpp"

namespace pgphase {

struct BackfillRun::Impl {
  Fence fence;
  StepKey key;
  BackfillBody body;
  BackfillSettings settings;
  Target target;
  ChunkStore store;
  std::string also;             // assignments that keep the old values, or empty
  std::optional<BatchSql> sql;  // nothing once the backfill has ended
  BatchLimits limits;
  Pacing pacing;
  bool begun;       // the ledger has a row
  BackfillRow row;  // as the ledger has it, or will have it
  BackfillRecord progress;
  double seconds_before = 0;
  std::chrono::steady_clock::time_point opened = std::chrono::steady_clock::now();

  std::optional<Chunk> chunk = {};  // at work
  std::vector<std::string> notes = {};
  int conflicts = 0, slow_pages = 0, passes = 0, idle_passes = 0;
  bool nothing_left = false;  // checked over the whole table in one snapshot
  bool check_failed_before = false;
  bool told_of_locks = false;
  std::optional<std::chrono::steady_clock::time_point> rows_held_since = {};  // a sweep waits for them
  std::chrono::milliseconds held_pause{0};
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
  Result<BackfillTick> check_failed(Session& session, const Error& error);
  Result<BackfillTick> sweep_again(Session& session, std::int64_t found);
  Result<BackfillTick> finish(Session& session);

  Result<void> refresh_progress(Session& session);
  BackfillTick tick(BackfillTick::Kind kind);
};

}  // namespace pgphase
