// Writing the ledger. Callers bring the transaction (begin_fenced), except for requests and events.
#include <fmt/format.h>

#include <boost/json.hpp>

#include "phases/ledger/ledger.hpp"
#include "plans/split/phased_plan_json.hpp"

namespace pgphase {
namespace {

using Text = std::optional<std::string>;

Result<void> run(Session& session, std::string_view sql, const Params& params) {
  PGPHASE_CHECK(session.query(sql, params));
  return {};
}

// Updates exactly one step; anything else means that the ledger is not what this run believes.
Result<void> on_step(Session& session, const StepKey& key, const std::string& set, Params extra = {}) {
  Params params{key.plan.value, to_string(key.phase), key.step};
  params.insert(params.end(), extra.begin(), extra.end());
  PGPHASE_TRY(updated, session.query(
      "UPDATE pgphase.step SET " + set + " WHERE plan = $1 AND phase = $2 AND name = $3", params));
  if (updated.affected == 1) return {};
  return make_error(Errc::bug, fmt::format("the ledger has no step {}/{} of plan {}", to_string(key.phase), key.step,
                                           key.plan.value),
                    "The transaction was rolled back. Please report this with the output of `pgphase history`.");
}

std::string error_json(const Error& error) {
  return boost::json::serialize(boost::json::object{{"message", error.message},
                                                    {"sqlstate", error.sqlstate},
                                                    {"detail", error.detail},
                                                    {"statement", error.statement}});
}

}  // namespace

Result<void> record_plan(Session& session, const PhasedPlan& plan) {
  PGPHASE_CHECK(run(session,
      "INSERT INTO pgphase.plan AS p (id, description, text, text_sha256, split, split_sha256) VALUES ($1, $2, $3, $4, $5, $6) "
      "ON CONFLICT (id) DO UPDATE SET description = excluded.description, text = excluded.text, "
      "  text_sha256 = excluded.text_sha256, split = excluded.split, split_sha256 = excluded.split_sha256, "
      "  generation = p.generation + 1, finished_at = NULL",
      {plan.id.value, plan.description, plan.text, plan.text_sha256, boost::json::serialize(to_json(plan)),
       plan.split_sha256}));
  for (const auto phase : k_phases) {
    PGPHASE_CHECK(run(session,
        "INSERT INTO pgphase.phase (plan, phase, state) VALUES ($1, $2, 'pending') ON CONFLICT DO NOTHING",
        {plan.id.value, to_string(phase)}));
    int position = 0;
    boost::json::array kept;
    for (const auto& step : plan[phase].steps) {
      kept.push_back(boost::json::string(step.name));
      PGPHASE_CHECK(run(session,
          "INSERT INTO pgphase.step (plan, phase, name, position) VALUES ($1, $2, $3, $4) "
          "ON CONFLICT (plan, phase, name) DO UPDATE SET position = excluded.position",
          {plan.id.value, to_string(phase), step.name, std::to_string(position++)}));
    }
    PGPHASE_CHECK(run(session,
        "DELETE FROM pgphase.step WHERE plan = $1 AND phase = $2 "
        "AND name NOT IN (SELECT json_array_elements_text($3::json))",
        {plan.id.value, to_string(phase), boost::json::serialize(kept)}));
  }
  return {};
}

Result<void> set_phase_state(Session& session, const PlanId& plan, Phase phase, PhaseState state) {
  const bool starts = state == PhaseState::running;
  const bool ends = state == PhaseState::done;
  std::string set = "state = $3";
  if (starts) {
    set += ", started_at = coalesce(started_at, clock_timestamp()), finished_at = NULL, "
           "wal_start = coalesce(wal_start, pg_current_wal_insert_lsn())";
  }
  if (ends) {
    set += ", started_at = coalesce(started_at, clock_timestamp()), finished_at = clock_timestamp(), "
           "wal_bytes = pg_current_wal_insert_lsn() - wal_start";
  }
  if (state == PhaseState::rolled_back) set += ", started_at = NULL, finished_at = NULL, wal_start = NULL, wal_bytes = NULL";
  return run(session, "UPDATE pgphase.phase SET " + set + " WHERE plan = $1 AND phase = $2",
             {plan.value, to_string(phase), to_string(state)});
}

Result<void> set_plan_finished(Session& session, const PlanId& plan, bool finished) {
  return run(session, fmt::format("UPDATE pgphase.plan SET finished_at = {} WHERE id = $1",
                                  finished ? "clock_timestamp()" : "NULL"), {plan.value});
}

Result<void> set_plan_interrupted(Session& session, const PlanId& plan, bool interrupted) {
  return run(session, fmt::format("UPDATE pgphase.plan SET interrupted_at = {} WHERE id = $1",
                                  interrupted ? "clock_timestamp()" : "NULL"), {plan.value});
}

Result<void> set_plan_stamped(Session& session, const PlanId& plan) {
  PGPHASE_CHECK(run(session,
      "UPDATE pgphase.plan SET stamped = true, finished_at = clock_timestamp() WHERE id = $1", {plan.value}));
  PGPHASE_CHECK(run(session,
      "UPDATE pgphase.phase SET state = 'done', started_at = clock_timestamp(), finished_at = clock_timestamp() "
      "WHERE plan = $1 AND state <> 'done'", {plan.value}));
  return run(session,
      "UPDATE pgphase.step SET state = 'skipped', reason = 'stamped', finished_at = clock_timestamp() "
      "WHERE plan = $1 AND state NOT IN ('done', 'skipped')", {plan.value});
}

Result<void> forget_stamp(Session& session, const PlanId& plan, Phase phase) {
  // The last phase that a rollback of the whole plan comes to.
  if (phase == Phase::additive) {
    PGPHASE_CHECK(run(session, "UPDATE pgphase.plan SET stamped = false WHERE id = $1", {plan.value}));
  }
  return run(session,
      "UPDATE pgphase.step SET state = 'pending', reason = NULL, finished_at = NULL "
      "WHERE plan = $1 AND phase = $2 AND state = 'skipped' AND reason = 'stamped'", {plan.value, to_string(phase)});
}

Result<void> set_hold(Session& session, const PlanId& plan, const std::string& reason, const std::string& by) {
  if (reason.empty()) {
    return run(session, "UPDATE pgphase.plan SET hold_reason = NULL, hold_by = NULL, hold_at = NULL WHERE id = $1",
               {plan.value});
  }
  return run(session,
      "UPDATE pgphase.plan SET hold_reason = $2, hold_by = $3 || ' as ' || session_user, hold_at = clock_timestamp() "
      "WHERE id = $1", {plan.value, reason, by});
}

Result<void> raise_generation(Session& session, const PlanId& plan) {
  return run(session, "UPDATE pgphase.plan SET generation = generation + 1, finished_at = NULL WHERE id = $1", {plan.value});
}

Result<void> step_running(Session& session, const StepKey& key) {
  return on_step(session, key,
      "part = CASE WHEN state IN ('pending', 'running', 'failed') THEN part ELSE 0 END, "
      "rows = CASE WHEN state = 'undone' THEN NULL ELSE rows END, "
      "state = 'running', undo_part = 0, started_at = coalesce(started_at, clock_timestamp()), finished_at = NULL");
}

Result<void> step_part_done(Session& session, const StepKey& key, int parts_done) {
  return on_step(session, key, "part = $4::int, intent = NULL, error = NULL, blockers = NULL, attempts = 0",
                 {std::to_string(parts_done)});
}

Result<void> step_kept(Session& session, const StepKey& key) {
  return on_step(session, key, "kept = true");
}

Result<void> step_not_kept(Session& session, const StepKey& key) {
  return on_step(session, key, "kept = false");
}

Result<void> step_finished(Session& session, const StepKey& key, StepState state) {
  return on_step(session, key,
      "state = $4, finished_at = clock_timestamp(), intent = NULL, error = NULL, blockers = NULL, attempts = 0"
      ", part = CASE WHEN $4 = 'undone' THEN 0 ELSE part END, kept = kept AND $4 = 'undone'", {to_string(state)});
}

Result<void> step_intent(Session& session, const StepKey& key, const std::string& statement) {
  return on_step(session, key, "intent = $4", {statement});
}

Result<void> step_failed(Session& session, const StepKey& key, const Error& error, StepState state) {
  return on_step(session, key, "state = $4, error = $5::json", {to_string(state), error_json(error)});
}

Result<void> step_blocked(Session& session, const StepKey& key, const std::string& blockers) {
  return on_step(session, key, "attempts = attempts + 1, blockers = to_json($4::text)", {blockers});
}

Result<void> step_undoing(Session& session, const StepKey& key) {
  return on_step(session, key,
      "undo_part = CASE WHEN state IN ('undoing', 'undo_failed') THEN undo_part ELSE 0 END, state = 'undoing'");
}

Result<void> step_undo_part_done(Session& session, const StepKey& key, int parts_done) {
  return on_step(session, key, "undo_part = $4::int, intent = NULL, error = NULL, blockers = NULL, attempts = 0",
                 {std::to_string(parts_done)});
}

Result<void> step_lock_held(Session& session, const StepKey& key, double milliseconds) {
  return on_step(session, key, "lock_ms = greatest(coalesce(lock_ms, 0), $4::float8)", {fmt::format("{}", milliseconds)});
}

Result<void> step_rows(Session& session, const StepKey& key, std::int64_t rows) {
  return on_step(session, key, "rows = $4::bigint", {std::to_string(rows)});
}

Result<void> step_by_hand(Session& session, const StepKey& key, StepState state, const std::string& reason) {
  return on_step(session, key,
      "state = $4, reason = $5, intent = NULL, error = NULL, blockers = NULL, finished_at = clock_timestamp()",
      {to_string(state), reason});
}

Result<std::int64_t> reserve_retired_number(Session& session) {
  PGPHASE_TRY(row, session.query("SELECT nextval(pg_get_serial_sequence('pgphase.retired', 'id'))"));
  return row[0].integer(0);
}

Result<void> record_retired(Session& session, const RetiredRecord& record) {
  return run(session,
      "INSERT INTO pgphase.retired (id, plan, phase, step, kind, schema_name, table_name, object_name, hidden_as, "
      "definition, bytes) OVERRIDING SYSTEM VALUE VALUES ($1, $2, $3, $4, $5, $6, $7, $8, nullif($9, ''), $10, $11)",
      {std::to_string(record.id), record.key.plan.value, to_string(record.key.phase), record.key.step, record.kind,
       record.table.schema, record.table.name, record.object, record.hidden_as, record.definition,
       std::to_string(record.bytes)});
}

Result<void> record_restored(Session& session, std::int64_t id) {
  return run(session, "UPDATE pgphase.retired SET restored_at = clock_timestamp() WHERE id = $1", {std::to_string(id)});
}

Result<void> record_purged(Session& session, std::int64_t id) {
  return run(session, "UPDATE pgphase.retired SET purged_at = clock_timestamp() WHERE id = $1", {std::to_string(id)});
}

Result<void> seal_phases(Session& session, const PlanId& plan, const std::vector<Phase>& phases, const std::string& by,
                         const std::string& what) {
  for (const auto phase : phases) {
    PGPHASE_CHECK(run(session,
                      "UPDATE pgphase.phase SET state = 'sealed', sealed_at = clock_timestamp(), sealed_by = $3, "
                      "       sealed_what = concat_ws('; ', sealed_what, nullif($4, '')) WHERE plan = $1 AND phase = $2",
                      {plan.value, to_string(phase), by, what}));
  }
  return {};
}

Result<void> add_request(Session& session, const NewRequest& request) {
  const char* kind = request.kind == RequestKind::pause     ? "pause"
                     : request.kind == RequestKind::approve ? "approve"
                                                            : "stop";
  PGPHASE_CHECK(run(session,
      "INSERT INTO pgphase.request (kind, plan, phase, cancel_now, split_sha256, generation, reason, by_person) "
      "VALUES ($1, $2, $3, $4, $5, $6, nullif($7, ''), $8)",
      {kind, request.plan ? Text(request.plan->value) : Text(), request.phase ? Text(to_string(*request.phase)) : Text(),
       request.cancel_now ? "t" : "f", request.split_sha256, std::to_string(request.generation), request.reason,
       request.person}));
  return run(session, fmt::format("SELECT pg_notify('{}', $1)", k_notify_channel), {kind});
}

Result<std::int64_t> lift_requests(Session& session, RequestKind kind, const std::optional<PlanId>& plan,
                                   const std::string& by) {
  const char* name = kind == RequestKind::pause ? "pause" : kind == RequestKind::approve ? "approve" : "stop";
  PGPHASE_TRY(lifted, session.query(
      "UPDATE pgphase.request SET lifted_at = clock_timestamp(), lifted_by = $3 || ' as ' || session_user "
      "WHERE kind = $1 AND lifted_at IS NULL AND ($2::text IS NULL OR plan = $2)",
      {name, plan ? Text(plan->value) : Text(), by}));
  PGPHASE_CHECK(session.query(fmt::format("SELECT pg_notify('{}', 'lifted')", k_notify_channel)));
  return lifted.affected;
}

Result<void> record_event(Session& session, const std::string& person, const StepKey& key, const std::string& kind,
                          const std::string& message, const std::string& detail_json) {
  return run(session,
      "INSERT INTO pgphase.event (plan, phase, step, kind, message, detail, by_person, program) "
      "VALUES (nullif($1, ''), $2, nullif($3, ''), $4, $5, nullif($6, '')::json, $7, $8)",
      {key.plan.value, key.plan.value.empty() || kind.starts_with("plan") ? Text() : Text(to_string(key.phase)), key.step,
       kind, message, detail_json, person, PGPHASE_VERSION});
}

}  // namespace pgphase
