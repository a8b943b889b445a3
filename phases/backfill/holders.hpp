// Who holds what a batch wants, in words: "pid 4711 (ada, psql, idle in transaction, for 34 s): UPDATE …". Best effort
// and read-only: empty when nobody is found, for example because they have just finished. Blocking; same threading as
// the Session; call it outside of a transaction, because a failed attempt would abort that.
#pragma once

#include "phases/backfill/batch_sql.hpp"

namespace pgphase {

// Of rows in `part` that still match.
std::string row_holders(Session& session, const BatchSql& sql, const std::string& leaf, const Part& part);

// Of locks on the relation that make an UPDATE wait.
std::string relation_holders(Session& session, std::int64_t relation);

// What keeps dead rows from being removed, in any database of the server: the oldest snapshot or transaction, a
// replication slot, a prepared transaction, a standby. Our own sessions are left out.
std::string horizon_holder(Session& session);

}  // namespace pgphase
