#include "orchestrator/cli/explain_view.hpp"

#include <fmt/format.h>

#include <boost/json/array.hpp>
#include <set>

#include "orchestrator/cli/deploy_contract.hpp"
#include "orchestrator/cli/step_words.hpp"
#include "orchestrator/cli/work_words.hpp"
#include "orchestrator/cli/words.hpp"
#include "orchestrator/engine/derived_state.hpp"
#include "orchestrator/engine/state_machine.hpp"
#include "plans/base/one_line.hpp"
#include "plans/base/units.hpp"
#include "plans/sql/quote.hpp"

namespace pgphase {
namespace {

namespace json = boost::json;

std::vector<std::string> gate_parts(const PhasedPlan& plan, Phase phase) {
  const auto& gate = plan[phase].gate;
  std::vector<std::string> parts;
  if (gate.approve) {
    parts.push_back(fmt::format("somebody says `pgphase approve {} --phase {}`", plan.id.value, to_string(phase)));
  }
  if (gate.wait) {
    parts.push_back(fmt::format("{} since {}", format_duration(*gate.wait),
                                phase == Phase::additive ? "the plan started" : "the phase before finished"));
  }
  if (!gate.check.empty()) parts.push_back("this is true: " + gate.check);
  if (!gate.command.empty()) parts.push_back("exit 0 of: " + words::joined(gate.command, " "));
  if (gate.window) parts.push_back("the window " + gate.window->text);
  return parts;
}

std::set<TableName> tables_of(const PhasedPlan& plan) {
  std::set<TableName> tables;
  for (const auto phase : k_phases) {
    for (const auto& step : plan[phase].steps) tables.insert(step.touches.begin(), step.touches.end());
  }
  return tables;
}

// As the plan says, or the catalogue where the plan cannot.
const std::vector<RelationLock>& locks_of(const Statement& statement, const WorkOfStatement& work) {
  return work.locks.empty() ? statement.locks : work.locks;
}

std::string lock_words(const Statement& statement, const WorkOfStatement& work) {
  const auto& held = locks_of(statement, work);
  if (work.locks.empty() && !statement.locks_known) return "not known: the statement could not be looked into";
  if (held.empty()) return "none on what exists";
  std::vector<std::string> locks;
  for (const auto& lock : held) {
    std::string effect = "reads and writes go on";
    if (lock.mode >= LockMode::share) effect = "writers wait; taken with a short timeout, held briefly";
    if (lock.mode == LockMode::access_exclusive)
      effect = "readers and writers wait; taken with a short timeout, held briefly";
    locks.push_back(fmt::format("{}: {} ({})", display_name(lock.table), to_string(lock.mode), effect));
  }
  return words::joined(locks, "; ");
}

const StepRecord* record_of(const ExplainedPlan& explained, Phase phase, std::size_t index) {
  if (!explained.record || index >= (*explained.record)[phase].steps.size()) return nullptr;
  return &(*explained.record)[phase].steps[index];
}

const Foresight* foreseen(const ExplainedPlan& explained, Phase phase, std::size_t index) {
  const auto found = explained.foreseen.find({phase, index});
  return found == explained.foreseen.end() ? nullptr : &found->second;
}

std::size_t in_the_way(const ExplainedPlan& explained) {
  std::size_t count = 0;
  for (const auto& [step, found] : explained.foreseen) count += found.obstacles.size();
  return count;
}

// --- text ------------------------------------------------------------------------------------------------------------

void add_line(std::string& out, std::string_view label, const std::string& text) {
  if (!text.empty()) out += fmt::format("     {:<7} {}\n", label, words::indented(text, 13));
}

void add_sql(std::string& out, std::string_view label, const std::string& sql, SqlShown shown) {
  add_line(out, label, shown == SqlShown::all ? sql : words::first_line(sql));
}

void add_foreseen(std::string& out, const Foresight& found) {
  for (const auto& obstacle : found.obstacles) {
    out += fmt::format("     in the way: {}\n", words::indented(obstacle, 17));
  }
  for (const auto& warning : found.warnings) add_line(out, "warning", warning);
}

// Of a plan alone it can only be said what holds for most tables.
std::string note_of(const Statement& statement, const Foresight* found) {
  constexpr std::string_view k_no_rewrite = "no scan, no rewrite";
  if (!found || !found->rewrites || !statement.note.starts_with(k_no_rewrite)) return statement.note;
  return "rewrites the table" + statement.note.substr(k_no_rewrite.size());
}

// Of each statement that the step executes; of a backfill as a whole, at its first one.
using WorkOfStep = std::vector<WorkOfStatement>;

const WorkOfStatement& work_at(const WorkOfStep& work, std::size_t statement) {
  static const WorkOfStatement none;
  return statement < work.size() ? work[statement] : none;
}

void add_step(std::string& out, const Step& step, std::size_t number, const StepRecord* record, const Foresight* found,
              const WorkOfStep& work, SqlShown shown) {
  out +=
      fmt::format("  {}. {}{}\n", number, step.name,
                  record && record->state != StepState::pending ? fmt::format("  [{}]", to_string(record->state)) : "");
  add_line(out, "does", what_it_does(step));
  if (found) add_foreseen(out, *found);
  const auto statements = forward_statements(step);
  for (std::size_t i = 0; i < statements.size(); ++i) {
    const auto& statement = statements[i];
    add_sql(out, "sql", statement.sql.empty() ? "(from the definition that the ledger keeps)" : statement.sql, shown);
    add_line(out, "locks", lock_words(statement, work_at(work, i)));
    for (const auto& one : work_at(work, i).work) add_line(out, "work", words_of(one));
    add_line(out, "note", note_of(statement, found));
  }
  add_line(out, "undo", how_it_is_undone(step));
  if (!step.irreversible) {
    for (const auto& statement : undo_statements(step)) {
      if (!statement.sql.empty()) add_sql(out, "", statement.sql, shown);
    }
  }
  add_sql(out, "verify", step.verify, shown);
}

void add_phase(std::string& out, const ExplainedPlan& explained, Phase phase, const ExplainInput& input,
               SqlShown shown) {
  const auto& plan = *explained.plan;
  const auto& steps = plan[phase].steps;
  out += fmt::format("\n{}", to_string(phase));
  if (steps.empty()) {
    out += ": nothing to do\n";
    return;
  }
  if (explained.record && input.ledger) {
    out += fmt::format(" [{}]", to_string(status_of(*explained.record, phase, *input.ledger)));
  }
  const auto parts = gate_parts(plan, phase);
  out += parts.empty() ? ": starts by itself\n" : ": starts when " + words::joined(parts, ", and ") + "\n";
  auto work = work_of(plan, input.tables, input.known);
  for (std::size_t i = 0; i < steps.size(); ++i) {
    add_step(out, steps[i], i + 1, record_of(explained, phase, i), foreseen(explained, phase, i), work[phase][i],
             shown);
  }
}

void add_plan(std::string& out, const ExplainedPlan& explained, const ExplainInput& input, SqlShown shown) {
  const auto& plan = *explained.plan;
  out += plan.id.value;
  if (const auto description = one_line(plan.description); !description.empty()) out += ": " + description;
  out += '\n';
  if (!plan.requires_plans.empty()) {
    std::vector<std::string> ids;
    for (const auto& id : plan.requires_plans) ids.push_back(id.value);
    out += "requires " + words::joined(ids, ", ") + "\n";
  }
  if (explained.record && input.ledger) {
    out += fmt::format("{}: what follows is the split that the ledger keeps, which up and rollback execute\n",
                       to_string(status_of(*explained.record, *input.ledger)));
  }
  std::vector<std::string> sizes;
  for (const auto& table : tables_of(plan)) {
    const auto found = input.tables.find(table);
    if (found != input.tables.end())
      sizes.push_back(fmt::format("{} {}", display_name(table), human_bytes(found->second)));
  }
  if (!sizes.empty()) out += "tables, with indexes: " + words::joined(sizes, ", ") + "\n";
  if (const auto count = in_the_way(explained); count > 0) {
    out +=
        fmt::format("in the way: {}, named at {}, which {} refused until {}\n",
                    count == 1 ? "one thing" : fmt::format("{} things", count), count == 1 ? "its step" : "their steps",
                    count == 1 ? "is" : "are", count == 1 ? "it is gone" : "they are gone");
  }
  for (const auto phase : k_phases) add_phase(out, explained, phase, input, shown);
  out += fmt::format("\ndeploy: {}\n", deploy_contract(plan));
  for (const auto& clause : contract_clauses(plan)) {
    out += fmt::format("  {}\n", clause.about);
    if (!clause.old_code.empty()) out += fmt::format("    old code {}\n", clause.old_code);
    if (!clause.new_code.empty()) out += fmt::format("    new code {}\n", clause.new_code);
  }
}

// --- JSON ------------------------------------------------------------------------------------------------------------

json::array work_json(const std::vector<Work>& work) {
  json::array out;
  for (const auto& one : work) {
    out.push_back(
        json::object{{"does", to_string(one.kind)},
                     {"schema", one.table.schema},
                     {"table", one.table.name},
                     {"certain", one.certain},
                     {"bytes", one.bytes ? json::value(*one.bytes) : json::value(nullptr)},
                     {"estimated_seconds", one.estimate ? json::value(one.estimate->count()) : json::value(nullptr)}});
  }
  return out;
}

json::array statements_json(const std::vector<Statement>& statements, const Foresight* found, const WorkOfStep& work) {
  json::array out;
  for (std::size_t i = 0; i < statements.size(); ++i) {
    const auto& statement = statements[i];
    json::array locks;
    for (const auto& lock : locks_of(statement, work_at(work, i))) {
      locks.push_back(
          json::object{{"schema", lock.table.schema}, {"table", lock.table.name}, {"mode", to_string(lock.mode)}});
    }
    out.push_back(json::object{{"sql", statement.sql},
                               {"kind", to_string(statement.kind)},
                               {"locks", std::move(locks)},
                               {"locks_known", statement.locks_known || !work_at(work, i).locks.empty()},
                               {"work", work_json(work_at(work, i).work)},
                               {"note", note_of(statement, found)}});
  }
  return out;
}

json::value sentences_json(const Foresight* found, std::vector<std::string> Foresight::*which) {
  if (!found) return nullptr;
  return json::array((found->*which).begin(), (found->*which).end());
}

json::object step_json(const Step& step, const StepRecord* record, const Foresight* found, const WorkOfStep& work) {
  return {{"name", step.name},
          {"does", what_it_does(step)},
          {"state", to_string(record ? record->state : StepState::pending)},
          {"statements", statements_json(forward_statements(step), found, work)},
          {"undo", json::object{{"possible", !step.irreversible.has_value()},
                                {"how", how_it_is_undone(step)},
                                {"statements", statements_json(undo_statements(step), nullptr, {})}}},
          {"verify", step.verify.empty() ? json::value(nullptr) : json::value(step.verify)},
          {"in_the_way", sentences_json(found, &Foresight::obstacles)},
          {"warnings", sentences_json(found, &Foresight::warnings)}};
}

json::value gate_json(const Gate& gate) {
  if (gate.always_open()) return nullptr;
  json::object out{{"approve", gate.approve}};
  if (gate.wait) out["wait_seconds"] = gate.wait->count();
  if (!gate.check.empty()) out["check"] = gate.check;
  if (!gate.command.empty()) out["command"] = json::array(gate.command.begin(), gate.command.end());
  if (gate.window) out["window"] = gate.window->text;
  return out;
}

json::array contract_json(const PhasedPlan& plan) {
  json::array clauses;
  for (const auto& clause : contract_clauses(plan)) {
    clauses.push_back(
        json::object{{"about", clause.about}, {"old_code", clause.old_code}, {"new_code", clause.new_code}});
  }
  return clauses;
}

json::object plan_json(const ExplainedPlan& explained, const ExplainInput& input) {
  const auto& plan = *explained.plan;
  const bool known = explained.record && input.ledger;
  json::array phases, required, tables;
  for (const auto& id : plan.requires_plans) required.emplace_back(id.value);
  for (const auto& table : tables_of(plan)) {
    const auto found = input.tables.find(table);
    tables.push_back(
        json::object{{"schema", table.schema},
                     {"table", table.name},
                     {"bytes", found == input.tables.end() ? json::value(nullptr) : json::value(found->second)}});
  }
  auto work = work_of(plan, input.tables, input.known);
  for (const auto phase : k_phases) {
    json::array steps;
    for (std::size_t i = 0; i < plan[phase].steps.size(); ++i) {
      steps.push_back(step_json(plan[phase].steps[i], record_of(explained, phase, i), foreseen(explained, phase, i),
                                work[phase][i]));
    }
    phases.push_back(
        json::object{{"name", to_string(phase)},
                     {"state", known ? to_string(status_of(*explained.record, phase, *input.ledger)) : "pending"},
                     {"gate", gate_json(plan[phase].gate)},
                     {"steps", std::move(steps)}});
  }
  return {{"id", plan.id.value},
          {"description", plan.description},
          {"requires", std::move(required)},
          {"from", explained.record ? "ledger" : "folder"},
          {"state", known ? to_string(status_of(*explained.record, *input.ledger)) : "pending"},
          {"phases", std::move(phases)},
          {"tables", std::move(tables)},
          {"deploy_contract", deploy_contract(plan)},
          {"contract", contract_json(plan)}};
}

}  // namespace

std::string assumptions(const ExplainInput& input) {
  if (input.target.empty()) return "assumes PostgreSQL 15 grammar; no database: sizes unknown";
  return fmt::format("assumes PostgreSQL 15 grammar; sizes from {}, PostgreSQL {}.{}", input.target,
                     input.server_version / 10000, input.server_version % 10000);
}

std::string explain_text(const ExplainInput& input, SqlShown sql) {
  std::string out;
  for (const auto& plan : input.plans) {
    add_plan(out, plan, input, sql);
    out += '\n';
  }
  for (const auto& holder : input.long_holders) {
    out += fmt::format("a strong lock waits for: {}\n", words::indented(holder, 4));
  }
  if (input.plans.empty()) out += "nothing to explain: no plan is pending\n";
  return out + assumptions(input) + "\n";
}

json::object explain_json(const ExplainInput& input) {
  json::array plans;
  for (const auto& plan : input.plans) plans.push_back(plan_json(plan, input));
  return {{"plans", std::move(plans)},
          {"database", input.target.empty() ? json::value(nullptr) : json::value(input.target)},
          {"server_version", input.server_version == 0 ? json::value(nullptr) : json::value(input.server_version)},
          {"long_transactions", json::array(input.long_holders.begin(), input.long_holders.end())},
          {"assumptions", assumptions(input)}};
}

}  // namespace pgphase
