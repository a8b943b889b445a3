#include "orchestrator/rehearsal/trials.hpp"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>

#include "orchestrator/rehearsal/additions.hpp"
#include "orchestrator/rehearsal/crossing.hpp"
#include "phases/branch/quiet_triggers.hpp"
#include "phases/branch/seed.hpp"
#include "phases/postgres/sqlstate.hpp"
#include "plans/base/units.hpp"
#include "plans/sql/quote.hpp"

namespace pgphase {
namespace {

using Column = std::pair<TableName, std::string>;

// What was written, to be told, and how the columns were before.
struct Written {
  std::vector<std::string> words;
  std::vector<Seeded> tables;
  std::vector<Column> were_null;
};

Result<Written> write_to(Session& session, const Additions& added, int rows) {
  Written written;
  PGPHASE_TRY(seeded, seed_empty_tables(session, added.tables, rows));
  written.tables = seeded;
  for (const auto& one : seeded) {
    if (one.rows > 0)
      written.words.push_back(fmt::format("{} rows of {}", human_count(one.rows), display_name(one.table)));
  }
  for (const auto& column : added.columns) {
    PGPHASE_TRY(wrote, write_column(session, column.first, column.second, rows));
    if (wrote.rows == 0) continue;
    written.words.push_back(
        fmt::format("{} values of {}.{}", human_count(wrote.rows), display_name(column.first), column.second));
    if (wrote.was_null) written.were_null.push_back(column);
  }
  return written;
}

// A later phase may ask more of the rows than these values keep.
Result<void> take_back(Session& session, const Additions& added, const Written& written) {
  for (auto one = written.tables.rbegin(); one != written.tables.rend(); ++one) {
    PGPHASE_CHECK(session.query(fmt::format("DELETE FROM {}", qualified(one->table))));
  }
  for (const auto& column : added.columns) {
    const bool null = std::find(written.were_null.begin(), written.were_null.end(), column) != written.were_null.end();
    PGPHASE_CHECK(session.query(fmt::format("UPDATE {} SET {} = {}", qualified(column.first),
                                            quote_ident(column.second), null ? "NULL" : "DEFAULT")));
  }
  return {};
}

// An audit trail, or the time of the last change, would differ afterwards, and not by the rollback's fault. A role that
// may not turn triggers off lets them fire.
Result<void> quietly(Session& session, const Additions& added, const std::function<Result<void>()>& body) {
  auto tables = added.tables;
  for (const auto& [table, column] : added.columns) tables.push_back(table);
  auto done = without_triggers(session, tables, body);
  if (!done && done.error().sqlstate == sqlstate::insufficient_privilege) return body();
  return done;
}

// A backfill without an undo leaves its values behind, and they do not count. What an application has written does: as
// long as this lives.
class CountingAll {
 public:
  CountingAll(Stage& stage, const Additions& added) : stage_(stage), left_out_(stage.values_left_out) {
    for (const auto& column : added.columns) stage_.values_left_out.erase(column);
  }
  ~CountingAll() { stage_.values_left_out = left_out_; }
  CountingAll(const CountingAll&) = delete;
  CountingAll& operator=(const CountingAll&) = delete;

 private:
  Stage& stage_;
  ColumnSet left_out_;
};

}  // namespace

Result<void> kill_within_backfills(Moves& moves, const Snapshot& before, const Killer& killer) {
  const bool one_way = !irreversible(moves.plan(), moves.phase()).empty();
  for (std::size_t i = 0; i < moves.steps().size() && !moves.stuck(); ++i) {
    const auto& step = moves.steps()[i];
    const auto* body = std::get_if<BackfillBody>(&step.body);
    if (!body) continue;
    const auto what = fmt::format("{}/{} goes on after its process was killed in the middle", moves.name(), step.name);
    const StepKey key{moves.plan().id, moves.phase(), step.name};
    const auto reach_and_kill = [&]() -> Result<bool> {
      PGPHASE_TRY(reached, moves.must_succeed(moves.forward(i), what));
      if (!reached) return false;
      PGPHASE_TRY(session, moves.stage().session());
      PGPHASE_TRY(other, moves.stage().open("rehearsal"));
      return kill_in_the_middle(killer, *session, *other, key, *body);
    };
    PGPHASE_TRY(killed, reach_and_kill());
    if (moves.stuck()) return {};
    if (!killed) {
      moves.pass_over(what,
                      fmt::format("nothing to kill: the backfill had no row of {} to wait for, or came to its end "
                                  "without it",
                                  display_name(body->table)));
      continue;
    }
    // One without an undo of the author's leaves its values where they are: a second run would have nothing to do.
    if (!one_way && !body->undo.empty()) {
      PGPHASE_CHECK(
          moves.back_to(before, fmt::format("{}/{} killed in the middle rolls back: schema and rows are as before",
                                            moves.name(), step.name)));
      if (moves.stuck()) return {};
      PGPHASE_TRY(killed_again, reach_and_kill());
      if (moves.stuck()) return {};
      if (!killed_again) {
        moves.pass_over(what, "after it had gone back, the backfill could not be caught in the middle");
        continue;
      }
    }
    PGPHASE_TRY(went_on, moves.must_succeed(moves.forward(), what));
    if (went_on) moves.check(what);
  }
  return {};
}

Result<void> keep_what_is_written(Moves& moves, const Snapshot& before, int seed_rows) {
  const auto added = additions_of(moves.plan(), moves.phase());
  const CountingAll counting(moves.stage(), added);
  PGPHASE_TRY(session, moves.stage().session());
  Written written;
  PGPHASE_CHECK(quietly(*session, added, [&]() -> Result<void> {
    PGPHASE_TRY(wrote, write_to(*session, added, seed_rows));
    written = wrote;
    return {};
  }));
  if (written.words.empty()) return {};
  PGPHASE_TRY(with_rows, moves.stage().snapshot());
  PGPHASE_CHECK(moves.back_to(
      before,
      fmt::format("{} rolls back after an application has written: schema and rows are as before", moves.name())));
  if (moves.stuck()) return {};
  PGPHASE_CHECK(moves.forward_to(
      with_rows, fmt::format("going forward again brings back what was written: {}", fmt::join(written.words, ", ")),
      Moves::Rows::count));
  if (moves.stuck()) return {};
  PGPHASE_TRY(again, moves.stage().session());
  return quietly(*again, added, [&] { return take_back(*again, added, written); });
}

Result<void> fail_after_every_step(Moves& moves, const Snapshot& before, const Snapshot& after) {
  const auto count = moves.steps().size();
  const auto begun = count == 1
                         ? fmt::format("{} made to fail after its step", moves.name())
                         : fmt::format("{} made to fail after each of its {} steps in turn", moves.name(), count);
  const auto goes_back = begun + " rolls back to where it began";
  const auto goes_on = begun + " goes on to the same end";
  std::vector<std::string> back_differs, on_differs;
  const auto done = [&moves](const Result<void>& outcome, const std::string& what) {
    return moves.must_succeed(outcome, what);
  };
  PGPHASE_TRY(cleared, done(moves.back(), goes_back));
  if (!cleared) return {};
  for (std::size_t step = 0; step < count; ++step) {
    const auto note = [&](const std::vector<Difference>& differences, std::vector<std::string>& out) {
      for (const auto& line : in_words(differences)) {
        out.push_back(fmt::format("after {}: {}", moves.steps()[step].name, line));
      }
    };
    PGPHASE_TRY(failed, done(moves.forward_until_failure(step), goes_back));
    if (!failed) return {};
    PGPHASE_TRY(went_back, done(moves.back(), goes_back));
    if (!went_back) return {};
    PGPHASE_TRY(back, moves.stage().snapshot());
    note(compare(before, back), back_differs);

    PGPHASE_TRY(failed_again, done(moves.forward_until_failure(step), goes_on));
    if (!failed_again) return {};
    PGPHASE_TRY(went_on, done(moves.forward(), goes_on));
    if (!went_on) return {};
    PGPHASE_TRY(on, moves.stage().snapshot());
    note(of_the_schema(compare(after, on)), on_differs);
    if (step + 1 == count) break;
    PGPHASE_TRY(cleared_again, done(moves.back(), goes_back));
    if (!cleared_again) return {};
  }
  moves.check(goes_back, back_differs);
  moves.check(goes_on, on_differs);
  return {};
}

Result<void> cross(Moves& moves, const std::vector<KnownTable>& as_before, std::uint64_t seed, UnderWriters& found) {
  PGPHASE_TRY(before, moves.stage().snapshot());
  PGPHASE_TRY(crossing, cross_under_writers(moves.stage(), moves.plan(), moves.phase(), as_before, seed));
  const auto nothing_lost = [&] {
    return fmt::format("nothing that they were told is committed is lost ({} statements)",
                       human_count(crossing.acknowledged));
  };
  const auto what = fmt::format("{} goes back and forward again while applications write", moves.name());
  if (!crossing.happened) {
    moves.pass_over(what, "there is no table with a primary key for them to write to");
    return {};
  }
  if (crossing.stopped) {
    PGPHASE_CHECK(moves.must_succeed(*crossing.stopped, what));
    return {};
  }
  moves.check(what, crossing.failed);
  moves.check(fmt::format("{}: no statement fails that the deploy contract allows", moves.name()), crossing.forbidden);
  for (const auto& one : crossing.all_failed) {
    const auto known = std::find_if(found.failed.begin(), found.failed.end(), [&](const FailedFigures& figures) {
      return figures.phase == moves.phase() && figures.sqlstate == one.sqlstate;
    });
    if (known != found.failed.end()) {
      known->count += one.count;
    } else {
      found.failed.push_back({moves.phase(), one.sqlstate, one.message, one.count});
    }
  }
  if (crossing.acknowledged == 0) {
    moves.pass_over(nothing_lost(),
                    "every statement of theirs was refused: pgphase has no values that fit these tables");
  } else {
    moves.check(nothing_lost(), crossing.lost);
  }
  found.longest_wait_ms = std::max(found.longest_wait_ms.value_or(0), crossing.longest_wait_ms);
  PGPHASE_TRY(after, moves.stage().snapshot());
  for (const auto& [table, sum] : before.rows) {
    const auto now = after.rows.find(table);
    const bool changed = now != after.rows.end() && now->second != sum;
    if (changed && !crossing.tables.contains(table)) found.written_by_triggers.insert(table);
  }
  return {};
}

}  // namespace pgphase
