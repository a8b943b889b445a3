// What a BackfillRun is made of: internal to this folder. backfill.cpp begins and ends it, worker.cpp visits windows,
// sweep.cpp finds out whether anything is left, retry.cpp tries rows again that were passed over. Same threading as the
// Session.
#pragma once

#include <chrono>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "phases/backfill/backfill.hpp"
#include "phases/backfill/worker.hpp"

namespace pgphase {

struct BackfillRun::Impl {
  std::shared_ptr<BackfillWork> work;  // handed to the worker once the scan begins, and not changed from then on
  BackfillSettings settings;
  bool begun;       // the ledger has a row
  BackfillRow row;  // as the ledger has it, or will have it
  ScanChoice scan;  // of a backfill that begins
  BackfillSigns signs;
  BackfillRecord progress;
  double pages_done = 0;  // as `progress` has it, before rounding
  std::optional<std::int64_t> retry_from = {};  // rows that were passed over, behind this id, are tried again now
  double seconds_before = 0;
  std::chrono::steady_clock::time_point opened = std::chrono::steady_clock::now();
  std::chrono::steady_clock::time_point counted = opened;  // when `progress` was read from the ledger

  std::optional<Worker> worker = {};
  std::vector<std::string> notes = {};
  int passes = 0, idle_passes = 0;
  bool nothing_left = false;  // checked over the whole table in one snapshot
  bool bad_rows_tried = false;                      // since the pass at hand has ended
  std::int64_t newest_bad_row = 0;                  // when the pass began
  std::optional<std::int64_t> check_failed_at = {};  // the newest bad row when the check failed last

  Result<BackfillTick> advance(Session& session);
  Result<BackfillTick> prepare(Session& session);
  Result<BackfillTick> bring_marker(Session& session);
  Result<BackfillTick> visit(Session& session);
  Result<BackfillTick> all_visited(Session& session);
  Result<BackfillTick> check_failed(Session& session, const Error& error);
  Result<BackfillTick> sweep_again(Session& session, std::int64_t found);
  Result<BackfillTick> retry_bad_rows(Session& session);
  Result<BackfillTick> finish(Session& session);

  Result<void> refresh_progress(Session& session);
  BackfillTick tick(BackfillTick::Kind kind);
};

// The row's decisions and the body as what workers share.
std::shared_ptr<BackfillWork> make_work(const Fence& fence, const StepKey& key, const BackfillBody& body,
                                        const BackfillRow& row, const Target& target, const BackfillSigns& signs);

Result<BackfillSigns> signs_of(Session& session, const StepKey& key, const BackfillBody& body,
                               const std::string& sets_as);

}  // namespace pgphase
