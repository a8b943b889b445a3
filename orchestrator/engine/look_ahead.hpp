// Looks before anything is undone whether all of it can be, so that a rollback is refused as a whole. Reads only.
// Blocking; same threading as the Session.
#pragma once

#include "orchestrator/engine/rollback_order.hpp"
#include "phases/postgres/session.hpp"

namespace pgphase {

// Whether an undo that the author wrote may drop rows or values that are there.
enum class HandWritten { keeps_what_is_there, may_lose_it };

// Refused, with the reason, when something uses a table or column that would be taken back, and certainly will when it
// is its turn: not what an undo before it takes away, nor what SQL written by hand may. Those are asked for again
// before each phase, and by the undo under its lock. Refused too when an undo that the author wrote would drop what is
// there, or when triggers that it relies on have been off meanwhile.
Result<void> look_ahead(Session& session, const LedgerView& ledger, const std::vector<PhaseToUndo>& order,
                        HandWritten hand_written);

}  // namespace pgphase
