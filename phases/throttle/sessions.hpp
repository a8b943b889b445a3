// The signals about other sessions: who waits for us, and how many are at work. Blocking; same threading as the
// Session.
#pragma once

#include "phases/postgres/session.hpp"
#include "phases/throttle/signal.hpp"

namespace pgphase {

// Milliseconds of the longest wait for a lock that one of `at_work.pids` holds; 0 when nobody waits. The time and not
// the number of sessions: a hundred that wait ten milliseconds for a batch are what a batch costs, one that waits for
// seconds is an outage. Every role may read it. pg_blocking_pids is asked about waiting sessions only, because it stops
// the lock manager for a moment.
Reading read_blocked_by_us(Session& session, const AtWork& at_work);

// Client sessions that run a statement, without ours. A role outside of pg_monitor (pg_read_all_stats) sees the state
// of its own sessions only: with others there, that is unreadable.
Reading read_active_sessions(Session& session, const AtWork& at_work);

// "{1,2,3}", for a parameter that is cast to an array.
std::string array_text(const std::vector<int>& numbers);
std::string array_text(const std::vector<std::int64_t>& numbers);

}  // namespace pgphase
