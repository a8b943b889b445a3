// The signal replica_lag: how far the worst standby replays behind. Blocking; same threading as the Session.
#pragma once

#include <map>

#include "phases/postgres/session.hpp"
#include "phases/throttle/lsn_memory.hpp"
#include "phases/throttle/signal.hpp"

namespace pgphase {

class ReplicaLag {
 public:
  // Milliseconds; 0 without standbys. One query of pg_stat_replication, cheap, of which a role outside of pg_monitor
  // (pg_read_all_stats) sees nothing but pids: that is unreadable, not zero. A consumer of a logical slot is no
  // standby: it may confirm what it has read minutes later, and slot_wal counts what it keeps.
  Reading read(Session& session, LsnMemory::TimePoint now);

 private:
  using Milliseconds = LsnMemory::Milliseconds;
  // A standby whose position is older than our memory: what the server said of its lag when it stood there first.
  struct Told {
    std::uint64_t lsn = 0;
    LsnMemory::TimePoint at;
    Milliseconds lag{0};
  };
  using ToldByPid = std::map<std::int64_t, Told>;
  // The lag beyond memory; `told` of this reading takes over what is still true in told_.
  Milliseconds beyond_memory(std::int64_t pid, const Told& now, ToldByPid& told) const;

  LsnMemory memory_;
  ToldByPid told_;
};

}  // namespace pgphase
