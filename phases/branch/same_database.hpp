// Whether two connections lead to one database, whatever their addresses say: names, aliases and poolers tell nothing,
// and branches of one origin share their system identifier. Blocking; same threading as the Sessions.
#pragma once

#include "phases/postgres/session.hpp"

namespace pgphase {

// `one` takes an advisory lock for a moment that `other` can see only if it is in the same database. Neither writes.
Result<bool> same_database(Session& one, Session& other);

}  // namespace pgphase
