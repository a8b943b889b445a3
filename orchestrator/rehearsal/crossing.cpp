#include "orchestrator/rehearsal/crossing.hpp"

#include <algorithm>
#include <chrono>
#include <set>
#include <thread>

#include "orchestrator/rehearsal/additions.hpp"
#include "orchestrator/rehearsal/contract.hpp"
#include "phases/ledger/ledger.hpp"
#include "phases/retire/names.hpp"
#include "plans/catalogue/catalogue.hpp"
#include "plans/sql/quote.hpp"

namespace pgphase {
namespace {

// Long enough for some hundred statements before, between and after the moves.
constexpr std::chrono::milliseconds k_settle{300};

bool sets(const PhasedPlan& plan, const TableName& table, const std::string& column,
          bool (*kind)(const BackfillBody&)) {
  for (const auto& phase : plan.phases) {
    for (const Step& step : phase.steps) {
      const auto* body = std::get_if<BackfillBody>(&step.body);
      if (!body || body->table != table || !kind(*body)) continue;
      const auto of_column = [&](const Assignment& one) { return one.column == column; };
      if (std::any_of(body->set.begin(), body->set.end(), of_column)) return true;
    }
  }
  return false;
}

// A backfill, and the author's way back from one, set these columns whatever an application has written.
bool overwrites(const BackfillBody& body) {
  return body.todo != Todo::fill_empty;
}
bool fills(const BackfillBody& body) {
  return body.todo == Todo::fill_empty;
}

// Rolling back gives a value to rows that were written without one.
bool restores(const PhasedPlan& plan, const TableName& table, const std::string& column) {
  for (const auto& phase : plan.phases) {
    for (const Step& step : phase.steps) {
      const auto* body = std::get_if<DropNotNullBody>(&step.body);
      if (body && body->table == table && body->column == column && !body->restore.empty()) return true;
    }
  }
  return false;
}

// What was written while the phase was rolled back might not be let in again: by a unique index, by a constraint.
bool may_refuse_rows(const PhasedPlan& plan, Phase phase) {
  for (const Step& step : plan[phase].steps) {
    const auto* written = std::get_if<SqlBody>(&step.body);
    if (!written) continue;
    const auto lets_all_in = [](const Statement& statement) { return statement.sql.starts_with("CREATE INDEX "); };
    if (!std::all_of(written->forward.begin(), written->forward.end(), lets_all_in)) return true;
  }
  return false;
}

// An application that knows a column which is being filled gives it a value: it would undo the backfill otherwise, and
// what the plan verifies behind it would rightly fail.
std::vector<KnownTable> with_values_where_filled(std::vector<KnownTable> tables, const PhasedPlan& plan) {
  for (auto& table : tables) {
    for (auto& column : table.columns) {
      if (sets(plan, table.table, column.name, fills)) column.not_null = true;
    }
  }
  return tables;
}

// Of a column that keeps its name, and whose values mean something else behind the phase, no application of either
// version may write while it goes back and forward: it says so in the deploy contract. A table whose rows cannot be
// written without it is left alone.
std::vector<KnownTable> without_new_meanings(std::vector<KnownTable> tables, const PhasedPlan& plan, Phase phase) {
  for (const Step& step : plan[phase].steps) {
    const auto* body = std::get_if<RetypeBody>(&step.body);
    if (!body || body->part != RetypeBody::Part::swap || body->converts_by_itself()) continue;
    std::erase_if(tables, [&](const KnownTable& table) {
      return table.table == body->table &&
             std::any_of(table.columns.begin(), table.columns.end(), [&](const WritableColumn& column) {
               return column.name == body->column && column.not_null && !column.has_default;
             });
    });
    for (auto& table : tables) {
      if (table.table != body->table) continue;
      std::erase_if(table.columns, [&](const WritableColumn& column) { return column.name == body->column; });
    }
  }
  return tables;
}

// A row that another version's foreign key points to is not this version's to delete either: while that key is rolled
// back nothing would keep it, and the key could never come again.
void keep_what_is_pointed_to(std::vector<KnownTable>& tables, const std::vector<KnownTable>& others) {
  for (auto& table : tables) {
    const auto pointed_to = [&](const KnownTable& other) { return other.table == table.table && other.pointed_to; };
    table.pointed_to = table.pointed_to || std::any_of(others.begin(), others.end(), pointed_to);
  }
}

Result<std::vector<KnownTable>> as_after(Stage& stage, const PhasedPlan& plan, Phase phase) {
  auto tables = touched_tables(plan);
  for (const auto& table : additions_of(plan, phase).tables) tables.insert(table);
  PGPHASE_TRY(session, stage.session());
  return known_tables(*session, {tables.begin(), tables.end()});
}

// Where rows and values are that the plan has taken out of sight, or given another name.
Result<Whereabouts> whereabouts_of(Stage& stage, const PhasedPlan& plan) {
  Whereabouts found;
  for (const auto& phase : plan.phases) {
    for (const Step& step : phase.steps) {
      if (const auto* body = std::get_if<HandOverBody>(&step.body)) {
        for (const auto& one : body->rename) found.columns[{body->table, one.from}] = one.to;
      }
      if (const auto* body = std::get_if<RenameTableBody>(&step.body)) found.tables[body->table] = body->renamed();
    }
  }
  PGPHASE_TRY(session, stage.session());
  PGPHASE_TRY(retired, read_retired(*session, plan.id));
  for (const auto& one : retired) {
    if (one.kind == "column") found.columns[{one.table, one.object}] = one.hidden_as;
    if (one.kind == "table") found.tables[one.table] = {k_retired_schema, one.hidden_as};
  }
  return found;
}

// Of each table that the writer knows: the names of constraints, unique indexes and columns that it has no say in,
// because they are over what is hidden, or what only the other version knows. A column of its own that is out of sight at
// this moment is not such a one: it wrote it when it was there.
Result<std::set<std::pair<TableName, std::string>>> beyond_its_reach(Session& session, const Writer& writer,
                                                                     const std::vector<KnownTable>& others,
                                                                     const Whereabouts& whereabouts) {
  std::set<std::pair<TableName, std::string>> names;
  for (const auto& table : writer.tables()) {
    PGPHASE_TRY(rows, session.query(R"sql(
SELECT k.conname, a.attname FROM pg_constraint k JOIN pg_attribute a ON a.attrelid = k.conrelid AND a.attnum = ANY (k.conkey)
 WHERE k.conrelid = to_regclass($1)
UNION SELECT c.relname, a.attname FROM pg_index i JOIN pg_class c ON c.oid = i.indexrelid JOIN pg_attribute a ON a.attrelid = i.indrelid
             AND a.attnum = ANY (i.indkey) WHERE i.indrelid = to_regclass($1) AND i.indisunique
UNION SELECT attname, attname FROM pg_attribute WHERE attrelid = to_regclass($1) AND attnum > 0 AND NOT attisdropped)sql",
                                    {qualified(table.table)}));
    const auto knows = [](const KnownTable& one, const std::string& column) {
      return std::any_of(one.columns.begin(), one.columns.end(),
                         [&](const WritableColumn& known) { return known.name == column; });
    };
    const auto has_it_elsewhere = [&](const std::string& column) {
      return std::any_of(table.columns.begin(), table.columns.end(), [&](const WritableColumn& known) {
        const auto found = whereabouts.columns.find({table.table, known.name});
        return found != whereabouts.columns.end() && found->second == column;
      });
    };
    for (const auto& row : rows) {
      const auto column = row.text(1);
      if (has_it_elsewhere(column)) continue;
      // An index or constraint that a type's change keeps for the way back: its twin, under the name that the writer
      // knows, would refuse the same.
      if (row.text(0).starts_with("_pgphase_old_") && row.text(0) != column) continue;
      const bool of_another = std::any_of(others.begin(), others.end(), [&](const KnownTable& one) {
        return one.table == table.table && knows(one, column);
      });
      if (!knows(table, column) && (of_another || column.starts_with("_pgphase_"))) {
        names.emplace(table.table, row.text(0));
      }
    }
  }
  return names;
}

Result<void> back_and_forward(Stage& stage, const PlanId& plan, Phase phase,
                              const std::function<void(Moment)>& turn_to) {
  std::this_thread::sleep_for(k_settle);
  turn_to(Moment::between);
  PGPHASE_CHECK(stage.back(plan, phase));
  turn_to(Moment::back);
  std::this_thread::sleep_for(k_settle);
  turn_to(Moment::between);
  PGPHASE_CHECK(stage.forward(plan, phase));
  turn_to(Moment::done);
  std::this_thread::sleep_for(k_settle);
  return {};
}

}  // namespace

Result<Crossing> cross_under_writers(Stage& stage, const PhasedPlan& plan, Phase phase,
                                     const std::vector<KnownTable>& as_before, std::uint64_t seed) {
  PGPHASE_TRY(now, as_after(stage, plan, phase));
  std::vector<std::unique_ptr<Writer>> writers;
  std::vector<Knows> knows;
  for (const auto* known : {&as_before, static_cast<const std::vector<KnownTable>*>(&now)}) {
    if (known->empty()) continue;
    auto tables = without_new_meanings(with_values_where_filled(*known, plan), plan, phase);
    if (tables.empty()) continue;
    keep_what_is_pointed_to(tables, as_before);
    keep_what_is_pointed_to(tables, now);
    PGPHASE_TRY(session, stage.open("writer"));
    knows.push_back(known == &as_before ? Knows::before : Knows::after);
    const auto number = static_cast<int>(writers.size());
    writers.push_back(std::make_unique<Writer>(std::move(session), tables, number, seed + writers.size()));
  }
  if (writers.empty()) return Crossing{};
  for (auto& writer : writers) writer->start();
  if (may_refuse_rows(plan, phase)) {
    std::this_thread::sleep_for(k_settle);
    for (auto& writer : writers) writer->be_careful();
  }
  const auto moved = back_and_forward(stage, plan.id, phase, [&writers](Moment moment) {
    for (auto& writer : writers) writer->turn_to(moment);
  });
  for (auto& writer : writers) writer->stop();

  Crossing crossing;
  crossing.happened = true;
  for (const auto* known : {&as_before, static_cast<const std::vector<KnownTable>*>(&now)}) {
    for (const auto& table : *known) crossing.tables.insert(table.table);
  }
  if (!moved) crossing.stopped = moved.error();
  const auto may_change = [&](const TableName& table, const std::string& column) {
    return sets(plan, table, column, overwrites);
  };
  const auto may_fill = [&](const TableName& table, const std::string& column) {
    return sets(plan, table, column, fills) || restores(plan, table, column);
  };
  PGPHASE_TRY(whereabouts, whereabouts_of(stage, plan));
  PGPHASE_TRY(session, stage.session());
  for (std::size_t i = 0; i < writers.size(); ++i) {
    auto& writer = writers[i];
    const auto& counts = writer->counts();
    crossing.all_failed.insert(crossing.all_failed.end(), counts.failed.begin(), counts.failed.end());
    PGPHASE_TRY(beyond, beyond_its_reach(*session, *writer, knows[i] == Knows::before ? now : as_before, whereabouts));
    const auto forbidden = against_the_contract(plan, phase, knows[i], counts.failed, [&](const auto& one) {
      return std::any_of(beyond.begin(), beyond.end(), [&](const auto& name) {
        return name.first == one.table && one.message.find('"' + name.second + '"') != std::string::npos;
      });
    });
    crossing.forbidden.insert(crossing.forbidden.end(), forbidden.begin(), forbidden.end());
    crossing.acknowledged += counts.acknowledged;
    crossing.longest_wait_ms = std::max(crossing.longest_wait_ms, counts.longest_wait_ms);
    crossing.failed.insert(crossing.failed.end(), counts.failures.begin(), counts.failures.end());
    if (!moved) continue;
    PGPHASE_TRY(lost, writer->what_is_lost(may_change, may_fill, whereabouts));
    crossing.lost.insert(crossing.lost.end(), lost.begin(), lost.end());
  }
  for (auto writer = writers.rbegin(); writer != writers.rend(); ++writer) {
    PGPHASE_TRY(left, (*writer)->remove_rows(whereabouts));
    for (const auto& table : left) crossing.tables.erase(table);
  }
  return crossing;
}

}  // namespace pgphase
