// Looks before anything is undone whether all of it can be, so that a rollback is refused as a whole. Reads only.
// Blocking; same threading as the Session.
#pragma once

#include "orchestrator/engine/rollback_order.hpp"
#include "phases/postgres/session.hpp"

namespace pgphase {

// Refused, with the reason, when something uses a table or column that would be taken back, or when an undo that the
// author wrote would drop rows or values that are there, or when triggers that it relies on have been off meanwhile,
// unless `lose_data`. The undo asks the first of these again, under its lock. What goes away by itself, because other
// steps of this rollback have made it, does not count.
Result<void> look_ahead(Session& session, const LedgerView& ledger, const std::vector<PhaseToUndo>& order,
                        bool lose_data);

// False when the step certainly makes nothing that could stand in the way of another's undo: an index, a default, rows.
// Pure.
bool may_make_obstacles(const Step& step);

}  // namespace pgphase
