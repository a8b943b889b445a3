#include "phases/backfill/holders.hpp"

#include <fmt/format.h>

namespace pgphase {
namespace {

// One line a backend; `locks` is SQL that yields the pids.
std::string described(Session& session, const std::string& pids) {
  const auto rows = session.query(fmt::format(
      "SELECT format('pid %s (%s)%s', a.pid, concat_ws(', ', a.usename, nullif(a.application_name, ''), a.state, "
      "              'for ' || round(extract(epoch FROM clock_timestamp() - a.xact_start)) || ' s'), "
      "              ': ' || left(regexp_replace(nullif(a.query, ''), '\\s+', ' ', 'g'), 200)) "
      "  FROM pg_stat_activity a WHERE a.pid IN ({}) AND a.pid <> pg_backend_pid() ORDER BY a.xact_start LIMIT 5",
      pids));
  if (!rows) return {};
  std::string text;
  for (const auto& row : *rows) text += (text.empty() ? "" : "; ") + row.text(0);
  return text;
}

std::string prepared(Session& session, const std::string& xids) {
  const auto rows = session.query(
      fmt::format("SELECT format('prepared transaction %L of %s, since %s', gid, owner, prepared::timestamp(0)) "
                  "FROM pg_prepared_xacts WHERE transaction IN ({}) LIMIT 5",
                  xids));
  if (!rows) return {};
  std::string text;
  for (const auto& row : *rows) text += (text.empty() ? "" : "; ") + row.text(0);
  return text;
}

std::string owners(Session& session, const std::string& xids) {
  auto text =
      described(session, fmt::format("SELECT l.pid FROM pg_locks l WHERE l.locktype = 'transactionid' AND l.granted "
                                     "AND l.transactionid IN ({})",
                                     xids));
  return text.empty() ? prepared(session, xids) : text;
}

}  // namespace

std::string row_holders(Session& session, const BatchSql& sql, const std::string& leaf, const Part& part) {
  const auto held = sql.row_xmax(leaf, part);
  if (auto one = owners(session, fmt::format("SELECT h.xmax FROM ({}) h", held)); !one.empty()) return one;
  // Several holders share a row: xmax is a MultiXact then. No SQL tells the two kinds apart, so this may fail.
  return owners(session, fmt::format("SELECT m.xid FROM ({}) h, pg_get_multixact_members(h.xmax) m", held));
}

std::string horizon_holder(Session& session) {
  // As VACUUM sees it: backend_xmin, or a transaction's own number, the oldest first. Standbys that give feedback show in
  // pg_stat_replication, or in their slot.
  const auto rows = session.query(
      "SELECT who FROM ("
      "  SELECT greatest(age(a.backend_xmin), age(a.backend_xid)) AS age, "
      "         format('pid %s (%s) in database %s', a.pid, concat_ws(', ', a.usename, nullif(a.application_name, ''), "
      "                a.state, 'for ' || round(extract(epoch FROM clock_timestamp() - a.xact_start)) || ' s'), a.datname) AS who "
      "    FROM pg_stat_activity a WHERE a.pid <> pg_backend_pid() AND a.application_name NOT LIKE 'pgphase%' "
      "     AND (a.backend_xmin IS NOT NULL OR a.backend_xid IS NOT NULL) "
      "  UNION ALL SELECT age(xmin), format('replication slot %s', slot_name) FROM pg_replication_slots WHERE xmin IS NOT NULL "
      "  UNION ALL SELECT age(transaction), format('prepared transaction %L of %s', gid, owner) FROM pg_prepared_xacts "
      "  UNION ALL SELECT age(backend_xmin), format('standby %s', application_name) FROM pg_stat_replication "
      "             WHERE backend_xmin IS NOT NULL) h ORDER BY age DESC NULLS LAST LIMIT 1");
  return rows && !rows->empty() ? (*rows)[0].text(0) : std::string();
}

std::string relation_holders(Session& session, std::int64_t relation) {
  return described(
      session,
      fmt::format("SELECT l.pid FROM pg_locks l WHERE l.locktype = 'relation' AND l.relation = {} "
                  "AND l.database = (SELECT oid FROM pg_database WHERE datname = current_database()) "
                  "AND l.mode IN ('ShareLock', 'ShareRowExclusiveLock', 'ExclusiveLock', 'AccessExclusiveLock')",
                  relation));
}

}  // namespace pgphase
