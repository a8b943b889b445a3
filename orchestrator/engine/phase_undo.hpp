// One phase back, and the two moments of it: when code of the schema before can work again, and when everything is
// restored. io_context's thread only.
#pragma once

#include <boost/asio/awaitable.hpp>
#include <chrono>
#include <string>

#include "orchestrator/engine/plan_work.hpp"

namespace pgphase {

struct PhaseUndo {
  PlanStop stop;
  bool had_steps = false;
  bool old_code_was_out = false;                   // when the rollback began: orchestrator/engine/old_code.hpp
  bool old_code_is_safe = true;                    // when it ended
  std::chrono::duration<double> old_code_safe{0};  // since the rollback of this phase began
  std::chrono::duration<double> complete{0};       // likewise; also of one that stopped half way
};

// The phase must be the latest that stands. Leaves a hold on the plan and voids its approvals first of all.
boost::asio::awaitable<Result<PhaseUndo>> undo_phase(RunContext& run, PlanId id, Phase phase, std::string reason);

}  // namespace pgphase
