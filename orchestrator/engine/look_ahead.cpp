#include "orchestrator/engine/look_ahead.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <cctype>
#include <set>
#include <span>

#include "phases/catalogue/existence.hpp"
#include "phases/old_values/old_values.hpp"
#include "phases/retire/retire.hpp"
#include "phases/sync/links.hpp"
#include "phases/retype/counting.hpp"
#include "plans/sql/quote.hpp"
#include "plans/sql/statement.hpp"

namespace pgphase {
namespace {

std::string in_capitals(std::string text) {
  std::transform(text.begin(), text.end(), text.begin(),
                 [](unsigned char c) { return static_cast<char>(std::toupper(c)); });
  return text;
}

bool harmless(const Statement& statement) {
  if (statement.kind == StatementKind::require || statement.kind == StatementKind::validate) return true;
  const auto parsed = parse_statements(statement.sql);
  if (!parsed || parsed->size() != 1) return false;
  const auto sql = in_capitals(parsed->front().text);
  for (const auto* start : {"CREATE INDEX", "CREATE UNIQUE INDEX", "DROP INDEX", "INSERT", "UPDATE", "DELETE",
                            "COMMENT", "VACUUM", "ANALYZE"}) {
    if (sql.starts_with(start)) return true;
  }
  if (!sql.starts_with("ALTER TABLE")) return false;
  const auto says = [&sql](const char* word) { return sql.find(word) != std::string::npos; };
  return !says("REFERENCES") && !says("ATTACH") && !says("INHERIT") && !says("REPLICA") && !says("GENERATED");
}

// What other steps of this rollback may have made goes away before this step is undone. `order` up to the step's phase.
bool others_may_have_made_it(const LedgerView& ledger, std::span<const PhaseToUndo> order, const Step& mine,
                             const TableName& table) {
  for (const auto& [id, phase] : order) {
    const auto& plan = *ledger.find(id);
    for (std::size_t i = 0; i < plan.plan[phase].steps.size(); ++i) {
      const auto& step = plan.plan[phase].steps[i];
      const bool itself = &step == &mine;
      if (itself || !has_effect(plan[phase].steps[i]) || !may_make_obstacles(step)) continue;
      if (std::find(step.touches.begin(), step.touches.end(), table) != step.touches.end()) return true;
    }
  }
  return false;
}

// Until a rename is taken back, what has the copy's name is the column itself, with all that hangs on it.
bool goes_by_another_name(const PlanRecord& plan, const Step& step) {
  const auto phase = Phase::constraint;
  for (std::size_t i = 0; i < plan.plan[phase].steps.size(); ++i) {
    const auto* end = std::get_if<HandOverBody>(&plan.plan[phase].steps[i].body);
    if (end && end->link_step == step.name && !end->rename.empty() && has_effect(plan[phase].steps[i])) return true;
  }
  return false;
}

Result<std::vector<std::string>> obstacles_to(Session& session, const StepKey& key, const Step& step,
                                              TableName& table) {
  if (const auto* retype = std::get_if<RetypeBody>(&step.body)) {
    return obstacles_to_undo(session, key, *retype);  // `table` stays empty: no other step makes it
  }
  if (const auto* create = std::get_if<CreateTableBody>(&step.body)) {
    table = create->table;
    return obstacles_to_undo(session, *create);
  }
  if (const auto* add = std::get_if<AddColumnBody>(&step.body)) {
    table = add->table;
    return obstacles_to_undo(session, *add);
  }
  if (const auto* link = std::get_if<LinkColumnsBody>(&step.body)) {
    table = link->table;
    return obstacles_to_undo(session, *link);
  }
  return std::vector<std::string>();
}

// "the 12 rows of notes": what the statement would destroy; empty: nothing that is there.
Result<std::string> would_be_lost(Session& session, const Action& action) {
  const bool of_table = action.kind == ActionKind::drop_table || action.kind == ActionKind::truncate;
  if (!of_table && action.kind != ActionKind::drop_column) return std::string();
  PGPHASE_TRY(missing, missing_tables(session, {action.table}));
  if (!missing.empty()) return std::string();
  const auto table = qualified(action.table);
  if (of_table) {
    PGPHASE_TRY(rows, session.query(fmt::format("SELECT EXISTS (SELECT FROM {})", table)));
    return rows[0].boolean(0) ? fmt::format("the rows of {}", display_name(action.table)) : std::string();
  }
  PGPHASE_TRY(
      column,
      session.query("SELECT FROM pg_attribute WHERE attrelid = $1::regclass AND attname = $2 AND NOT attisdropped",
                    {table, action.name}));
  if (column.empty()) return std::string();
  auto values = session.query(
      fmt::format("SELECT EXISTS (SELECT FROM {} WHERE {} IS NOT NULL)", table, quote_ident(action.name)));
  // Not known within the time for it: then there may be some.
  if (!values && values.error().code != Errc::sql) return values.error();
  if (values && !(*values)[0].boolean(0)) return std::string();
  return fmt::format("the values of {}.{}", display_name(action.table), action.name);
}

Result<void> keeps_what_is_there(Session& session, const PlanId& plan, Phase phase, const Step& step) {
  const auto* written = std::get_if<SqlBody>(&step.body);
  if (!written) return {};
  for (const Statement& statement : written->undo) {
    const auto parsed = parse_statements(statement.sql);
    if (!parsed) continue;
    for (const auto& one : *parsed) {
      for (const Action& action : one.actions) {
        PGPHASE_TRY(lost, would_be_lost(session, action));
        if (lost.empty()) continue;
        return make_error(Errc::refused,
                          fmt::format("undoing {} {}/{} would destroy {}: its rollback is written by hand as `{}`",
                                      plan.value, to_string(phase), step.name, lost, one.text),
                          "Nothing was changed. Add --lose-data if that is what you want. The changes create_table and "
                          "add_column keep what was written, and bring it back.");
      }
    }
  }
  return {};
}

// The undo of backfill leaves the columns as they are, but for old values: of what has been written meanwhile their
// triggers know.
bool relies_on_triggers(const Step& step) {
  const auto* end = std::get_if<HandOverBody>(&step.body);
  return (end && !end->link_step.empty()) || std::holds_alternative<LinkColumnsBody>(step.body) ||
         std::holds_alternative<RetypeBody>(step.body) || std::holds_alternative<KeepOldBody>(step.body);
}

Result<void> is_in_step(Session& session, const LedgerView& ledger, const std::vector<PhaseToUndo>& order) {
  for (const auto& [id, phase] : order) {
    const auto& plan = *ledger.find(id);
    for (std::size_t i = 0; i < plan.plan[phase].steps.size(); ++i) {
      const auto& step = plan.plan[phase].steps[i];
      if (!has_effect(plan[phase].steps[i]) || !relies_on_triggers(step)) continue;
      if (std::holds_alternative<KeepOldBody>(step.body)) {
        PGPHASE_CHECK(old_values_must_be_in_order(session, {id, phase, step.name}));
      } else {
        PGPHASE_CHECK(links_must_be_in_order(session, id, Direction::back));
      }
    }
  }
  return {};
}

}  // namespace

bool may_make_obstacles(const Step& step) {
  if (std::holds_alternative<RenameTableBody>(step.body)) return true;  // a view of the table
  const auto* written = std::get_if<SqlBody>(&step.body);
  return written && !std::all_of(written->forward.begin(), written->forward.end(), harmless);
}

namespace {

// Neither code of the old schema nor of the new one can write such a table, and taking a phase back makes its triggers
// anew with the same columns.
Result<void> can_be_written_to(Session& session, const LedgerView& ledger, const std::vector<PhaseToUndo>& order) {
  std::set<TableName> tables;
  for (const auto& [id, phase] : order) {
    const auto& plan = *ledger.find(id);
    if (plan.stamped) continue;
    for (const auto& step : plan.plan[phase].steps) tables.insert(step.touches.begin(), step.touches.end());
  }
  std::string all;
  for (const auto& table : tables) {
    PGPHASE_TRY(found, columns_out_of_reach(session, table));
    for (const auto& sentence : found) all += "\n  " + sentence;
  }
  if (all.empty()) return {};
  return make_error(Errc::refused, "the rollback would leave a table that cannot be written to:" + all,
                    fmt::format("Nothing was changed. First {}. Then roll back.", k_bring_columns_back));
}

}  // namespace

Result<void> look_ahead(Session& session, const LedgerView& ledger, const std::vector<PhaseToUndo>& order,
                        bool lose_data) {
  PGPHASE_CHECK(can_be_written_to(session, ledger, order));
  if (!lose_data) PGPHASE_CHECK(is_in_step(session, ledger, order));
  for (std::size_t n = 0; n < order.size(); ++n) {
    const auto& [id, phase] = order[n];
    const auto& plan = *ledger.find(id);
    for (std::size_t i = 0; i < plan.plan[phase].steps.size(); ++i) {
      const auto& step = plan.plan[phase].steps[i];
      if (!has_effect(plan[phase].steps[i])) continue;
      if (!lose_data) PGPHASE_CHECK(keeps_what_is_there(session, id, phase, step));
      TableName table;
      PGPHASE_TRY(obstacles, obstacles_to(session, {id, phase, step.name}, step, table));
      if (obstacles.empty() || goes_by_another_name(plan, step)) continue;
      if (others_may_have_made_it(ledger, std::span(order).first(n + 1), step, table)) continue;
      std::string all;
      for (const auto& obstacle : obstacles) all += "\n  " + obstacle;
      return make_error(Errc::refused,
                        fmt::format("{} {}/{} cannot be undone:{}", id.value, to_string(phase), step.name, all),
                        "Nothing was changed.");
    }
  }
  return {};
}

}  // namespace pgphase
