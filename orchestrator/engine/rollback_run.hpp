// A rollback from its first look to its last phase, as every command carries it out. io_context's thread only.
#pragma once

#include <boost/asio/awaitable.hpp>
#include <functional>
#include <optional>
#include <string>
#include <vector>

#include "orchestrator/engine/look_ahead.hpp"
#include "orchestrator/engine/phase_undo.hpp"
#include "orchestrator/engine/rollback_order.hpp"

namespace pgphase {

struct RollbackOptions {
  RollbackWishes wishes;
  HandWritten hand_written = HandWritten::keeps_what_is_there;
  std::string reason;  // kept with the hold; empty: which phase was rolled back
  // Called once, with what is going to be undone, before anything is.
  std::function<void(const LedgerView&, const std::vector<PhaseToUndo>&)> announce;
};

// How far it got. Outlives a lost connection: the body that is called again goes on with the order that it began.
struct RollbackProgress {
  struct Undone {
    PhaseToUndo which;
    PhaseUndo how;
  };
  std::optional<std::vector<PhaseToUndo>> order;
  std::vector<Undone> phases;
  std::optional<PhaseUndo> stopped;  // paused or interrupted in the phase behind them
};

// Errors: those of rollback_order, look_ahead and of the undo itself. Looked ahead is before each phase, because what
// an undo takes away is known for certain only when it is gone; an error behind the first phase says what is undone.
boost::asio::awaitable<Result<void>> roll_back(RunContext& run, const RollbackOptions& options,
                                               RollbackProgress& progress);

}  // namespace pgphase
