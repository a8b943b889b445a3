// What the ledger says, as values: read in one go, handed to the state machine and to `status`. Pure data.
#pragma once

#include <array>
#include <chrono>
#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "phases/ledger/lease.hpp"
#include "plans/base/names.hpp"
#include "plans/phased_plan.hpp"

namespace pgphase {

using ServerTime = std::chrono::sys_time<std::chrono::microseconds>;  // by the server's clock, UTC

enum class StepState { pending, running, done, failed, skipped, undoing, undone, undo_failed };
enum class PhaseState { pending, running, done, rolling_back, rolled_back, sealed };
const char* to_string(StepState state);
const char* to_string(PhaseState state);

struct StepRecord {
  std::string name;
  StepState state = StepState::pending;
  int part = 0;          // forward statements that are done
  int undo_part = 0;     // undo statements that are done
  std::string intent;    // a statement outside a transaction that was begun; the catalogue decides
  std::string error;     // the last failure, in words; empty: none
  std::string blockers;  // who was in the way at the last failed attempt, in words
  int attempts = 0;
  std::int64_t rows = 0;
  double lock_ms = 0;
  std::string reason;
  bool kept = false;  // undone, but what it made is there still: something hidden needs it, or it stays with a table
};

struct PhaseRecord {
  PhaseState state = PhaseState::pending;
  std::optional<ServerTime> started_at, finished_at;
  std::int64_t wal_bytes = 0;
  std::optional<ServerTime> sealed_at;  // when a purge dropped what rolling it back would need,
  std::string sealed_by, sealed_what;   // who did, and what that was, in words
  std::vector<StepRecord> steps;  // in the split's order
};

// Progress of a backfill that has begun.
struct BackfillRecord {
  std::string step;
  std::string stage;  // prepare, scan, sweep, cleanup, done
  std::int64_t pages_total = 0, pages_done = 0;
  std::int64_t rows_done = 0, rows_estimate = 0;
  double seconds = 0;  // since it began, by the server's clock
  std::string chosen = {};     // JSON: how it goes about it (orchestrator/engine/backfill_lead.cpp), or empty
  std::string slowed_by = {};  // a clause, or empty
  std::int64_t bad_rows = 0;   // passed over, because they cannot be set
};

struct PlanRecord {
  PhasedPlan plan;  // as it was when it started
  std::int64_t position = 0;
  int generation = 1;
  bool held = false;
  std::string hold_reason, hold_by;
  bool interrupted = false;
  bool stamped = false;
  std::optional<ServerTime> started_at, finished_at;
  std::array<PhaseRecord, 3> phases;
  std::vector<BackfillRecord> backfills;

  const PhaseRecord& operator[](Phase phase) const { return phases[static_cast<std::size_t>(phase)]; }
  PhaseRecord& operator[](Phase phase) { return phases[static_cast<std::size_t>(phase)]; }
};

enum class RequestKind { pause, approve, stop };

// A request that is in force.
struct RequestRecord {
  std::int64_t id = 0;
  RequestKind kind = RequestKind::pause;
  std::optional<PlanId> plan;  // nothing: every plan
  std::optional<Phase> phase;
  bool cancel_now = false;
  std::string split_sha256;
  int generation = 0;
  std::string reason, by;  // "ada@laptop as deploy"
  ServerTime requested_at;
};

struct LedgerView {
  bool exists = false;
  ServerTime now;                       // the server's clock when this was read
  std::vector<PlanRecord> plans;        // started ones, in the order of their first start
  std::vector<RequestRecord> requests;  // in force
  std::optional<LeaseHolder> lease;

  const PlanRecord* find(const PlanId& id) const;
};

struct StepKey {
  PlanId plan;
  Phase phase = Phase::additive;
  std::string step;
  bool operator==(const StepKey&) const = default;
};

struct RetiredRecord {
  std::int64_t id = 0;
  StepKey key;
  std::string kind;  // table, column, index, not_null, old_value
  TableName table;
  std::string object;      // the column or index; for a table its own name
  std::string hidden_as;   // empty: dropped, definition kept
  std::string definition;  // JSON
  std::int64_t bytes = 0;
  ServerTime retired_at{};
};

}  // namespace pgphase
