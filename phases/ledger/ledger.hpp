// Reading and writing the ledger. Readers never write. Every writer runs inside a transaction that was begun with
// begin_fenced (phases/ledger/lease.hpp), so that it commits with the change that it records. Blocking; same threading
// as the Session.
#pragma once

#include <map>
#include <optional>
#include <string>
#include <vector>

#include "phases/ledger/records.hpp"

namespace pgphase {

// --- reading ---------------------------------------------------------------------------------------------------------

// Everything that decisions need, in one snapshot. An empty view when there is no ledger.
Result<LedgerView> read_ledger(Session& session);

Result<ServerTime> server_time(Session& session);

// The requests in force. The ledger must exist.
Result<std::vector<RequestRecord>> read_requests(Session& session);

// How far backfills are, of one plan or of all; in the order in which they began. Pages visited never exceed the total:
// sweeps do not count. The ledger must exist.
Result<std::map<PlanId, std::vector<BackfillRecord>>> read_backfills(Session& session,
                                                                     const std::optional<PlanId>& plan);

struct Event {
  std::string at;  // ISO 8601, UTC
  std::string plan, phase, step, kind, message, by;
};
Result<std::vector<Event>> read_events(Session& session, const std::optional<PlanId>& plan, int limit);
// Of the phase as a whole: `kind` has been recorded since `since` was, or ever if that never was.
Result<bool> event_since(Session& session, const StepKey& phase, const std::string& kind, const std::string& since);

// What is retired at this moment: not restored, not purged. All plans' when `plan` is empty.
Result<std::vector<RetiredRecord>> read_retired(Session& session, const std::optional<PlanId>& plan);
// What one step has retired, oldest first, also what was restored since; not what was purged.
Result<std::vector<RetiredRecord>> read_retired_by(Session& session, const StepKey& key);

// --- writing: plans and phases
// -----------------------------------------------------------------------------------------

// Records the plan, its three phases and its steps. On a plan that is known: replaces text and split (an accepted
// edit), keeps the rows of steps that exist in both, and raises the generation.
Result<void> record_plan(Session& session, const PhasedPlan& plan);
Result<void> set_phase_state(Session& session, const PlanId& plan, Phase phase, PhaseState state);
Result<void> set_plan_finished(Session& session, const PlanId& plan, bool finished);
Result<void> set_plan_interrupted(Session& session, const PlanId& plan, bool interrupted);
Result<void> set_plan_stamped(Session& session, const PlanId& plan);  // every phase done without running
// Takes that record back for one phase: its steps are pending again, and what is in the database stays.
Result<void> forget_stamp(Session& session, const PlanId& plan, Phase phase);
// `reason` empty: lifts the hold.
Result<void> set_hold(Session& session, const PlanId& plan, const std::string& reason, const std::string& by);
Result<void> raise_generation(Session& session, const PlanId& plan);  // voids approvals

// --- writing: steps
// -----------------------------------------------------------------------------------------------------

Result<void> step_running(Session& session, const StepKey& key);                    // forward begins or goes on
Result<void> step_part_done(Session& session, const StepKey& key, int parts_done);  // clears intent and error
Result<void> step_kept(Session& session, const StepKey& key);  // StepRecord::kept; over when the step is done again
Result<void> step_not_kept(Session& session, const StepKey& key);
Result<void> step_finished(Session& session, const StepKey& key, StepState state);  // done or undone
Result<void> step_intent(Session& session, const StepKey& key, const std::string& statement);
Result<void> step_failed(Session& session, const StepKey& key, const Error& error, StepState state);
Result<void> step_blocked(Session& session, const StepKey& key,
                          const std::string& blockers);  // one more attempt failed
Result<void> step_undoing(Session& session, const StepKey& key);
Result<void> step_undo_part_done(Session& session, const StepKey& key, int parts_done);
Result<void> step_lock_held(Session& session, const StepKey& key, double milliseconds);  // keeps the longest
Result<void> step_rows(Session& session, const StepKey& key, std::int64_t rows);
Result<void> step_by_hand(Session& session, const StepKey& key, StepState state, const std::string& reason);

// --- writing: what is retired
// ----------------------------------------------------------------------------------------------

Result<std::int64_t> reserve_retired_number(Session& session);  // for a name like _pgphase_retired_<n>
// record.id must be a reserved number.
Result<void> record_retired(Session& session, const RetiredRecord& record);
Result<void> record_restored(Session& session, std::int64_t id);
Result<void> record_purged(Session& session, std::int64_t id);
// The phases cannot be rolled back any more. `what` was dropped; said again for each part of it.
Result<void> seal_phases(Session& session, const PlanId& plan, const std::vector<Phase>& phases, const std::string& by,
                         const std::string& what);

// --- writing: requests and events
// ------------------------------------------------------------------------------------------ Requests come from
// commands that hold no lease: they need no fence, and notify the run.

struct NewRequest {
  RequestKind kind = RequestKind::pause;
  std::optional<PlanId> plan;
  std::optional<Phase> phase;
  bool cancel_now = false;
  std::string split_sha256;
  int generation = 0;
  std::string reason, person;
};
inline constexpr const char* k_notify_channel = "pgphase";
Result<void> add_request(Session& session, const NewRequest& request);
// Lifts requests of the kind: those of `plan`, or all when it is empty. Returns how many.
Result<std::int64_t> lift_requests(Session& session, RequestKind kind, const std::optional<PlanId>& plan,
                                   const std::string& by);

Result<void> record_event(Session& session, const std::string& person, const StepKey& key, const std::string& kind,
                          const std::string& message, const std::string& detail_json = {});

}  // namespace pgphase
