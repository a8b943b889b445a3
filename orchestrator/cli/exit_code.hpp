// What `pgphase` exits with: for pipelines to branch on, so a code never changes its meaning (docs/commands.md).
#pragma once

#include "plans/base/result.hpp"

namespace pgphase {

enum class ExitCode : int {
  done = 0,
  usage = 2,           // the command line or the settings
  at_gate = 10,        // a gate is closed: nothing is wrong
  paused = 11,         // paused or held by somebody
  interrupted = 12,    // by a signal, or the deadline passed; the next `up` goes on
  plan_rejected = 20,  // syntax or check
  refused = 21,        // not in this state
  lock_budget = 30,    // lock attempts or time used up
  verify_failed = 40,
  step_failed = 41,
  differs = 42,      // drift, rehearse
  unreachable = 50,  // database unreachable, or session lost for good
  lease_held = 60,   // another orchestrator holds the lease
  bug = 70,
};

constexpr ExitCode exit_code_for(Errc code) {
  switch (code) {
    case Errc::usage:
      return ExitCode::usage;
    case Errc::plan_rejected:
      return ExitCode::plan_rejected;
    case Errc::refused:
      return ExitCode::refused;
    case Errc::lock_budget:
      return ExitCode::lock_budget;
    case Errc::verify_failed:
      return ExitCode::verify_failed;
    case Errc::step_failed:
      return ExitCode::step_failed;
    // The runner goes on after these as long as it can; what gets this far is lost for good.
    case Errc::unreachable:
    case Errc::session_lost:
    case Errc::in_doubt:
      return ExitCode::unreachable;
    case Errc::lease_held:
    case Errc::lease_lost:
      return ExitCode::lease_held;
    case Errc::cancelled:
      return ExitCode::interrupted;
    case Errc::sql:
      return ExitCode::step_failed;
    case Errc::bug:
      return ExitCode::bug;
  }
  return ExitCode::bug;
}

}  // namespace pgphase
