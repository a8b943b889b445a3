// What a phase is put through beside going forward and back. Each begins and ends with the phase done, unless a move
// was not possible, and leaves its checks in the report. Blocking; one thread.
#pragma once

#include <set>

#include "orchestrator/rehearsal/killer.hpp"
#include "orchestrator/rehearsal/moves.hpp"
#include "phases/branch/traffic.hpp"

namespace pgphase {

// Begins with the phase not begun: a process is killed in the middle of each of its backfills. From there the phase
// goes back, and from there it goes on.
Result<void> kill_within_backfills(Moves& moves, const Snapshot& before, const Killer& killer);

// What an application writes to the new tables and columns comes back with them.
Result<void> keep_what_is_written(Moves& moves, const Snapshot& before, int seed_rows);

// Each step in turn does its work and then fails; from there the phase goes back, and from there it goes on.
Result<void> fail_after_every_step(Moves& moves, const Snapshot& before, const Snapshot& after);

struct UnderWriters {
  std::vector<FailedFigures> failed;        // statements of theirs, by phase and SQLSTATE
  std::optional<double> longest_wait_ms;    // of a statement of theirs
  std::set<TableName> written_by_triggers;  // tables that they do not write to, whose rows have changed nevertheless
};

// Applications of both schemas write. `as_before`: the tables as the old one knows them; the seed is of their choices.
Result<void> cross(Moves& moves, const std::vector<KnownTable>& as_before, std::uint64_t seed, UnderWriters& found);

}  // namespace pgphase
