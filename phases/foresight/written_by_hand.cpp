#include "phases/foresight/written_by_hand.hpp"

#include <fmt/format.h>

#include "phases/foresight/partitioned.hpp"
#include "phases/ledger/schema.hpp"
#include "phases/retype/twins_of.hpp"
#include "phases/sync/links.hpp"
#include "plans/sql/quote.hpp"

namespace pgphase {
namespace {

class ByHand {
 public:
  ByHand(Session& session, const PlanId& plan) : session_(session), plan_(plan) {}

  Result<void> look_at(const ParsedStatement& statement) {
    PGPHASE_CHECK(type_of_retired(statement));
    for (const auto& action : statement.actions) {
      PGPHASE_CHECK(written_by_hand(action));
      PGPHASE_TRY(sentence, not_for_a_partitioned_table(session_, action));
      if (!sentence.empty()) found_.push_back(sentence);
    }
    return {};
  }
  std::vector<std::string> take() { return std::move(found_); }

 private:
  // A type that a column has which is out of sight: it cannot be dropped, and the column is written under its name.
  Result<void> type_of_retired(const ParsedStatement& statement) {
    if (statement.types.empty()) return {};
    for (const auto& type : statement.types) {
      PGPHASE_TRY(columns, session_.query("SELECT a.attname, c.oid::regclass::text FROM pg_attribute a "
                                          "  JOIN pg_class c ON c.oid = a.attrelid JOIN pg_type t ON t.oid = a.atttypid "
                                          "  JOIN pg_namespace n ON n.oid = t.typnamespace "
                                          " WHERE n.nspname = $1 AND t.typname = $2 AND NOT a.attisdropped "
                                          "   AND a.attname ~ '^_pgphase_retired_' ORDER BY 2, 1 LIMIT 1",
                                          {type.schema, type.name}));
      if (columns.empty()) continue;
      found_.push_back(fmt::format(
          "column {} of table {}, which an earlier plan keeps, is a {}: let `pgphase purge` end that first",
          columns[0].text(0), columns[0].text(1), display_name(type)));
    }
    return {};
  }

  // The links and what is hidden are known by the table's name.
  Result<void> table_moved_by_hand(const Action& action) {
    PGPHASE_TRY(links, links_at_work(session_, action.table));
    for (const auto& stored : links) {
      if (stored.key.plan == plan_) continue;
      found_.push_back(
          fmt::format("plan {0} keeps columns of table {1} in step, and would not find them under another name: let "
                      "`pgphase purge {0}` end that first",
                      stored.key.plan.value, display_name(action.table)));
      break;
    }
    return {};
  }

  // Unique ones alone: what nobody sees must refuse nothing when nothing that is seen does.
  Result<void> dropped_by_hand(const Action& action) {
    PGPHASE_TRY(twins, twins_of(session_, action.table, action.name));
    for (const auto& twin : twins) {
      if (twin.plan == plan_) continue;
      found_.push_back(
          twin.stands_in
              ? fmt::format("plan {0} has built a twin of {1} for the column that is to take the place of {2}, and it "
                            "would go on refusing equal values: finish the constraint phase of {0}, or roll its "
                            "backfill phase back, first",
                            twin.plan.value, action.name, twin.column)
              : fmt::format("plan {0} keeps {1} for the old column {2} as well, and it would go on refusing equal "
                            "values: let `pgphase purge {0}` end that first",
                            twin.plan.value, action.name, twin.column));
    }
    return {};
  }

  Result<void> written_by_hand(const Action& action) {
    if (action.kind == ActionKind::move_table || action.kind == ActionKind::drop_constraint ||
        action.kind == ActionKind::drop_index) {
      PGPHASE_TRY(known, ledger_version(session_));
      if (known < k_first_ledger_with_links) return {};
      return action.kind == ActionKind::move_table ? table_moved_by_hand(action) : dropped_by_hand(action);
    }
    const bool renames = action.kind == ActionKind::rename_column;
    if (!renames && action.kind != ActionKind::drop_column && action.kind != ActionKind::change_type) return {};
    PGPHASE_TRY(version, ledger_version(session_));
    if (version < k_first_ledger_with_links) return {};
    PGPHASE_TRY(links, links_at_work(session_, action.table));
    for (auto& stored : links) {
      if (stored.key.plan == plan_ || !column_called(stored.link, action.name)) continue;
      found_.push_back(fmt::format(
          "plan {0} keeps column {1} of table {2} in step with others, and {3} by hand would make every write of the "
          "table fail: {4}",
          stored.key.plan.value, action.name, display_name(action.table),
          renames                                  ? "renaming it"
          : action.kind == ActionKind::drop_column ? "dropping it"
                                                   : "giving it another type",
          renames ? "use rename_column, or let `pgphase purge` end that first" : "let `pgphase purge` end that first"));
    }
    return {};
  }

  Session& session_;
  const PlanId& plan_;
  std::vector<std::string> found_;
};

}  // namespace

Result<std::vector<std::string>> obstacles_to_writing_by_hand(Session& session, const PlanId& plan,
                                                              const ParsedStatement& statement) {
  ByHand by_hand(session, plan);
  PGPHASE_CHECK(by_hand.look_at(statement));
  return by_hand.take();
}

}  // namespace pgphase
