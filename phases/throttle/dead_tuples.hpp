// The signal dead_tuples: how much of the tables being filled is dead rows while autovacuum is behind. Blocking; same
// threading as the Session.
#pragma once

#include "phases/postgres/session.hpp"
#include "phases/throttle/signal.hpp"

namespace pgphase {

// Dead rows per row, of the worst table or partition. It counts only where waiting helps: there are more dead rows than
// the table's own threshold for autovacuum, and autovacuum is on for it. Every role may read it. The server's
// statistics follow with about a second's delay.
Reading read_dead_tuples(Session& session, const AtWork& at_work);

}  // namespace pgphase
