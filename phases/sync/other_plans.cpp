#include "phases/sync/other_plans.hpp"

#include <fmt/format.h>

#include <algorithm>

#include "phases/ledger/ledger.hpp"
#include "phases/ledger/schema.hpp"
#include "phases/retire/names.hpp"
#include "phases/sync/links.hpp"
#include "plans/base/hidden_names.hpp"
#include "plans/sql/quote.hpp"

namespace pgphase {
namespace {

using Flow = SyncLink::Flow;


Result<bool> there_are_links(Session& session) {
  PGPHASE_TRY(version, ledger_version(session));
  return version >= k_first_ledger_with_links;
}

std::string in_words(const TableName& table, const std::string& column) {
  return fmt::format("column {} of table {}", column, display_name(table));
}

// Its next steps know the columns by their names.
bool under_way(const SyncLink& link) {
  return link.flow == Flow::both || std::any_of(link.targets.begin(), link.targets.end(), [](const SyncColumn& target) {
           return is_new_column_name(target.name);
         });
}

bool has_begun(const PlanRecord& plan) {
  return std::any_of(plan.phases.begin(), plan.phases.end(), [](const PhaseRecord& phase) {
    return phase.state != PhaseState::pending && phase.state != PhaseState::rolled_back;
  });
}

class Takes {
 public:
  Takes(const TableName& table, const std::string& column) : table_(table), column_(column) {}

  bool operator()(const HandOverBody& body) const {
    if (body.table != table_) return false;
    return std::find(body.retire.begin(), body.retire.end(), column_) != body.retire.end() ||
           std::any_of(body.rename.begin(), body.rename.end(),
                       [&](const Renaming& one) { return one.from == column_; });
  }
  bool operator()(const RetypeBody& body) const {
    return body.part == RetypeBody::Part::swap && body.table == table_ && body.column == column_;
  }
  template <class Other>
  bool operator()(const Other&) const {
    return false;
  }

 private:
  const TableName& table_;
  const std::string& column_;
};

// A step that is still to be done.
bool takes(const PlanRecord& plan, const TableName& table, const std::string& column) {
  for (const auto phase : k_phases) {
    const auto& steps = plan.plan[phase].steps;
    for (std::size_t i = 0; i < steps.size() && i < plan[phase].steps.size(); ++i) {
      const auto state = plan[phase].steps[i].state;
      if (state == StepState::done || state == StepState::skipped) continue;
      if (std::visit(Takes(table, column), steps[i].body)) return true;
    }
  }
  return false;
}

}  // namespace

Result<std::vector<std::string>> held_by_other_plans(Session& session, const PlanId& plan, const TableName& table,
                                                     const std::string& column, Taking taking) {
  std::vector<std::string> sentences;
  PGPHASE_TRY(any, there_are_links(session));
  if (!any) return sentences;
  PGPHASE_TRY(links, links_at_work(session, table));
  for (auto& stored : links) {
    if (stored.key.plan == plan || !column_called(stored.link, column)) continue;
    const auto& id = stored.key.plan.value;
    if (under_way(stored.link)) {
      sentences.push_back(
          fmt::format("plan {0}, which is under way, keeps {1} in step with others: finish it with "
                      "`pgphase up {0}`, or roll it back, first",
                      id, in_words(table, column)));
    } else if (stored.link.flow == Flow::to_sources && taking == Taking::away) {
      sentences.push_back(
          fmt::format("plan {0} keeps {1} in step with others, for its way back: `pgphase purge {0}` "
                      "ends that when its retention is over, and with --retain-for 0ms at once (it "
                      "cannot be rolled back any more then)",
                      id, in_words(table, column)));
    }
  }
  return sentences;
}

Result<std::vector<std::string>> claimed_by_other_plans(Session& session, const PlanId& plan, const TableName& table,
                                                        const std::vector<std::string>& columns) {
  std::vector<std::string> sentences;
  PGPHASE_TRY(ledger, read_ledger(session));
  if (!ledger.exists) return sentences;
  for (const auto& other : ledger.plans) {
    const auto& id = other.plan.id;
    if (id == plan || other.finished_at || !has_begun(other)) continue;
    for (const auto& column : columns) {
      if (!takes(other, table, column)) continue;
      sentences.push_back(
          fmt::format("plan {0}, which is under way, is going to take {1} away or to rename it: finish "
                      "it with `pgphase up {0}`, or roll it back, first",
                      id.value, in_words(table, column)));
    }
  }
  return sentences;
}

namespace {

// Some plan that began before this one, changes the same table and is not done.
Result<bool> earlier_plan_is_left(Session& session, const StepKey& key, const TableName& table) {
  PGPHASE_TRY(ledger, read_ledger(session));
  const auto* mine = ledger.find(key.plan);
  const auto touches = [&](const Step& step) {
    return std::find(step.touches.begin(), step.touches.end(), table) != step.touches.end();
  };
  return mine && std::any_of(ledger.plans.begin(), ledger.plans.end(), [&](const PlanRecord& plan) {
           if (plan.position >= mine->position || plan.finished_at) return false;
           return std::any_of(plan.plan.phases.begin(), plan.plan.phases.end(), [&](const PhaseSteps& phase) {
             return std::any_of(phase.steps.begin(), phase.steps.end(), touches);
           });
         });
}

}  // namespace

Result<std::vector<std::string>> sources_that_moved(Session& session, const StepKey& key, const LinkColumnsBody& body,
                                                    Asked asked) {
  std::vector<std::string> sentences;
  PGPHASE_TRY(any, there_are_links(session));
  if (!any) return sentences;
  PGPHASE_TRY(stored, link_of(session, key));
  if (!stored || stored->link.flow != Flow::to_targets) return sentences;
  if (asked == Asked::beforehand) {
    PGPHASE_TRY(left, earlier_plan_is_left(session, key, body.table));
    if (left) return sentences;
  }
  PGPHASE_TRY(own, read_retired(session, key.plan));
  for (const auto& source : body.sources) {
    for (const auto& column : stored->link.sources) {
      if (column.called != source.name || column.name == source.name) continue;
      const bool comes_back_before =
          std::any_of(own.begin(), own.end(), [&](const RetiredRecord& one) { return one.hidden_as == column.name; });
      if (comes_back_before) continue;  // of the same plan
      sentences.push_back(fmt::format(
          "what {0} has retired follows {1}, which is {2} by now through another plan: take that plan to where it was "
          "before, or let `pgphase purge {0}` drop what is retired and write the plan anew",
          key.plan.value, in_words(body.table, source.name),
          is_retired_column_name(column.name) ? "retired" : "called " + column.name));
    }
  }
  return sentences;
}

Result<std::vector<std::string>> names_that_come_back(Session& session, const PlanId& plan, const LinkColumnsBody& body) {
  std::vector<std::string> out;
  PGPHASE_TRY(known, there_are_links(session));
  if (!known) return out;
  for (const auto& target : body.targets) {
    if (target.like.empty()) continue;
    PGPHASE_TRY(rows, session.query(
                          "SELECT r.plan, format_type(h.atttypid, h.atttypmod), format_type(a.atttypid, a.atttypmod) "
                          "FROM pgphase.retired r JOIN pg_namespace n ON n.nspname = r.schema_name JOIN pg_class c ON "
                          "c.relnamespace = n.oid AND c.relname = r.table_name JOIN pg_attribute h ON h.attrelid = c.oid AND "
                          "h.attname = r.hidden_as JOIN pg_attribute a ON a.attrelid = c.oid AND a.attname = $4 WHERE r.kind = "
                          "'column' AND r.schema_name = $1 AND r.table_name = $2 AND r.object_name = $3 AND r.plan <> $5 AND "
                          "r.restored_at IS NULL AND r.purged_at IS NULL AND (h.atttypid, h.atttypmod) <> (a.atttypid, a.atttypmod)",
                          {body.table.schema, body.table.name, target.name, target.like, plan.value}));
    for (const auto& row : rows) {
      out.push_back(fmt::format(
          "{} was a {} until {} took it away, and is kept in step with what is to have its name as a {}: `pgphase purge {}` "
          "first, or change its type with change_type",
          in_words(body.table, target.name), row.text(1), row.text(0), row.text(2), row.text(0)));
    }
  }
  return out;
}

}  // namespace pgphase
