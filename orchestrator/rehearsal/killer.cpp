#include "orchestrator/rehearsal/killer.hpp"

#include <fmt/format.h>
#include <signal.h>

#include <chrono>
#include <optional>

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

Result<bool> somebody_wants_the_table(Session& session) {
  PGPHASE_TRY(waits, session.query("SELECT FROM pg_stat_activity WHERE wait_event = 'relation' "
                                   "AND pg_backend_pid() = ANY (pg_blocking_pids(pid))"));
  return !waits.empty();
}

// Batches are being set, or are set but for the row that is held: the backfill passes a locked row over and comes back.
Result<bool> is_under_way(Session& session, const StepKey& key) {
  PGPHASE_TRY(found, session.query("SELECT FROM pgphase.backfill WHERE plan = $1 AND phase = $2 AND step = $3 "
                                   "AND stage IN ('scan', 'sweep')",
                                   {key.plan.value, to_string(key.phase), key.step}));
  return !found.empty();
}

// The marker column needs the table for a moment; once it is there, the rows are next.
Result<bool> marker_is_there(Session& session, const TableName& table) {
  PGPHASE_TRY(found,
              session.query("SELECT 1 FROM pg_attribute WHERE attrelid = $1::regclass AND attname ~ '^_pgphase_todo_' "
                            "AND NOT attisdropped",
                            {qualified(table)}));
  return !found.empty();
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
Result<bool> caught(Session& session, pid_t pid, HeldRow& row, const StepKey& key, const TableName& table,
                    bool& ended) {
  const auto until = Clock::now() + k_longest_wait;
  bool held = true;
  while (Clock::now() < until) {
    if (held) {
      PGPHASE_TRY(under_way, is_under_way(session, key));
      if (under_way) return true;
      PGPHASE_TRY(in_the_way, somebody_wants_the_table(session));
      if (in_the_way) row.release();
      held = !in_the_way;
    } else {
      PGPHASE_TRY(marked, marker_is_there(session, table));
      if (marked) {
        PGPHASE_TRY(taken, row.take());
        held = taken;
      }
    }
    ended = wait_child(pid, k_between_looks).has_value();
    if (ended) return false;
  }
  return false;
}

}  // namespace

Result<bool> kill_in_the_middle(const Killer& killer, Session& session, const StepKey& key, const BackfillBody& body) {
  HeldRow row(session, body.table);
  PGPHASE_TRY(taken, row.take());
  if (!taken) return false;
  PGPHASE_TRY(pid, start_run(killer, key.plan, key.phase));
  bool ended = false;
  auto in_the_middle = caught(session, pid, row, key, body.table, ended);
  if (!ended) {
    ::kill(pid, SIGKILL);
    wait_child(pid, std::chrono::seconds(10));
  }
  row.release();
  return in_the_middle;
}

}  // namespace pgphase
