// What to do next with one plan: the deciding part, pure and synchronous. It is given what the ledger says and what
// people asked, and answers with one action; the runner does it, reads the ledger again and asks again. Tested as a table
// of transitions, without a database (tests/unit/engine/state_machine_test.cpp).
#pragma once

#include <cstddef>
#include <optional>
#include <vector>

#include "phases/ledger/records.hpp"

namespace pgphase {

enum class Verb {
  pass_gate,     // evaluate the phase's gate; open: start the phase
  start_phase,   // record that the phase runs
  run_step,      // forward
  undo_step,     // back
  finish_phase,  // record that it is done
  finish_plan,   // all three phases are done
  start_undo,    // record that the phase is being rolled back
  finish_undo,   // record that it is rolled back
  stop,
};

enum class StopReason {
  done,         // nothing is left to do
  through,      // the phase named by --through is done
  at_gate,
  paused,
  held,
  interrupted,  // a signal, another command's request, or the deadline
  sealed,       // purged: cannot be rolled back
};

struct NextAction {
  Verb verb = Verb::stop;
  Phase phase = Phase::additive;
  std::size_t step = 0;  // index within the phase, for run_step and undo_step
  StopReason reason = StopReason::done;
  bool operator==(const NextAction&) const = default;
};

struct ForwardLimits {
  std::optional<Phase> through;  // stop after this phase
  bool lift_hold = false;        // the plan was named: a hold does not stop it
};

NextAction next_forward(const PlanRecord& plan, const std::vector<RequestRecord>& requests, const ForwardLimits& limits);

// Rolling back one phase, from whatever state it is in. A pause given before the rollback began does not stop it:
// whoever pauses a plan and then rolls it back means both.
NextAction next_back(const PlanRecord& plan, Phase phase, const std::vector<RequestRecord>& requests, ServerTime begun_at);

// The pause that applies to the plan, or nullptr.
const RequestRecord* pause_in_force(const std::vector<RequestRecord>& requests, const PlanId& plan);

// When the phase before ended; nothing while it has not. The first phase's gate counts from the plan's start.
std::optional<ServerTime> gate_reached_at(const PlanRecord& plan, Phase phase);

// An approval counts only for this split and generation, and only if it was given after the gate was reached.
const RequestRecord* approval_in_force(const std::vector<RequestRecord>& requests, const PlanRecord& plan, Phase phase);

// True when the phase changed nothing that is still there: never begun, or rolled back.
bool leaves_no_trace(const PhaseRecord& phase);

}  // namespace pgphase
