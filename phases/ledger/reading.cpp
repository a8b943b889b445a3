// Reading the ledger. Nothing here writes.
#include <fmt/format.h>

#include <boost/json.hpp>
#include <map>

#include "phases/ledger/ledger.hpp"
#include "phases/ledger/schema.hpp"
#include "phases/postgres/transaction.hpp"
#include "plans/split/phased_plan_json.hpp"

namespace pgphase {
namespace {

std::optional<Phase> phase_named(const std::string& name) {
  for (const auto phase : k_phases) {
    if (name == to_string(phase)) return phase;
  }
  return std::nullopt;
}

template <class Enum, std::size_t N>
Enum state_named(const std::string& name, const Enum (&all)[N]) {
  for (const auto state : all) {
    if (name == to_string(state)) return state;
  }
  return all[0];  // the CHECK constraint of the column admits no other
}

constexpr StepState k_step_states[] = {StepState::pending, StepState::running,    StepState::done,
                                       StepState::failed,  StepState::skipped,    StepState::undoing,
                                       StepState::undone,  StepState::undo_failed};
constexpr PhaseState k_phase_states[] = {PhaseState::pending,      PhaseState::running,     PhaseState::done,
                                         PhaseState::rolling_back, PhaseState::rolled_back, PhaseState::sealed};

ServerTime time_from(std::int64_t microseconds) {
  return ServerTime(std::chrono::microseconds(microseconds));
}

std::optional<ServerTime> maybe_time(const Row& row, std::size_t column) {
  if (row.is_null(column)) return std::nullopt;
  return time_from(row.integer(column));
}

// The message inside the JSON that step_failed wrote.
std::string error_words(const std::string& json) {
  boost::system::error_code bad;
  const auto value = boost::json::parse(json, bad);
  if (bad || !value.is_object()) return json;
  const auto& object = value.as_object();
  const auto text = [&](const char* key) {
    const auto* found = object.if_contains(key);
    return found && found->is_string() ? std::string(found->as_string()) : std::string();
  };
  std::string words = text("message");
  if (const auto state = text("sqlstate"); !state.empty()) words += " (SQLSTATE " + state + ")";
  return words;
}

Result<std::vector<PlanRecord>> read_plans(Session& session) {
  PGPHASE_TRY(
      rows,
      session.query(
          "SELECT id, split, text, position, generation, hold_reason, hold_by, interrupted_at IS NOT NULL, stamped, "
          "       (extract(epoch FROM started_at) * 1000000)::bigint, (extract(epoch FROM finished_at) * "
          "1000000)::bigint "
          "FROM pgphase.plan ORDER BY position"));
  std::vector<PlanRecord> plans;
  for (const auto& row : rows) {
    boost::system::error_code bad;
    const auto split = boost::json::parse(row.text(1), bad);
    auto plan = bad ? Result<PhasedPlan>(make_error(Errc::bug, "not JSON")) : phased_plan_from_json(split);
    if (!plan) {
      return make_error(
          Errc::refused,
          fmt::format("the split of plan {} in the ledger cannot be read: {}", row.text(0), plan.error().message),
          "Nothing was changed. It was written by another version of pgphase; use that one.");
    }
    PlanRecord record;
    record.plan = std::move(*plan);
    record.plan.text = row.text(2);
    record.position = row.integer(3);
    record.generation = static_cast<int>(row.integer(4));
    record.held = !row.is_null(5);
    record.hold_reason = row.text(5);
    record.hold_by = row.text(6);
    record.interrupted = row.boolean(7);
    record.stamped = row.boolean(8);
    record.started_at = maybe_time(row, 9);
    record.finished_at = maybe_time(row, 10);
    plans.push_back(std::move(record));
  }
  return plans;
}

Result<void> read_phases(Session& session, std::vector<PlanRecord>& plans,
                         const std::map<std::string, std::size_t>& at) {
  PGPHASE_TRY(
      rows, session.query("SELECT plan, phase, state, (extract(epoch FROM started_at) * 1000000)::bigint, "
                          "       (extract(epoch FROM finished_at) * 1000000)::bigint, wal_bytes, "
                          // By way of JSON, because older ledgers have no such columns.
                          "       (extract(epoch FROM (to_jsonb(p) ->> 'sealed_at')::timestamptz) * 1000000)::bigint, "
                          "       to_jsonb(p) ->> 'sealed_by', to_jsonb(p) ->> 'sealed_what' FROM pgphase.phase p"));
  for (const auto& row : rows) {
    auto& phase = plans[at.at(row.text(0))][*phase_named(row.text(1))];
    phase.state = state_named(row.text(2), k_phase_states);
    phase.started_at = maybe_time(row, 3);
    phase.finished_at = maybe_time(row, 4);
    phase.wal_bytes = row.integer(5);
    phase.sealed_at = maybe_time(row, 6);
    phase.sealed_by = row.text(7);
    phase.sealed_what = row.text(8);
  }
  return {};
}

Result<void> read_steps(Session& session, std::vector<PlanRecord>& plans,
                        const std::map<std::string, std::size_t>& at) {
  PGPHASE_TRY(rows, session.query("SELECT plan, phase, name, state, part, undo_part, intent, error, blockers #>> '{}', "
                                  "attempts, rows, lock_ms, reason, "
                                  // By way of JSON, because older ledgers have no such column.
                                  "coalesce((to_jsonb(s) ->> 'kept')::boolean, false) "
                                  "FROM pgphase.step s ORDER BY plan, phase, position"));
  for (const auto& row : rows) {
    StepRecord step;
    step.name = row.text(2);
    step.state = state_named(row.text(3), k_step_states);
    step.part = static_cast<int>(row.integer(4));
    step.undo_part = static_cast<int>(row.integer(5));
    step.intent = row.text(6);
    step.error = row.is_null(7) ? "" : error_words(row.text(7));
    step.blockers = row.text(8);
    step.attempts = static_cast<int>(row.integer(9));
    step.rows = row.integer(10);
    step.lock_ms = row.number(11);
    step.reason = row.text(12);
    step.kept = row.boolean(13);
    plans[at.at(row.text(0))][*phase_named(row.text(1))].steps.push_back(std::move(step));
  }
  return {};
}

}  // namespace

const char* to_string(StepState state) {
  switch (state) {
    case StepState::pending:
      return "pending";
    case StepState::running:
      return "running";
    case StepState::done:
      return "done";
    case StepState::failed:
      return "failed";
    case StepState::skipped:
      return "skipped";
    case StepState::undoing:
      return "undoing";
    case StepState::undone:
      return "undone";
    case StepState::undo_failed:
      return "undo_failed";
  }
  return "?";
}

const char* to_string(PhaseState state) {
  switch (state) {
    case PhaseState::pending:
      return "pending";
    case PhaseState::running:
      return "running";
    case PhaseState::done:
      return "done";
    case PhaseState::rolling_back:
      return "rolling_back";
    case PhaseState::rolled_back:
      return "rolled_back";
    case PhaseState::sealed:
      return "sealed";
  }
  return "?";
}

const PlanRecord* LedgerView::find(const PlanId& id) const {
  for (const auto& plan : plans) {
    if (plan.plan.id == id) return &plan;
  }
  return nullptr;
}

Result<std::vector<RequestRecord>> read_requests(Session& session) {
  PGPHASE_TRY(
      rows,
      session.query(
          "SELECT id, kind, plan, phase, cancel_now, split_sha256, generation, reason, by_person || ' as ' || by_role, "
          "       (extract(epoch FROM requested_at) * 1000000)::bigint "
          "FROM pgphase.request WHERE lifted_at IS NULL ORDER BY id"));
  std::vector<RequestRecord> requests;
  for (const auto& row : rows) {
    RequestRecord request;
    request.id = row.integer(0);
    request.kind = row.text(1) == "pause"     ? RequestKind::pause
                   : row.text(1) == "approve" ? RequestKind::approve
                                              : RequestKind::stop;
    if (!row.is_null(2)) request.plan = PlanId{row.text(2)};
    if (!row.is_null(3)) request.phase = phase_named(row.text(3));
    request.cancel_now = row.boolean(4);
    request.split_sha256 = row.text(5);
    request.generation = static_cast<int>(row.integer(6));
    request.reason = row.text(7);
    request.by = row.text(8);
    request.requested_at = time_from(row.integer(9));
    requests.push_back(std::move(request));
  }
  return requests;
}

Result<ServerTime> server_time(Session& session) {
  PGPHASE_TRY(now, session.query("SELECT (extract(epoch FROM clock_timestamp()) * 1000000)::bigint"));
  return time_from(now[0].integer(0));
}

Result<std::map<PlanId, std::vector<BackfillRecord>>> read_backfills(Session& session,
                                                                     const std::optional<PlanId>& plan) {
  PGPHASE_TRY(
      rows,
      session.query(
          "SELECT b.plan, b.step, b.stage, b.pages_total, "
          // What an index finds is in no order of pages: the rows tell how far it is.
          "       CASE WHEN to_jsonb(b) ->> 'scan' = 'index' "
          "            THEN greatest(coalesce(c.visited, 0), (b.pages_total * least(1.0, (coalesce(c.rows, 0) + b.swept_rows) "
          "                 / greatest(b.rows_estimate, 1)::numeric))::bigint) ELSE coalesce(c.visited, 0) END, "
          "       coalesce(c.rows, 0) + b.swept_rows, "
          "       b.rows_estimate, "
          "       extract(epoch FROM CASE WHEN b.stage = 'done' THEN coalesce(s.finished_at, clock_timestamp()) "
          "                               ELSE clock_timestamp() END - b.started_at), "
          "       coalesce(to_jsonb(b) ->> 'chosen', ''), coalesce(to_jsonb(b) ->> 'slowed_by', '') "
          "  FROM pgphase.backfill b "
          "  LEFT JOIN pgphase.step s ON s.plan = b.plan AND s.phase = b.phase AND s.name = b.step "
          "  LEFT JOIN (SELECT plan, phase, step, "
          "                    sum(CASE WHEN done THEN end_page - first_page ELSE (stripe * (end_page - first_page) "
          "                             + position - first_page) "
          "                             / coalesce((to_jsonb(k) ->> 'stripes')::int, 1) END) FILTER (WHERE pass = 0) AS visited, "
          "                    sum(rows) AS rows "
          "               FROM pgphase.chunk k WHERE $1::text IS NULL OR plan = $1 GROUP BY 1, 2, 3) c "
          "         ON c.plan = b.plan AND c.phase = b.phase AND c.step = b.step "
          " WHERE $1::text IS NULL OR b.plan = $1 ORDER BY b.started_at, b.step",
          {plan ? std::optional(plan->value) : std::nullopt}));
  std::map<PlanId, std::vector<BackfillRecord>> records;
  for (const auto& row : rows) {
    records[PlanId{row.text(0)}].push_back({row.text(1), row.text(2), row.integer(3),
                                            std::min(row.integer(4), row.integer(3)), row.integer(5), row.integer(6),
                                            row.number(7), row.text(8), row.text(9)});
  }
  return records;
}

namespace {

// Not in a ledger that an older pgphase has made.
constexpr int k_bad_rows_since = 5;

Result<void> count_bad_rows(Session& session, std::vector<PlanRecord>& plans,
                            const std::map<std::string, std::size_t>& at) {
  PGPHASE_TRY(counts, session.query("SELECT plan, step, count(*) FROM pgphase.bad_row GROUP BY 1, 2"));
  for (const auto& row : counts) {
    for (auto& backfill : plans[at.at(row.text(0))].backfills) {
      if (backfill.step == row.text(1)) backfill.bad_rows = row.integer(2);
    }
  }
  return {};
}

}  // namespace

Result<LedgerView> read_ledger(Session& session) {
  LedgerView view;
  PGPHASE_TRY(version, ledger_version(session));
  if (version == 0) {
    PGPHASE_TRY(now, server_time(session));
    view.now = now;
    return view;
  }
  view.exists = true;
  PGPHASE_TRY(holder, lease_holder(session));
  view.lease = std::move(holder);
  auto snapshot =
      Transaction::begin(session, "ledger.read", "SET TRANSACTION ISOLATION LEVEL REPEATABLE READ READ ONLY;");
  if (!snapshot) return snapshot.error();
  PGPHASE_TRY(now, server_time(session));
  view.now = now;
  PGPHASE_TRY(plans, read_plans(session));
  view.plans = std::move(plans);
  std::map<std::string, std::size_t> at;
  for (std::size_t i = 0; i < view.plans.size(); ++i) at[view.plans[i].plan.id.value] = i;
  PGPHASE_CHECK(read_phases(session, view.plans, at));
  PGPHASE_CHECK(read_steps(session, view.plans, at));
  PGPHASE_TRY(backfills, read_backfills(session, std::nullopt));
  for (auto& [plan, records] : backfills) view.plans[at.at(plan.value)].backfills = std::move(records);
  if (version >= k_bad_rows_since) PGPHASE_CHECK(count_bad_rows(session, view.plans, at));
  PGPHASE_TRY(requests, read_requests(session));
  view.requests = std::move(requests);
  return view;
}

Result<bool> event_since(Session& session, const StepKey& phase, const std::string& kind, const std::string& since) {
  PGPHASE_TRY(found, session.query("SELECT EXISTS (SELECT FROM pgphase.event WHERE plan = $1 AND phase = $2 AND kind = $3 "
                                   "AND id > coalesce((SELECT max(id) FROM pgphase.event WHERE plan = $1 AND phase = $2 "
                                   "                   AND kind = $4), 0))",
                                   {phase.plan.value, to_string(phase.phase), kind, since}));
  return found[0].boolean(0);
}

Result<std::vector<Event>> read_events(Session& session, const std::optional<PlanId>& plan, int limit) {
  PGPHASE_TRY(version, ledger_version(session));
  std::vector<Event> events;
  if (version == 0) return events;
  PGPHASE_TRY(rows, session.query(
                        "SELECT * FROM (SELECT id, to_char(at, 'YYYY-MM-DD\"T\"HH24:MI:SS.MS\"Z\"'), plan, phase, "
                        "step, kind, message, "
                        "       by_person || ' as ' || by_role FROM pgphase.event WHERE $1::text IS NULL OR plan = $1 "
                        "       ORDER BY id DESC LIMIT $2::int) e ORDER BY 1",
                        {plan ? std::optional(plan->value) : std::nullopt, std::to_string(limit)}));
  for (const auto& row : rows) {
    events.push_back({row.text(1), row.text(2), row.text(3), row.text(4), row.text(5), row.text(6), row.text(7)});
  }
  return events;
}

namespace {

constexpr const char* k_retired =
    "SELECT id, plan, phase, step, kind, schema_name, table_name, object_name, hidden_as, definition, bytes, "
    "       (extract(epoch FROM retired_at) * 1000000)::bigint "
    "FROM pgphase.retired WHERE purged_at IS NULL ";

std::vector<RetiredRecord> retired_records(const Rows& rows) {
  std::vector<RetiredRecord> retired;
  for (const auto& row : rows) {
    retired.push_back({row.integer(0),
                       {PlanId{row.text(1)}, *phase_named(row.text(2)), row.text(3)},
                       row.text(4),
                       {row.text(5), row.text(6)},
                       row.text(7),
                       row.text(8),
                       row.text(9),
                       row.integer(10),
                       time_from(row.integer(11))});
  }
  return retired;
}

}  // namespace

Result<std::vector<RetiredRecord>> read_retired(Session& session, const std::optional<PlanId>& plan) {
  PGPHASE_TRY(version, ledger_version(session));
  if (version == 0) return std::vector<RetiredRecord>();
  PGPHASE_TRY(rows, session.query(std::string(k_retired) +
                                      "AND restored_at IS NULL AND ($1::text IS NULL OR plan = $1) ORDER BY id",
                                  {plan ? std::optional(plan->value) : std::nullopt}));
  return retired_records(rows);
}

Result<std::vector<RetiredRecord>> read_retired_by(Session& session, const StepKey& key) {
  PGPHASE_TRY(rows, session.query(std::string(k_retired) + "AND plan = $1 AND phase = $2 AND step = $3 ORDER BY id",
                                  {key.plan.value, to_string(key.phase), key.step}));
  return retired_records(rows);
}

}  // namespace pgphase
