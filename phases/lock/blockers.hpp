// Who is in the way of a backend. Reads only; blocking; same threading as the Session.
#pragma once

#include <chrono>
#include <set>
#include <string>
#include <vector>

#include "phases/postgres/session.hpp"
#include "plans/base/names.hpp"

namespace pgphase {

struct Blocker {
  int pid = 0;
  std::string words;  // "pid 4711 (psql as ada, idle in transaction for 35 s): SELECT …"
};

// Asked from another session while the backend waits; empty when nobody blocks it.
Result<std::vector<Blocker>> blockers_of(Session& session, int pid);

// Transactions, prepared transactions and a wraparound autovacuum older than a second that a CONCURRENTLY statement will
// have to wait for. In sentences; empty when there are none.
Result<std::vector<std::string>> long_transactions(Session& session);

// Transactions older than `age` that hold a lock on one of the tables, each with what it holds: a strong lock would wait
// for them. In sentences, the oldest first; at most five.
Result<std::vector<std::string>> long_holders(Session& session, const std::set<TableName>& tables,
                                              std::chrono::seconds age = std::chrono::seconds(10));

std::string join_words(const std::vector<Blocker>& blockers);

}  // namespace pgphase
