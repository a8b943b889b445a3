// Plans and ledgers as values, for the tests of what is decided and shown from them. No database.
#pragma once

#include <string>
#include <utility>
#include <vector>

#include "phases/ledger/records.hpp"

namespace pgphase::testing {

inline ServerTime at_minute(int minute) {
  using namespace std::chrono_literals;
  return ServerTime(std::chrono::sys_days(std::chrono::year(2026) / 3 / 1) + 12h) + std::chrono::minutes(minute);
}

inline Step sql_step(std::string name, int forward = 1, int undo = 1) {
  SqlBody body;
  for (int i = 0; i < forward; ++i) {
    Statement statement;
    statement.sql = "ALTER TABLE tasks /* " + name + " " + std::to_string(i) + " */";
    statement.locks = {{{"public", "tasks"}, LockMode::access_exclusive}};
    body.forward.push_back(statement);
  }
  for (int i = 0; i < undo; ++i) {
    Statement statement;
    statement.sql = "ALTER TABLE tasks /* back " + name + " " + std::to_string(i) + " */";
    body.undo.push_back(statement);
  }
  Step step;
  step.name = std::move(name);
  step.body = std::move(body);
  step.touches = {{"public", "tasks"}};
  return step;
}

inline Step fill_step(std::string name) {
  BackfillBody body;
  body.table = {"public", "tasks"};
  body.set = {{"priority", "CASE WHEN completed THEN 9 ELSE 3 END"}};
  body.todo = Todo::fill_empty;
  Step step;
  step.name = std::move(name);
  step.body = std::move(body);
  step.touches = {{"public", "tasks"}};
  return step;
}

inline Step column_step(const std::string& column) {
  AddColumnBody body;
  body.table = {"public", "tasks"};
  body.column = column;
  body.sql = "ALTER TABLE public.tasks ADD COLUMN " + column + " smallint";
  Step step;
  step.name = "add_column tasks." + column;
  step.body = std::move(body);
  step.touches = {{"public", "tasks"}};
  return step;
}

// A column, two steps of a backfill phase, one of constraint behind an approval.
inline PhasedPlan priority_plan(const std::string& id = "002_task_priority") {
  PhasedPlan plan;
  plan.id = {id};
  plan.description = "Every task gets a priority";
  plan.requires_plans = {{"001_initial"}};
  plan.split_sha256 = "split-1";
  plan[Phase::additive].steps = {column_step("priority")};
  plan[Phase::backfill].steps = {fill_step("fill"), sql_step("index")};
  plan[Phase::constraint].steps = {sql_step("required", 3, 1)};
  plan[Phase::constraint].gate.approve = true;
  return plan;
}

// As `record_plan` leaves it: nothing has begun.
inline PlanRecord recorded(PhasedPlan plan) {
  PlanRecord record;
  for (const auto phase : k_phases) {
    for (const auto& step : plan[phase].steps) {
      StepRecord row;
      row.name = step.name;
      record[phase].steps.push_back(std::move(row));
    }
  }
  record.plan = std::move(plan);
  record.position = 1;
  record.started_at = at_minute(0);
  return record;
}

inline void finish(PlanRecord& plan, Phase phase, int minute) {
  auto& record = plan[phase];
  record.state = PhaseState::done;
  record.started_at = at_minute(minute - 1);
  record.finished_at = at_minute(minute);
  for (auto& step : record.steps) step.state = StepState::done;
}

inline void roll_back(PlanRecord& plan, Phase phase) {
  auto& record = plan[phase];
  record.state = PhaseState::rolled_back;
  record.started_at.reset();
  record.finished_at.reset();
  for (auto& step : record.steps) step.state = StepState::undone;
  plan.finished_at.reset();
}

inline PlanRecord at_the_gate() {
  auto plan = recorded(priority_plan());
  finish(plan, Phase::additive, 1);
  finish(plan, Phase::backfill, 10);
  return plan;
}

inline PlanRecord finished_plan() {
  auto plan = at_the_gate();
  finish(plan, Phase::constraint, 20);
  plan.finished_at = at_minute(20);
  return plan;
}

inline LedgerView ledger_of(std::vector<PlanRecord> plans) {
  LedgerView ledger;
  ledger.exists = true;
  ledger.now = at_minute(30);
  ledger.plans = std::move(plans);
  return ledger;
}

inline LeaseHolder live_lease() {
  return {7, "ada@build-7: pgphase up", "deploy", "2026-03-01 12:00:00Z", 1.0, true};
}

inline RequestRecord pause_of(std::optional<PlanId> plan, int minute = 5) {
  RequestRecord request;
  request.id = 1;
  request.kind = RequestKind::pause;
  request.plan = std::move(plan);
  request.by = "eve@laptop as ops";
  request.reason = "replica is behind";
  request.requested_at = at_minute(minute);
  return request;
}

inline RequestRecord approval_of(const PlanRecord& plan, Phase phase, int minute) {
  RequestRecord request;
  request.id = 2;
  request.kind = RequestKind::approve;
  request.plan = plan.plan.id;
  request.phase = phase;
  request.split_sha256 = plan.plan.split_sha256;
  request.generation = plan.generation;
  request.by = "eve@laptop as ops";
  request.requested_at = at_minute(minute);
  return request;
}

}  // namespace pgphase::testing
