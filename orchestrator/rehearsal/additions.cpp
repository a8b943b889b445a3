#include "orchestrator/rehearsal/additions.hpp"

#include <fmt/format.h>

#include <algorithm>

#include "plans/sql/statement.hpp"

namespace pgphase {
namespace {

void add_column(Additions& out, const TableName& table, const std::string& column) {
  // Of a new table every column is written to with its rows.
  if (std::find(out.tables.begin(), out.tables.end(), table) == out.tables.end())
    out.columns.emplace_back(table, column);
}

void add_written(Additions& out, const SqlBody& body) {
  for (const Statement& statement : body.forward) {
    const auto parsed = parse_statements(statement.sql);
    if (!parsed) continue;
    for (const auto& one : *parsed) {
      for (const Action& action : one.actions) {
        if (action.kind == ActionKind::create_table) out.tables.push_back(action.table);
        if (action.kind == ActionKind::add_column) add_column(out, action.table, action.name);
      }
    }
  }
}

}  // namespace

Additions additions_of(const PhasedPlan& plan, Phase phase) {
  Additions out;
  for (const Step& step : plan[phase].steps) {
    if (const auto* create = std::get_if<CreateTableBody>(&step.body)) out.tables.push_back(create->table);
    if (const auto* add = std::get_if<AddColumnBody>(&step.body)) add_column(out, add->table, add->column);
    if (const auto* link = std::get_if<LinkColumnsBody>(&step.body)) {
      for (const auto& target : link->targets) {
        if (target.called.empty()) add_column(out, link->table, target.name);  // else nobody writes it
      }
    }
    if (const auto* written = std::get_if<SqlBody>(&step.body)) add_written(out, *written);
  }
  return out;
}

std::set<std::pair<TableName, std::string>> kept_by_rollback(const PhasedPlan& plan) {
  std::set<std::pair<TableName, std::string>> out;
  for (const auto& phase : plan.phases) {
    for (const Step& step : phase.steps) {
      const auto* backfill = std::get_if<BackfillBody>(&step.body);
      if (!backfill || !backfill->undo.empty()) continue;
      for (const auto& assignment : backfill->set) out.emplace(backfill->table, assignment.column);
    }
  }
  return out;
}

std::string irreversible(const PhasedPlan& plan, Phase phase) {
  for (const Step& step : plan[phase].steps) {
    if (step.irreversible) return fmt::format("{} is irreversible: {}", step.name, *step.irreversible);
  }
  return {};
}

}  // namespace pgphase
