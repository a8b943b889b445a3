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

enum class Waiter { none, for_the_row, for_the_table };

Result<Waiter> who_waits(Session& session) {
  PGPHASE_TRY(waits, session.query("SELECT wait_event = 'relation' FROM pg_stat_activity "
                                   "WHERE pg_backend_pid() = ANY (pg_blocking_pids(pid))"));
  if (waits.empty()) return Waiter::none;
  return waits[0].boolean(0) ? Waiter::for_the_table : Waiter::for_the_row;
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

// True as soon as the run waits for the row; false when it has ended without, or time is up.
Result<bool> caught(Session& session, pid_t pid, HeldRow& row, const TableName& table, bool& ended) {
  const auto until = Clock::now() + k_longest_wait;
  bool held = true;
  while (Clock::now() < until) {
    if (held) {
      PGPHASE_TRY(waiter, who_waits(session));
      if (waiter == Waiter::for_the_row) return true;
      if (waiter == Waiter::for_the_table) {
        row.release();
        held = false;
      }
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

Result<std::string> kill_in_the_middle(const Killer& killer, Session& session, const PlanId& plan, Phase phase,
                                       const BackfillBody& body) {
  HeldRow row(session, body.table);
  PGPHASE_TRY(taken, row.take());
  if (!taken) return std::string();
  PGPHASE_TRY(pid, start_run(killer, plan, phase));
  bool ended = false;
  const auto waits = caught(session, pid, row, body.table, ended);
  if (!ended) {
    ::kill(pid, SIGKILL);
    wait_child(pid, std::chrono::seconds(10));
  }
  row.release();
  if (!waits) return waits.error();
  return *waits ? fmt::format("killed while it waited for a row of {}", display_name(body.table)) : std::string();
}

}  // namespace pgphase
