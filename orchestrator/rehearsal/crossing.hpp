// A phase goes back and forward again while applications write: one that knows the schema from before the phase, and
// one that knows what the phase adds. Blocking; one thread, beside those of the writers.
#pragma once

#include <set>

#include "orchestrator/rehearsal/stage.hpp"
#include "phases/branch/traffic.hpp"

namespace pgphase {

struct Crossing {
  bool happened = false;               // false: there was no table to write to
  std::optional<Error> stopped;        // the phase did not get through
  std::vector<std::string> lost;       // acknowledged values that are not there
  std::vector<std::string> failed;     // statements that must not have failed
  std::vector<std::string> forbidden;  // that the deploy contract allows, and that failed
  std::vector<FailedStatements> all_failed;
  std::set<TableName> tables;  // that they wrote to, and that hold none of their rows any more
  std::int64_t acknowledged = 0;
  double longest_wait_ms = 0;
};

// The phase is done when it begins and when it ends. Removes the writers' rows.
Result<Crossing> cross_under_writers(Stage& stage, const PhasedPlan& plan, Phase phase,
                                     const std::vector<KnownTable>& as_before, std::uint64_t seed);

}  // namespace pgphase
