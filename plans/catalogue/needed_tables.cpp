#include "plans/catalogue/needed_tables.hpp"

#include <algorithm>
#include <set>

#include "plans/sql/statement.hpp"

namespace pgphase {
namespace {

class Walk {
 public:
  void plan(const PhasedPlan& plan) {
    for (const Phase phase : k_phases) {
      for (const Step& step : plan[phase].steps) {
        if (!certain_) return;
        at_ = {{}, plan.id, phase, step.name, step.line};
        std::visit([this](const auto& body) { this->step(body); }, step.body);
      }
    }
  }

  std::vector<NeededTable> take() { return std::move(needed_); }

 private:
  void step(const CreateTableBody& body) {
    statement(body.sql);
    created_.insert(body.table);
  }
  void step(const AddColumnBody& body) { need(body.table); }
  void step(const LinkColumnsBody& body) { need(body.table); }
  void step(const HandOverBody& body) { need(body.table); }
  void step(const RetypeBody& body) { need(body.table); }
  void step(const DropNotNullBody& body) { need(body.table); }
  void step(const RetireTableBody& body) { need(body.table); }
  void step(const KeepOldBody& body) { need(body.table); }
  void step(const RenameTableBody& body) {
    need(body.table);
    created_.insert(body.renamed());
  }
  void step(const BackfillBody& body) { need(body.table); }
  void step(const SqlBody& body) {
    // A step of ours that looks at the rows first changes constraints of what it locks, and nothing else.
    const bool of_ours = !body.forward.empty() && body.forward.front().kind == StatementKind::require;
    for (const Statement& one : body.forward) {
      if (!of_ours) {
        statement(one.sql);
        continue;
      }
      for (const RelationLock& lock : one.locks) need(lock.table);
    }
  }

  void statement(const std::string& sql) {
    if (!certain_) return;
    const auto parsed = parse_statements(sql);
    // Without an action it is one that pgphase knows too little about: DO, CALL, RENAME, SET SCHEMA, CREATE VIEW, …
    if (!parsed || parsed->size() != 1 || parsed->front().actions.empty() ||
        std::any_of(parsed->front().actions.begin(), parsed->front().actions.end(), moves_names)) {
      certain_ = false;
      return;
    }
    const auto& one = parsed->front();
    for (const Action& action : one.actions) {
      if (action.kind == ActionKind::create_table) created_.insert(action.table);
    }
    for (const Action& action : one.actions) {
      // DROP … IF EXISTS needs no table, and an index is not called by its table.
      const bool drops = action.kind == ActionKind::drop_table || action.kind == ActionKind::drop_index;
      if (!drops && action.kind != ActionKind::create_table) need(action.table);
    }
    for (const RelationLock& lock : one.statement.locks) {
      const bool points_there = one.actions.front().kind == ActionKind::create_table;  // a foreign key, or a parent
      if (points_there) need(lock.table);
    }
  }

  void need(const TableName& table) {
    if (table.name.empty() || created_.contains(table) || !seen_.insert(table).second) return;
    NeededTable found = at_;
    found.table = table;
    needed_.push_back(std::move(found));
  }

  bool certain_ = true;
  NeededTable at_;
  std::set<TableName> created_, seen_;
  std::vector<NeededTable> needed_;
};

}  // namespace

std::vector<NeededTable> needed_tables(const std::vector<const PhasedPlan*>& in_order) {
  Walk walk;
  for (const auto* plan : in_order) walk.plan(*plan);
  return walk.take();
}

}  // namespace pgphase
