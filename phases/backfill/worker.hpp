// One session's share of a backfill: claims chunks of the pass at hand and sets their rows, a batch a call. A run has
// one of its own; others, in the same process or in another, help with the same pass (helper.hpp). Internal to this
// folder. Blocking; same threading as the Session; one thread a Worker.
#pragma once

#include <chrono>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "phases/backfill/backfill.hpp"
#include "phases/backfill/bad_rows.hpp"
#include "phases/backfill/batch.hpp"
#include "phases/backfill/harvest.hpp"
#include "phases/backfill/pacing.hpp"
#include "phases/backfill/stripes.hpp"

namespace pgphase {

// What the writes of a backfill are known by to triggers of ours, and what else it assigns: from the ledger.
struct BackfillSigns {
  std::string sets_as;  // k_backfill_flag, or empty
  std::string also;     // assignments that keep the old values, or empty
  bool alone = false;   // the triggers that keep columns in step would set what the UPDATE sets, and nothing else
};

// What all workers of a backfill know, once it has begun. Never changed; shared between threads.
struct BackfillWork {
  Fence fence;
  StepKey key;
  BackfillBody body;
  Target target;
  ChunkStore store;
  BadRows bad_rows;
  Scan scan = Scan::physical;
  Todo todo = Todo::differs;
  std::string marker;  // or empty
  BatchSql sql;
  BackfillSigns signs;
};

struct WorkTick {
  enum class Kind {
    more,     // call again
    wait,     // call again after `pause`
    blocked,  // an attempt at a lock failed and did nothing
    idle,     // nobody has left a chunk of this pass
  } kind = Kind::more;
  std::chrono::milliseconds pause{0};
  Error blocked_by;                                     // for blocked and wait
  std::chrono::duration<double, std::milli> worked{0};  // of a batch that was committed
  std::int64_t rows = 0;
  double pages = 0;      // of the scan: visited, a page counting for one when all its stripes are
  bool recount = false;  // chunks came or went: what is known of the progress is not true any more
};

class Worker {
 public:
  Worker(std::shared_ptr<const BackfillWork> work, const BackfillSettings& settings)
      : work_(std::move(work)),
        settings_(settings),
        pacing_(settings.batch_time),
        row_pacing_(settings.batch_time, k_start_rows),
        stripes_(settings.stripes, !work_->target.sets_indexed) {}

  // `pass` 0 is the scan. After an Error the worker is of no use any more; what was committed stands.
  Result<WorkTick> advance(Session& session, int pass);

  void set_speed(std::chrono::milliseconds batch_time, std::optional<int> stripes);
  void set_max_bad_rows(std::int64_t most) { settings_.max_bad_rows = most; }
  std::vector<std::string> take_notes();  // sentences worth logging
  BackfillChoice choice() const;

 private:
  Result<bool> claim(Session& session, int pass);
  Result<WorkTick> after_batch(Session& session, int pass, const Batch& batch, const BatchOutcome& outcome);
  Result<WorkTick> committed(Session& session, int pass, const Batch& batch, const BatchOutcome& outcome);
  Result<WorkTick> wait_for_rows(Session& session, const Batch& batch, std::int64_t left);
  Result<WorkTick> leaf_changed(Session& session, int pass, const Chunk& changed);
  void chunk_done(Session& session, const Chunk& chunk);
  Batch next_batch(int pass) const;
  void tell_of_locks(Session& session, const Batch& batch, std::int64_t left);
  // worker_index.cpp: rows that an index finds. Nothing: there are some to set.
  bool by_index() const;
  Result<std::optional<WorkTick>> gather(Session& session, int pass);
  Result<std::optional<WorkTick>> ask_index(Session& session);
  Result<WorkTick> leave_leaf(Session& session, int pass);
  Result<WorkTick> committed_rows(Session& session, int pass, const Batch& batch, const BatchOutcome& outcome);
  // worker_bad_rows.cpp: PostgreSQL refuses a batch for the data of its rows.
  Result<WorkTick> refused(Session& session, const Batch& batch, const Error& why);
  Result<WorkTick> try_again(const BadRow& bad, const Chunk& chunk);
  Result<WorkTick> set_each_alone(Session& session, const Batch& batch, const BadRow& bad);
  Result<void> pass_over(Session& session, const Chunk& chunk, const BadRow& bad);
  std::vector<std::string> passed_over_in(const Batch& batch) const;
  BatchLimits limits(const Session& session) const;

  // One after another, without a batch that committed.
  static constexpr int k_most_conflicts = 10;
  static constexpr std::chrono::milliseconds k_first_pause{100};
  static constexpr std::int64_t k_start_rows = 100;  // of an index, of the first batch

  std::shared_ptr<const BackfillWork> work_;
  BackfillSettings settings_;
  Pacing pacing_, row_pacing_;
  Stripes stripes_;
  std::optional<Chunk> chunk_;  // at work
  Harvest harvest_;             // of its rows, where an index finds them
  bool by_pages_ = false;       // no index finds them after all
  HotCount later_stripes_, all_hot_;
  std::vector<std::string> notes_;
  std::string horizon_;
  std::vector<std::string> passed_over_;     // of the chunk at work: addresses of rows that are recorded
  std::optional<std::int64_t> stop_before_;  // the next window ends here, because rows of a wider one are at odds
  std::int64_t committed_batches_ = 0;
  int conflicts_ = 0, slow_pages_ = 0, told_bad_rows_ = 0;
  int skip_for_ = 0;  // batches that do not wait for rows, because some were held lately
  bool told_of_locks_ = false;
  std::optional<std::chrono::steady_clock::time_point> rows_held_since_;  // a sweep waits for them
  std::chrono::milliseconds held_pause_{0};
  bool holders_seen_ = false;
};

}  // namespace pgphase
