// What `status` prints, from what was read: one line a plan, its phases where something is going on, and for a plan
// that does not go on by itself the incident card: what is true now, the way on and the way back. Pure; any thread.
#pragma once

#include <boost/json/object.hpp>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include "orchestrator/engine/purge_run.hpp"
#include "orchestrator/project/rehearsal_record.hpp"
#include "phases/ledger/records.hpp"

namespace pgphase {

struct StatusInput {
  std::string target;  // "app on db:5432 as alice"
  LedgerView ledger;
  std::vector<PurgeCandidate> retired;  // by plan, with how long it is kept
  std::vector<PhasedPlan> folder;  // in order; empty when the folder could not be read
  std::map<PlanId, RehearsalRecord> rehearsals;  // the last of each plan, as far as this project has any
};

std::string status_text(const StatusInput& input);  // ends with a newline
boost::json::object status_json(const StatusInput& input);

// What to do with a plan that does not go on by itself.
struct IncidentCard {
  std::string now;                 // what is true
  std::vector<std::string> go_on;  // commands, in this order
  std::string go_back;             // a command; empty: there is nothing to take back, or it cannot be
  std::vector<std::string> keeps;  // what going back keeps; or why there is no way back
  std::string rehearsed;           // what going back took when it was rehearsed; empty: this text never was
};
// Nothing for a plan that is pending, running or done.
std::optional<IncidentCard> incident_card(const PlanRecord& plan, const LedgerView& ledger,
                                          const std::map<PlanId, RehearsalRecord>& rehearsals = {});

// Rows, speed and time left of the plan's backfills together; numbers that nobody knows are empty.
struct BackfillProgress {
  std::int64_t rows_done = 0;
  std::int64_t bad_rows = 0;  // passed over, because they cannot be set
  std::optional<std::int64_t> rows_total;
  std::optional<double> rows_per_second, eta_seconds, share;  // share: of the pages, 0 to 1
  std::string chosen;     // JSON of the one at work: how it goes about it; empty: none is
  std::string slowed_by;  // likewise: "waits: replica_lag 12.3 s, limit 10 s"; empty: nothing
};
std::optional<BackfillProgress> progress_of(const PlanRecord& plan, const LedgerView& ledger);

}  // namespace pgphase
