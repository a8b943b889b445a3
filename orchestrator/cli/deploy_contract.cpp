#include "orchestrator/cli/deploy_contract.hpp"

#include <fmt/format.h>

#include <algorithm>

#include "orchestrator/cli/words.hpp"
#include "plans/sql/quote.hpp"

namespace pgphase {
namespace {

constexpr const char* k_until_constraint = "works until constraint, and again after its rollback";
constexpr const char* k_from_additive = "works from additive on";
constexpr const char* k_from_backfill =
    "may write from additive on; finds every row filled from the end of backfill on";

std::string in_table(const TableName& table, const std::vector<std::string>& columns) {
  std::vector<std::string> names;
  for (const auto& column : columns) names.push_back(fmt::format("{}.{}", display_name(table), column));
  return words::joined(names, ", ");
}

std::vector<std::string> names_of(const std::vector<LinkedColumn>& columns) {
  std::vector<std::string> names;
  for (const auto& column : columns) names.push_back(column.called.empty() ? column.name : column.called);
  return names;
}

const LinkColumnsBody* link_of(const PhasedPlan& plan, const std::string& step) {
  for (const auto& one : plan[Phase::additive].steps) {
    if (one.name == step) return std::get_if<LinkColumnsBody>(&one.body);
  }
  return nullptr;
}

bool becomes_required(const PhasedPlan& plan, const TableName& table, const std::string& column) {
  const auto name = fmt::format("set_not_null {}.{}", display_name(table), column);
  const auto& steps = plan[Phase::constraint].steps;
  return std::any_of(steps.begin(), steps.end(), [&](const Step& step) { return step.name == name; });
}

bool has_default(const HandOverBody& body, const std::string& column) {
  return std::any_of(body.defaults.begin(), body.defaults.end(),
                     [&](const Assignment& one) { return one.column == column; });
}

class Clauses {
 public:
  explicit Clauses(const PhasedPlan& plan) : plan_(plan) {}

  void step(const Step& step) {
    name_ = step.name;
    std::visit([this](const auto& body) { about(body); }, step.body);
  }
  std::vector<ContractClause> take() { return std::move(clauses_); }

 private:
  void about(const CreateTableBody& body) {
    clauses_.push_back({"table " + display_name(body.table), "", k_from_additive});
  }
  void about(const AddColumnBody& body) {
    clauses_.push_back({in_table(body.table, {body.column}), "", k_from_additive});
  }
  void about(const LinkColumnsBody&) {}  // told where it ends
  void about(const KeepOldBody&) {}
  void about(const BackfillBody&) {}
  void about(const RetireTableBody& body) {
    clauses_.push_back({fmt::format("table {} goes", display_name(body.table)),
                        std::string("that uses it ") + k_until_constraint, ""});
  }
  void about(const RenameTableBody& body) {
    if (body.part == RenameTableBody::Part::view) return;  // told where it ends
    clauses_.push_back(
        {fmt::format("table {}, called {}", display_name(body.table), body.to),
         std::string("that uses the old name ") + k_until_constraint,
         "that uses the new name works from additive on, but for what needs a table and not a view: COPY, TRUNCATE, "
         "TABLESAMPLE, ctid and xmin, ON CONFLICT ON CONSTRAINT, GROUP BY its key alone"});
  }
  void about(const DropNotNullBody& body) {
    if (body.unless_there_is_a_default) return;  // a part of a change that is told elsewhere
    clauses_.push_back({fmt::format("{} may be NULL", in_table(body.table, {body.column})),
                        "that cannot read NULL works until additive", "that writes NULL works from additive on"});
  }
  void about(const HandOverBody& body) {
    const auto* link = body.link_step.empty() ? nullptr : link_of(plan_, body.link_step);
    if (!link) {
      clauses_.push_back({fmt::format("{} goes", in_table(body.table, body.retire)),
                          std::string("that uses it ") + k_until_constraint,
                          "that leaves it out works from additive on"});
      return;
    }
    const auto targets = names_of(link->targets);
    if (body.retire.empty()) {
      const bool breaks = std::any_of(targets.begin(), targets.end(), [&](const std::string& column) {
        return becomes_required(plan_, body.table, column) && !has_default(body, column);
      });
      clauses_.push_back({in_table(body.table, targets),
                          breaks ? std::string("that leaves it out ") + k_until_constraint : "",
                          std::string("that uses it ") + k_from_backfill});
      return;
    }
    const auto old = body.rename.empty() ? body.retire : std::vector<std::string>{body.rename.front().from};
    clauses_.push_back({fmt::format("{}, in whose place {} {}", in_table(body.table, old),
                                    targets.size() == 1 ? "comes" : "come", words::joined(targets, ", ")),
                        std::string("that uses the old ") + k_until_constraint,
                        std::string("that uses the new ") + k_from_backfill});
  }
  void about(const RetypeBody& body) {
    if (body.part == RetypeBody::Part::twins) return;  // told where it ends
    clauses_.push_back({fmt::format("{} becomes {}", in_table(body.table, {body.column}), body.type),
                        body.converts_by_itself()
                            ? "goes on working; a statement that it has prepared and that returns the column fails "
                              "once, and has to be prepared again"
                            : std::string("that uses it ") + k_until_constraint,
                        "that relies on the new type works from constraint on"});
  }
  void about(const SqlBody& body) {
    const bool of_ours = !body.forward.empty() && body.forward.front().kind == StatementKind::require;
    if (of_ours && !about_a_new_column())
      clauses_.push_back({name_, std::string("that breaks it ") + k_until_constraint, ""});
  }

  // Of a column that the plan adds it is told with the column.
  bool about_a_new_column() const {
    for (const auto& step : plan_[Phase::additive].steps) {
      const auto* link = std::get_if<LinkColumnsBody>(&step.body);
      if (!link) continue;
      for (const auto& target : link->targets) {
        if (name_ == fmt::format("set_not_null {}.{}", display_name(link->table), target.name)) return true;
      }
    }
    return false;
  }

  const PhasedPlan& plan_;
  std::string name_;
  std::vector<ContractClause> clauses_;
};

// A column that keeps its name and, as far as both types have it, its values.
bool only_widens(const PhasedPlan& plan) {
  const auto& last = plan[Phase::constraint].steps;
  const auto widens = [](const Step& step) {
    const auto* body = std::get_if<RetypeBody>(&step.body);
    return body && body->converts_by_itself();
  };
  return !last.empty() && std::all_of(last.begin(), last.end(), widens);
}

}  // namespace

std::vector<ContractClause> contract_clauses(const PhasedPlan& plan) {
  Clauses clauses(plan);
  for (const auto phase : k_phases) {
    for (const auto& step : plan[phase].steps) clauses.step(step);
  }
  return clauses.take();
}

std::string deploy_contract(const PhasedPlan& plan) {
  if (only_widens(plan)) return "old code may stay; new code that relies on the new type may ship after constraint";
  const bool adds = !plan[Phase::additive].steps.empty();
  const bool contracts = !plan[Phase::constraint].steps.empty();
  if (!adds && !contracts)
    return "old and new code may run at any time: the plan changes rows, not what code relies on";
  const bool fills =
      !plan[Phase::backfill].steps.empty() &&
      std::any_of(plan[Phase::constraint].steps.begin(), plan[Phase::constraint].steps.end(), [](const Step& step) {
        const auto* body = std::get_if<HandOverBody>(&step.body);
        return body && !body->link_step.empty();
      });
  const char* when = fills ? "after backfill" : adds ? "after additive" : "at any time";
  return fmt::format("new code may ship {}; {}", when,
                     contracts ? "old code must be gone before constraint"
                               : "old code may stay, because there is no constraint phase");
}

}  // namespace pgphase
