#include "phases/ledger/lease.hpp"

#include <fmt/format.h>

#include "phases/base/failpoint.hpp"
#include "phases/ledger/schema.hpp"

namespace pgphase {
namespace {

// Ends every backend of the run that last held the lease, and waits until each is gone. Matching pid and start time:
// a pid alone may belong to somebody else by now.
Result<void> end_backends_of_earlier_run(Session& control) {
  PGPHASE_TRY(ended, control.query(
      "SELECT a.pid, coalesce(s.purpose, 'control'), pg_terminate_backend(a.pid, 5000) "
      "  FROM pg_stat_activity a "
      "  JOIN (SELECT pid, started, purpose FROM pgphase.lease_session "
      "        UNION ALL SELECT control_pid, control_started, 'control' FROM pgphase.lease WHERE owner IS NOT NULL) s "
      "    ON s.pid = a.pid AND s.started = a.backend_start "
      " WHERE a.pid <> pg_backend_pid()"));
  for (const auto& row : ended) {
    if (row.boolean(2)) continue;
    return make_error(Errc::lease_held,
                      fmt::format("backend {} ({}) of an earlier run does not end", row.integer(0), row.text(1)),
                      "Nothing was changed. Look at it in pg_stat_activity; try again once it is gone.");
  }
  return {};
}

Error taken_over(const Session& session) {
  return make_error(Errc::lease_lost, fmt::format("another pgphase has taken over the lease on {}", session.target()),
                    "This run has stopped; `pgphase status` shows how far it came.");
}

// Helpers on other machines work under the lease of a run, which may end before they know.
Error given_back(const Session& session) {
  return make_error(Errc::lease_lost, fmt::format("the lease on {} was given back", session.target()),
                    "What was committed stands; `pgphase status` shows how far the run came.");
}

// A run that comes back after its connection was lost must find its own token, or somebody has worked in between: what
// it would do next may have been undone on purpose.
Result<void> still_ours(Session& control, std::int64_t own_token) {
  PGPHASE_TRY(last, control.query("SELECT token FROM pgphase.lease"));
  if (own_token == 0 || last[0].integer(0) == own_token) return {};
  return taken_over(control);
}

Error held_by(const LeaseHolder& holder, const Session& session) {
  return make_error(Errc::lease_held,
                    fmt::format("another pgphase works on {}: {} as role {}, since {} (last heartbeat {:.0f} s ago)",
                                session.target(), holder.owner, holder.by_role, holder.acquired_at, holder.heartbeat_age),
                    "Nothing was changed. Wait for it, or stop it with `pgphase pause`.");
}

Result<bool> try_lock(Session& control) {
  PGPHASE_TRY(got, control.query(fmt::format("SELECT pg_try_advisory_lock({}, {})", k_lock_space, k_lock_lease)));
  return got[0].boolean(0);
}

}  // namespace

Result<std::optional<LeaseHolder>> lease_holder(Session& session) {
  PGPHASE_TRY(version, ledger_version(session));
  if (version == 0) return std::optional<LeaseHolder>();
  PGPHASE_TRY(rows, session.query(fmt::format(
      "SELECT l.token, l.owner, l.by_role, to_char(l.acquired_at, 'YYYY-MM-DD HH24:MI:SS\"Z\"'), "
      "       extract(epoch FROM clock_timestamp() - l.heartbeat_at), "
      "       EXISTS (SELECT FROM pg_locks k WHERE k.locktype = 'advisory' AND k.classid = {} AND k.objid = {} "
      "               AND k.objsubid = 2 AND k.granted "
      "               AND k.database = (SELECT oid FROM pg_database WHERE datname = current_database())) "
      "  FROM pgphase.lease l WHERE l.owner IS NOT NULL", k_lock_space, k_lock_lease)));
  if (rows.empty()) return std::optional<LeaseHolder>();
  const auto& row = rows[0];
  return std::optional(LeaseHolder{row.integer(0), row.text(1), row.text(2), row.text(3), row.number(4), row.boolean(5)});
}

Result<Fence> acquire_lease(Session& control, const std::string& person, const std::string& command, TakeOver mode,
                            std::int64_t own_token) {
  PGPHASE_TRY(locked, try_lock(control));
  if (!locked) {
    PGPHASE_TRY(holder, lease_holder(control));
    if (!holder) {
      // Between taking the lock and writing its name: as good as held.
      return make_error(Errc::lease_held, fmt::format("another pgphase has just started on {}", control.target()),
                        "Nothing was changed. Wait for it, or stop it with `pgphase pause`.");
    }
    const bool stale = holder->heartbeat_age > static_cast<double>(k_heartbeat_stale.count());
    PGPHASE_CHECK(still_ours(control, own_token));
    if (mode == TakeOver::if_stale && !stale && own_token == 0) return held_by(*holder, control);
    PGPHASE_CHECK(end_backends_of_earlier_run(control));
    PGPHASE_TRY(locked_now, try_lock(control));
    if (!locked_now) return held_by(*holder, control);
  }
  PGPHASE_CHECK(still_ours(control, own_token));
  PGPHASE_CHECK(end_backends_of_earlier_run(control));

  auto transaction = Transaction::begin(control, "lease.acquire", "SET LOCAL lock_timeout = '15s';");
  if (!transaction) return transaction.error();
  if (auto fenced = control.query(fmt::format("SELECT pg_advisory_xact_lock({}, {})", k_lock_space, k_lock_fence));
      !fenced) {
    auto error = fenced.error();
    error.message = "a transaction of an earlier run still goes on: " + error.message;
    error.code = error.code == Errc::sql ? Errc::lease_held : error.code;
    error.next = "Nothing was changed. Try again once it is gone (application_name pgphase/… in pg_stat_activity).";
    return error;
  }
  PGPHASE_TRY(token, control.query(
      "UPDATE pgphase.lease SET token = token + 1, owner = $1, by_role = session_user, control_pid = $2, "
      "control_started = $3, acquired_at = clock_timestamp(), heartbeat_at = clock_timestamp() RETURNING token",
      {person + ": " + command, std::to_string(control.backend().pid), control.backend().started}));
  PGPHASE_CHECK(control.query("DELETE FROM pgphase.lease_session"));
  PGPHASE_CHECK(transaction->commit());
  return Fence{token[0].integer(0), person};
}

Result<Transaction> begin_fenced_asking(Session& session, const Fence& fence, std::string label,
                                        std::string_view settings, std::string_view question, Rows& answer) {
  // The question is a statement of its own: it takes its snapshot after the fence was granted, so it sees a takeover's
  // token.
  const auto sql = fmt::format("{} SELECT pg_advisory_xact_lock_shared({}, {}); SELECT (SELECT token FROM pgphase.lease WHERE owner IS NOT NULL), {}",
                               settings, k_lock_space, k_lock_fence, question);
  auto transaction = Transaction::begin(session, std::move(label), sql, &answer);
  if (!transaction) return transaction.error();
  if (answer.empty()) return transaction;
  if (answer[0].is_null(0)) return given_back(session);
  if (answer[0].integer(0) != fence.token) return taken_over(session);
  return transaction;
}

Result<Transaction> begin_fenced(Session& session, const Fence& fence, std::string label, std::string_view settings) {
  auto transaction = Transaction::begin(session, std::move(label), settings);
  if (!transaction) return transaction.error();
  // Two statements: the second takes its snapshot after the first was granted, so it sees a takeover's token.
  PGPHASE_TRY(now, session.script(fmt::format(
      "SELECT pg_advisory_xact_lock_shared({}, {}); SELECT token FROM pgphase.lease WHERE owner IS NOT NULL", k_lock_space, k_lock_fence)));
  if (now.empty()) return given_back(session);
  if (now[0].integer(0) != fence.token) return taken_over(session);
  return transaction;
}

Result<void> register_session(Session& session, const Fence& fence, const std::string& purpose) {
  auto transaction = begin_fenced(session, fence, "lease.register");
  if (!transaction) return transaction.error();
  PGPHASE_CHECK(session.query(
      "INSERT INTO pgphase.lease_session (pid, started, token, purpose) VALUES ($1, $2, $3, $4) ON CONFLICT DO NOTHING",
      {std::to_string(session.backend().pid), session.backend().started, std::to_string(fence.token), purpose}));
  return transaction->commit();
}

Result<void> heartbeat(Session& control, const Fence& fence) {
  failpoint("lease.heartbeat", "before");
  PGPHASE_TRY(beaten, control.query("UPDATE pgphase.lease SET heartbeat_at = clock_timestamp() WHERE token = $1",
                                    {std::to_string(fence.token)}));
  failpoint("lease.heartbeat", "after");
  if (beaten.affected == 1) return {};
  return taken_over(control);
}

Result<void> release_lease(Session& control, const Fence& fence) {
  failpoint("lease.release", "before");
  PGPHASE_CHECK(control.query(
      "WITH gone AS (DELETE FROM pgphase.lease_session WHERE token = $1) "
      "UPDATE pgphase.lease SET owner = NULL, control_pid = NULL, control_started = NULL WHERE token = $1",
      {std::to_string(fence.token)}));
  failpoint("lease.release", "after");
  PGPHASE_CHECK(control.query(fmt::format("SELECT pg_advisory_unlock({}, {})", k_lock_space, k_lock_lease)));
  return {};
}

}  // namespace pgphase
