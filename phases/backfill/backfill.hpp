// A backfill step, driven one short increment a call, so that pauses and signals are looked at in between. Everything
// that it needs to go on is in the ledger: after a crash, or with a new session, a new BackfillRun continues.
// docs/design/backfill.md tells why it is exact.
//
// The caller records the step as running before and as done after (phases/ledger/ledger.hpp); the rows of
// pgphase.backfill and pgphase.chunk, and the step's row count, are written here. Blocking; same threading as the
// Session.
#pragma once

#include <chrono>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "phases/backfill/scan.hpp"
#include "phases/ledger/records.hpp"
#include "phases/lock/attempt.hpp"

namespace pgphase {

struct BackfillSettings {
  std::chrono::milliseconds batch_time{100};  // how long rows may stay locked by us; the pages of a batch adapt to it
  int workers = 1;                            // for how many the table is cut into chunks; the caller brings them
  std::optional<int> stripes = {};            // how often pages are walked; nothing: by what is seen (stripes.hpp)
  Scan scan = Scan::automatic;                // how rows are found; decided when the backfill begins
  std::int64_t max_bad_rows = 0;              // rows that cannot be set and are recorded, before the run stops at once
  std::string sets_as;                        // what triggers of ours know the writes by (k_backfill_flag), or empty
  LockLimits locks;                           // for the marker column; `budget` bounds waiting for locked rows too
};

// How a session goes about it at the moment.
struct BackfillChoice {
  Scan scan = Scan::physical;
  int stripes = 1;
  std::int64_t window = 0;    // pages of the next batch, at most; by an index: rows
  double hot_share = 0;       // of the rows set so far, those that stayed on their page
  bool hot_possible = true;   // false: a set column is in an index
  std::string horizon;        // who keeps dead rows from being removed; empty: nobody, or not looked at
};

struct BackfillTick {
  enum class Kind {
    more,     // call again
    wait,     // call again after `pause`
    blocked,  // an attempt at a lock failed and did nothing: pace it with LockRetry, then call again
    done,
  } kind = Kind::more;
  std::chrono::milliseconds pause{0};
  Error blocked_by;  // for blocked and wait: what is in the way
  std::chrono::duration<double, std::milli> worked{0};  // of the batch that was committed, if one was
  BackfillRecord progress;
  BackfillChoice chosen;
  std::vector<std::string> notes;  // sentences worth logging
};

class BackfillRun {
 public:
  // Looks at the table and at the ledger; writes nothing. An Error of code refused says why the table cannot be
  // backfilled, one of step_failed what PostgreSQL says of the expressions.
  static Result<std::unique_ptr<BackfillRun>> open(Session& session, const Fence& fence, StepKey key,
                                                   const BackfillBody& body, const BackfillSettings& settings);
  ~BackfillRun();
  BackfillRun(const BackfillRun&) = delete;
  BackfillRun& operator=(const BackfillRun&) = delete;

  // After an Error the run is of no use any more; what was committed stands, and a new run goes on from there.
  Result<BackfillTick> advance(Session& session);

  std::int64_t table() const;  // its oid; 0: not known, because nothing is set any more

  // From the next batch on; stripes from the next chunk on.
  void set_speed(std::chrono::milliseconds batch_time, std::optional<int> stripes);
  void set_max_bad_rows(std::int64_t most);

 private:
  struct Impl;
  explicit BackfillRun(std::unique_ptr<Impl> impl);
  std::unique_ptr<Impl> impl_;
};

}  // namespace pgphase
