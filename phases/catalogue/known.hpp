// The whole catalogue of a database as what effects are derived from: plans/effects/known.hpp. Reads only, in a handful of
// questions. Blocking; same threading as the Session.
#pragma once

#include <set>

#include "phases/postgres/session.hpp"
#include "plans/effects/known.hpp"

namespace pgphase {

// Everything but whether tables are empty.
Result<Known> known_of(Session& session);

// Whether each of the tables has a row. One that this role may not read, or that is not there, stays unknown.
Result<void> note_empty(Session& session, const std::set<TableName>& tables, Known& known);

}  // namespace pgphase
