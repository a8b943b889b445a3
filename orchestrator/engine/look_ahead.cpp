#include "orchestrator/engine/look_ahead.hpp"

#include <fmt/format.h>

#include <set>

#include "orchestrator/engine/undone_before.hpp"
#include "phases/catalogue/existence.hpp"
#include "phases/ledger/ledger.hpp"
#include "phases/old_values/old_values.hpp"
#include "phases/retire/retire.hpp"
#include "phases/sync/links.hpp"
#include "phases/retype/counting.hpp"
#include "plans/effects/rule.hpp"
#include "plans/sql/quote.hpp"
#include "plans/sql/statement.hpp"

namespace pgphase {
namespace {

// Asked by the names that things have now; `table` becomes the one asked about.
Result<std::vector<std::string>> obstacles_to(Session& session, const StepKey& key, const Step& step,
                                              const UndoneBefore& before, TableName& table) {
  if (const auto* retype = std::get_if<RetypeBody>(&step.body)) {
    return obstacles_to_undo(session, key, *retype);  // `table` stays empty: no other step makes it
  }
  if (const auto* create = std::get_if<CreateTableBody>(&step.body)) {
    auto body = *create;
    table = body.table;
    body.table = before.now(table);
    return obstacles_to_undo(session, body, before.foreign_keys());
  }
  if (const auto* add = std::get_if<AddColumnBody>(&step.body)) {
    auto body = *add;
    table = body.table;
    body.column = before.now(table, body.column);
    body.table = before.now(table);
    return obstacles_to_undo(session, body, before.foreign_keys());
  }
  if (const auto* link = std::get_if<LinkColumnsBody>(&step.body)) {
    auto body = *link;
    table = body.table;
    for (auto& target : body.targets) target.name = before.now(table, target.name);
    body.table = before.now(table);
    return obstacles_to_undo(session, body, before.foreign_keys());
  }
  return std::vector<std::string>();
}

// The phases in front of the one that cannot be undone do not wait for it.
std::string meanwhile(const LedgerView& ledger, const std::vector<PhaseToUndo>& order, std::size_t refused) {
  for (auto i = refused; i-- > 0;) {
    const auto& [id, phase] = order[i];
    if (ledger.find(id)->plan[phase].steps.empty()) continue;
    return fmt::format(
        " What comes before it can be rolled back meanwhile: pgphase rollback {} --phase {} --with-later", id.value,
        to_string(phase));
  }
  return {};
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
      fmt::format("SELECT EXISTS (SELECT FROM {} WHERE {} IS DISTINCT FROM NULL)", table, quote_ident(action.name)));
  // Not known within the time for it: then there may be some.
  if (!values && values.error().code != Errc::sql) return values.error();
  if (values && !(*values)[0].boolean(0)) return std::string();
  return fmt::format("the values of {}.{}", display_name(action.table), action.name);
}

// The same of what no action tells: a DELETE of every row, an UPDATE of all to a constant, and what takes along what it
// does not name.
Result<std::string> would_be_lost(Session& session, const StatementEffects& effects) {
  for (const auto& applied : effects.rules) {
    const auto id = applied.rule->id;
    if (id == "update-every-row" || id == "update-some-rows") {
      for (const auto& column : effects.blanked) {
        PGPHASE_TRY(lost, would_be_lost(session, Action{ActionKind::drop_column, applied.relation, column}));
        if (!lost.empty()) return lost;
      }
    }
    const bool has_action = id == "drop-table" || id == "drop-column" || id == "truncate";
    if (!takes_all(*applied.rule) || has_action) continue;
    if (id == "delete-every-row") {
      PGPHASE_TRY(lost, would_be_lost(session, Action{ActionKind::truncate, applied.relation}));
      if (!lost.empty()) return lost;
    } else if (id == "drop-attribute") {
      return fmt::format("the values of attribute {} of type {}", applied.object, display_name(applied.relation));
    } else {
      return std::string("whatever depends on what it drops");
    }
  }
  return std::string();
}

Result<void> keeps_what_is_there(Session& session, const PlanId& plan, Phase phase, const Step& step) {
  const auto* written = std::get_if<SqlBody>(&step.body);
  const auto* backfill = std::get_if<BackfillBody>(&step.body);
  if (!written && !backfill) return {};
  for (const Statement& statement : written ? written->undo : backfill->undo) {
    const auto parsed = parse_statements(statement.sql);
    if (!parsed) continue;
    for (const auto& one : *parsed) {
      PGPHASE_TRY(lost, would_be_lost(session, one.effects));
      for (const Action& action : one.actions) {
        if (!lost.empty()) break;
        PGPHASE_TRY(by_action, would_be_lost(session, action));
        lost = by_action;
      }
      if (lost.empty()) continue;
      return make_error(Errc::refused,
                        fmt::format("undoing {} {}/{} would destroy {}: its rollback is written by hand as `{}`",
                                    plan.value, to_string(phase), step.name, lost, one.text),
                        "Nothing was changed. Add --lose-data if that is what you want. The changes create_table and "
                        "add_column keep what was written, and bring it back.");
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
                        HandWritten hand_written) {
  PGPHASE_CHECK(can_be_written_to(session, ledger, order));
  if (hand_written == HandWritten::keeps_what_is_there) PGPHASE_CHECK(is_in_step(session, ledger, order));
  UndoneBefore before;
  for (std::size_t place = 0; place < order.size(); ++place) {
    const auto& [id, phase] = order[place];
    const auto& plan = *ledger.find(id);
    if (plan.stamped) continue;  // only the record of it is taken back
    PGPHASE_TRY(retired, read_retired(session, id));
    const auto& steps = plan.plan[phase].steps;
    for (auto i = steps.size(); i-- > 0;) {
      const auto& step = steps[i];
      if (!has_effect(plan[phase].steps[i])) continue;
      if (hand_written == HandWritten::keeps_what_is_there) {
        PGPHASE_CHECK(keeps_what_is_there(session, id, phase, step));
      }
      TableName table;
      PGPHASE_TRY(obstacles, obstacles_to(session, {id, phase, step.name}, step, before, table));
      if (obstacles.empty() || before.may_take_more_from(table)) {
        before.add(id, phase, step, retired);
        continue;
      }
      std::string all;
      for (const auto& obstacle : obstacles) all += "\n  " + obstacle;
      return make_error(Errc::refused,
                        fmt::format("{} {}/{} cannot be undone:{}", id.value, to_string(phase), step.name, all),
                        "Nothing was changed. Take away what is named first (by the plan that made it, or by hand), "
                        "then roll back again." +
                            meanwhile(ledger, order, place));
    }
  }
  return {};
}

}  // namespace pgphase
