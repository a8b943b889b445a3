#include "orchestrator/rehearsal/killer.hpp"

#include <fmt/format.h>
#include <signal.h>

#include <chrono>
#include <future>
#include <optional>
#include <thread>
#include <utility>

#include "phases/postgres/child_process.hpp"
#include "phases/postgres/transaction.hpp"
#include "plans/sql/quote.hpp"

namespace pgphase {
namespace {

using Clock = std::chrono::steady_clock;
using std::chrono::milliseconds;
constexpr std::chrono::seconds k_longest_wait{120};
constexpr milliseconds k_between_looks{20};

// A row that is locked for as long as the object lives. ROW SHARE on the table: only who wants the row, or the whole
// table, waits for it.
class HeldRow {
 public:
  HeldRow(Session& session, const TableName& table) : session_(session), table_(table) {}

  Session& session() const { return session_; }
  Result<bool> take() {
    auto transaction = Transaction::begin(session_, "rehearsal.hold");
    if (!transaction) return transaction.error();
    PGPHASE_TRY(row, session_.query(fmt::format("SELECT 1 FROM {0} WHERE ctid = (SELECT max(ctid) FROM {0}) FOR UPDATE",
                                                qualified(table_))));
    if (row.empty()) return false;
    transaction_.emplace(std::move(*transaction));
    return true;
  }
  void release() { transaction_.reset(); }

 private:
  Session& session_;
  const TableName& table_;
  std::optional<Transaction> transaction_;
};

// Not by pg_stat_activity: within a transaction, which a held row is, that goes on showing who was there at first.
Result<bool> somebody_wants_the_table(Session& session) {
  PGPHASE_TRY(waits, session.query("SELECT FROM pg_locks WHERE locktype = 'relation' AND NOT granted "
                                   "AND pg_backend_pid() = ANY (pg_blocking_pids(pid))"));
  return !waits.empty();
}

Result<bool> waits_in_the_queue(Session& looking, int pid) {
  PGPHASE_TRY(waits, looking.query("SELECT FROM pg_locks WHERE NOT granted AND pid = $1::int", {std::to_string(pid)}));
  return !waits.empty();
}

// How far the backfill is; the row that is held is passed over and come back to. Nothing: it has not begun on the rows.
Result<std::optional<std::int64_t>> rows_done(Session& session, const StepKey& key) {
  PGPHASE_TRY(found, session.query("SELECT (SELECT coalesce(sum(rows), 0) FROM pgphase.chunk c WHERE (c.plan, c.phase, "
                                   "c.step) = (b.plan, b.phase, b.step)) FROM pgphase.backfill b WHERE plan = $1 AND "
                                   "phase = $2 AND step = $3 AND stage IN ('scan', 'sweep')",
                                   {key.plan.value, to_string(key.phase), key.step}));
  if (found.empty()) return std::optional<std::int64_t>();
  return std::optional(found[0].integer(0));
}

// In the middle: some rows are done and the one that is held is not; or it is the only one that there is to do, and has
// been waited for long enough to tell.
class Progress {
 public:
  Result<bool> in_the_middle(Session& session, const StepKey& key) {
    constexpr std::chrono::seconds k_nothing_else{2};
    PGPHASE_TRY(done, rows_done(session, key));
    if (!done) return false;
    if (!begun_) begun_ = Clock::now();
    return *done > 0 || Clock::now() - *begun_ > k_nothing_else;
  }

 private:
  std::optional<Clock::time_point> begun_;
};

// The marker column needs the whole table for a moment. `next` queues for the row behind that, and has it before the
// first batch can; only then `holder` lets go.
Result<bool> hand_over(HeldRow& holder, HeldRow& next) {
  constexpr milliseconds k_often{2}, k_longest{300};
  auto taking = std::async(std::launch::async, [&next] { return next.take(); });
  const auto until = Clock::now() + k_longest;
  while (Clock::now() < until) {
    auto queued = waits_in_the_queue(holder.session(), next.session().backend().pid);
    if (!queued || *queued) break;
    std::this_thread::sleep_for(k_often);
  }
  holder.release();
  return taking.get();
}

Result<pid_t> start_run(const Killer& killer, const PlanId& plan, Phase phase) {
  ChildOptions child;
  child.argv = killer.program;
  for (const auto& argument :
       {std::string("up"), plan.value, std::string("--through"), std::string(to_string(phase))}) {
    child.argv.push_back(argument);
  }
  for (const auto& [name, value] : killer.environment) child.environment.push_back(name + "=" + value);
  child.death_signal = SIGKILL;
  return start_child(child);
}

// True as soon as the run is in the middle; false when it has ended without, or time is up.
Result<bool> caught(pid_t pid, HeldRow& first, HeldRow& second, const StepKey& key, bool& ended) {
  const auto until = Clock::now() + k_longest_wait;
  Progress progress;
  HeldRow* holder = &first;
  HeldRow* next = &second;
  while (Clock::now() < until) {
    PGPHASE_TRY(in_the_middle, progress.in_the_middle(holder->session(), key));
    if (in_the_middle) return true;
    PGPHASE_TRY(in_the_way, somebody_wants_the_table(holder->session()));
    if (in_the_way) {
      PGPHASE_TRY(taken, hand_over(*holder, *next));
      if (!taken) return false;
      std::swap(holder, next);
    }
    ended = wait_child(pid, k_between_looks).has_value();
    if (ended) return false;
  }
  return false;
}

}  // namespace

Result<bool> kill_in_the_middle(const Killer& killer, Session& one, Session& other, const StepKey& key,
                                const BackfillBody& body) {
  HeldRow first(one, body.table), second(other, body.table);
  PGPHASE_TRY(taken, first.take());
  if (!taken) return false;
  PGPHASE_TRY(pid, start_run(killer, key.plan, key.phase));
  bool ended = false;
  auto in_the_middle = caught(pid, first, second, key, ended);
  if (!ended) {
    ::kill(pid, SIGKILL);
    wait_child(pid, std::chrono::seconds(10));
  }
  return in_the_middle;
}

}  // namespace pgphase
