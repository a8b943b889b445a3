// Helps with a backfill that somebody else runs: claims chunks of whatever pass is at hand and sets their rows. It
// decides nothing: when there is no pass, it waits; when the run is through, it is done. Everything that it needs is in
// the ledger, so it works as well in another process, on another machine. Blocking; same threading as the Session; one
// object a session.
#pragma once

#include <memory>
#include <optional>

#include "phases/backfill/backfill.hpp"

namespace pgphase {

class BackfillHelper {
 public:
  BackfillHelper(const Fence& fence, StepKey key, const BackfillBody& body, const BackfillSettings& settings);
  ~BackfillHelper();
  BackfillHelper(const BackfillHelper&) = delete;
  BackfillHelper& operator=(const BackfillHelper&) = delete;

  // As BackfillRun::advance; `progress` stays empty, and `done` says that the run needs no more help.
  Result<BackfillTick> advance(Session& session);

  void set_speed(std::chrono::milliseconds batch_time, std::optional<int> stripes);
  void set_max_bad_rows(std::int64_t most);

 private:
  struct Impl;
  std::unique_ptr<Impl> impl_;
};

}  // namespace pgphase
