#include "phases/throttle/replica_lag.hpp"

#include <fmt/format.h>

#include <algorithm>

#include "phases/throttle/why.hpp"

namespace pgphase {
namespace {

// Positions are counted in bytes from 0/0. A base backup and pg_receivewal have no replay_lsn: they replay nothing.
constexpr const char* k_query =
    "SELECT (pg_current_wal_flush_lsn() - '0/0')::bigint, r.pid, "
    "       coalesce(nullif(r.application_name, ''), r.client_addr::text, 'pid ' || r.pid), "
    "       (r.replay_lsn - '0/0')::bigint, extract(epoch FROM r.replay_lag) * 1000, r.state IS NULL "
    "  FROM (SELECT) AS one LEFT JOIN pg_stat_replication r ON NOT EXISTS ( "
    "       SELECT FROM pg_replication_slots s WHERE s.active_pid = r.pid AND s.slot_type = 'logical')";

struct Standby {
  std::string name;
  LsnMemory::Lag lag;
  std::uint64_t bytes = 0;
};

std::string described(const Standby& worst, std::size_t others) {
  std::string words = fmt::format("replica {} replays {}{} behind", worst.name, worst.lag.at_least ? "at least " : "",
                                  in_words(Unit::milliseconds, worst.lag.time.count()));
  if (worst.bytes > 0) words += fmt::format(" ({})", in_words(Unit::bytes, static_cast<double>(worst.bytes)));
  if (others > 0) words += fmt::format(", the worst of {}", others + 1);
  return words;
}

}  // namespace

// The server's figure stands still while replay does, so time is added from the moment at which it was told first.
ReplicaLag::Milliseconds ReplicaLag::beyond_memory(std::int64_t pid, const Told& now, ToldByPid& told) const {
  const auto before = told_.find(pid);
  const bool stands = before != told_.end() && before->second.lsn == now.lsn;
  const Told& base = told[pid] = stands ? before->second : now;
  return base.lag + Milliseconds(now.at - base.at);
}

Reading ReplicaLag::read(Session& session, LsnMemory::TimePoint now) {
  const auto rows = session.query(k_query);
  if (!rows) return unreadable(Signal::replica_lag, why(rows.error()));
  const auto current = static_cast<std::uint64_t>((*rows)[0].integer(0));
  memory_.saw(now, current);
  std::optional<Standby> worst;
  ToldByPid told;
  std::size_t standbys = 0;
  for (const auto& row : *rows) {
    if (row.is_null(1)) continue;  // there is none
    if (row.boolean(5)) return unreadable(Signal::replica_lag, needs_pg_monitor(session, "pg_stat_replication"));
    if (row.is_null(3)) continue;
    ++standbys;
    const auto replayed = static_cast<std::uint64_t>(row.integer(3));
    Standby standby{row.text(2), memory_.lag_at(now, replayed), current > replayed ? current - replayed : 0};
    if (standby.lag.at_least) {
      const auto lag = std::max(standby.lag.time, Milliseconds(row.number(4)));
      standby.lag.time = beyond_memory(row.integer(1), {replayed, now, lag}, told);
    }
    if (!worst || standby.lag.time > worst->lag.time) worst = standby;
  }
  told_ = std::move(told);
  if (!worst) return {Signal::replica_lag, 0, "no replica is connected"};
  return {Signal::replica_lag, worst->lag.time.count(), described(*worst, standbys - 1)};
}

}  // namespace pgphase
