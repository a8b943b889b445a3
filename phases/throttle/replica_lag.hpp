// The signal replica_lag: how far the worst standby replays behind. Blocking; same threading as the Session.
#pragma once

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
  LsnMemory memory_;
};

}  // namespace pgphase
