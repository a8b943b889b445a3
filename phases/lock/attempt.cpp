#include "phases/lock/attempt.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <map>

#include "phases/base/failpoint.hpp"
#include "phases/postgres/sqlstate.hpp"
#include "plans/sql/quote.hpp"

namespace pgphase {
namespace {

using std::chrono::milliseconds;
using Clock = std::chrono::steady_clock;

constexpr milliseconds k_after_the_statements{250};

milliseconds since(Clock::time_point start) {
  return std::chrono::duration_cast<milliseconds>(Clock::now() - start);
}

// An ordinary autovacuum gives way to a lock request, but only after deadlock_timeout, which is longer than our lock
// timeout may be. SHARE UPDATE EXCLUSIVE conflicts with it and with nothing that an application does. It is given back
// before the strong lock is asked for: an application that runs ANALYZE in its transaction would otherwise be the
// victim of a deadlock between the two.
Result<void> send_autovacuum_away(Session& session, const std::vector<RelationLock>& locks) {
  for (const auto& lock : locks) {
    auto transaction = Transaction::begin(
        session, "lock.autovacuum", set_local_ms("lock_timeout", session.deadlock_timeout() + milliseconds(1500)) + ";");
    if (!transaction) return transaction.error();
    PGPHASE_CHECK(session.query(
        fmt::format("LOCK TABLE ONLY {} IN SHARE UPDATE EXCLUSIVE MODE", qualified(lock.table))));
    PGPHASE_CHECK(transaction->commit());
  }
  return {};
}

// Who uses a view locks it first, and then what it reads.
Result<std::vector<RelationLock>> views_among(Session& session, const std::vector<RelationLock>& wanted) {
  std::vector<RelationLock> views;
  for (const auto& lock : wanted) {
    PGPHASE_TRY(found, session.query("SELECT FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace "
                                     "WHERE n.nspname = $1 AND c.relname = $2 AND c.relkind = 'v'",
                                     {lock.table.schema, lock.table.name}));
    if (!found.empty()) views.push_back(lock);
  }
  return views;
}

// The application must never be a deadlock's victim because of us: we give up before the server looks for one.
milliseconds timeout_below_deadlock_check(const Session& session, const LockLimits& limits) {
  return std::min(limits.timeout, session.deadlock_timeout() * 9 / 10);
}

}  // namespace

Result<std::vector<RelationLock>> existing_in_order(Session& session, const std::vector<RelationLock>& wanted) {
  std::map<TableName, LockMode> strongest;
  for (const auto& lock : wanted) {
    auto& mode = strongest[lock.table];
    mode = std::max(mode, lock.mode);
  }
  std::vector<RelationLock> existing;
  for (const auto& [table, mode] : strongest) {
    PGPHASE_TRY(found, session.query(
        "SELECT 1 FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace "
        "WHERE n.nspname = $1 AND c.relname = $2 AND c.relkind IN ('r', 'p')", {table.schema, table.name}));
    if (!found.empty()) existing.push_back({table, mode});
  }
  return existing;
}

Result<Attempt> attempt_change(Session& session, const Fence& fence, const LockLimits& limits,
                               const LockedChange& change) {
  PGPHASE_TRY(existing, existing_in_order(session, change.locks));
  std::vector<RelationLock> strong;
  for (const auto& lock : existing) {
    if (blocks_writers(lock.mode)) strong.push_back(lock);
  }

  Attempt attempt;
  const auto failed = [&](const Error& error) -> Result<Attempt> {
    if (error.code != Errc::sql || !sqlstate::worth_retrying(error.sqlstate)) return error;
    attempt.blocked = error;
    return attempt;
  };

  if (!change.long_running) {
    if (auto away = send_autovacuum_away(session, strong); !away) return failed(away.error());
  }

  const auto timeout = timeout_below_deadlock_check(session, limits);
  // A missing synchronous standby would make COMMIT keep the locks without any limit of time: the standby is not waited
  // for here, and the next ordinary transaction of the run waits for it instead.
  auto transaction = begin_fenced(session, fence, change.label, "SET LOCAL synchronous_commit = local;");
  if (!transaction) return failed(transaction.error());
  if (change.record) {
    if (auto recorded = change.record(session); !recorded) return failed(recorded.error());
  }
  // Statement and lock timeout both: lock_timeout counts for each lock that a statement takes.
  const auto queueing = change.long_running ? milliseconds(k_long_deadline) : timeout;
  PGPHASE_CHECK(session.script(set_local_ms("lock_timeout", queueing) + ";" + set_local_ms("statement_timeout", queueing)));

  PGPHASE_TRY(views, views_among(session, change.locks));
  strong.insert(strong.begin(), views.begin(), views.end());
  auto held_since = Clock::now();
  for (const auto& lock : strong) {
    if (auto locked = session.query(fmt::format("LOCK TABLE {} IN {} MODE", qualified(lock.table), to_string(lock.mode)));
        !locked) {
      return failed(locked.error());
    }
    if (&lock == &strong.front()) held_since = Clock::now();
  }
  if (strong.empty()) held_since = Clock::now();

  if (!change.long_running) {
    const auto left = std::max(limits.hold - since(held_since), milliseconds(1));
    // From here on nobody but the server can tell that we are gone: it ends the transaction by itself.
    std::string bounds = set_local_ms("statement_timeout", left) + ";" +
                         set_local_ms("idle_in_transaction_session_timeout", left);
    if (session.server_version() >= 170000) {
      // For several statements together. It costs the session, and its clock starts before the statement's.
      bounds += ";" + set_local_ms("transaction_timeout", left + k_after_the_statements);
    }
    PGPHASE_CHECK(session.script(bounds));
  }
  if (auto changed = change.change(session); !changed) {
    auto error = changed.error();
    if (error.sqlstate == sqlstate::query_canceled && !change.long_running) {
      attempt.cut_off = true;
      error.message += fmt::format(" (it was cut off at the hold limit of {} ms, or cancelled)", limits.hold.count());
    }
    return failed(error);
  }
  if (auto committed = transaction->commit(); !committed) return failed(committed.error());
  attempt.done = true;
  attempt.held_ms = strong.empty() ? 0 : std::chrono::duration<double, std::milli>(Clock::now() - held_since).count();
  return attempt;
}

}  // namespace pgphase
