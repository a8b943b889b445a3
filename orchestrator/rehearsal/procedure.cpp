#include "orchestrator/rehearsal/procedure.hpp"

#include <fmt/format.h>

#include <chrono>

#include "orchestrator/rehearsal/additions.hpp"
#include "orchestrator/rehearsal/trials.hpp"
#include "phases/branch/seed.hpp"
#include "plans/catalogue/catalogue.hpp"
#include "plans/sql/quote.hpp"

namespace pgphase {
namespace {

using Clock = std::chrono::steady_clock;

double since(Clock::time_point begun) {
  return std::chrono::duration<double>(Clock::now() - begun).count();
}

std::vector<TableName> tables_of(const PhasedPlan& plan) {
  const auto touched = touched_tables(plan);
  return {touched.begin(), touched.end()};
}

class PlanRehearsal {
 public:
  PlanRehearsal(Stage& stage, const PhasedPlan& plan, const ProcedureWishes& wishes)
      : stage_(stage), plan_(plan), wishes_(wishes), moves_(stage, plan, report_) {
    report_.plan = plan.id;
    report_.description = plan.description;
    report_.split_sha256 = plan.split_sha256;
    stage_.values_left_out = kept_by_rollback(plan);
  }

  Result<RehearsedPlan> run() {
    PGPHASE_CHECK(stage_.record(plan_));
    PGPHASE_CHECK(seed());
    PGPHASE_TRY(at_first, stage_.snapshot());
    for (const Phase phase : k_phases) {
      if (plan_[phase].steps.empty()) continue;
      moves_.turn_to(phase);
      PGPHASE_CHECK(rehearse_phase());
      if (moves_.stuck()) return report_;
    }
    moves_.turn_to(Phase::constraint);
    PGPHASE_TRY(applied, moves_.must_succeed(moves_.forward(), "the plan is applied"));
    if (!applied) return report_;
    report_.longest_wait_ms = under_writers_.longest_wait_ms;
    report_.failed_statements = under_writers_.failed;
    PGPHASE_CHECK(as_a_whole(leaving_out_what_triggers_wrote(at_first)));
    PGPHASE_CHECK(read_figures());
    return report_;
  }

 private:
  Result<void> seed() {
    if (wishes_.seed_rows == 0) return {};
    PGPHASE_TRY(session, stage_.session());
    PGPHASE_CHECK(seed_empty_tables(*session, tables_of(plan_), wishes_.seed_rows));
    return {};
  }

  Result<void> rehearse_phase() {
    const auto phase = moves_.phase();
    wishes_.tell(fmt::format("{} {}", plan_.id.value, moves_.name()));
    PGPHASE_TRY(session, stage_.session());
    PGPHASE_TRY(tables_before, known_tables(*session, tables_of(plan_)));
    PGPHASE_TRY(before, stage_.snapshot());
    PhaseFigures figures;
    figures.phase = phase;
    PGPHASE_TRY(after, forward(before, figures));
    if (moves_.stuck()) return {};

    const auto rolls_back = fmt::format("{} rolls back: schema and rows are as before", moves_.name());
    if (const auto why = irreversible(plan_, phase); !why.empty()) {
      moves_.pass_over(rolls_back, why);
      report_.phases.push_back(figures);
      one_way_ = true;
      return {};
    }
    auto begun = Clock::now();
    PGPHASE_CHECK(moves_.back_to(before, rolls_back));
    figures.back_seconds = since(begun);
    if (moves_.stuck()) return {};
    begun = Clock::now();
    PGPHASE_CHECK(
        moves_.forward_to(after, fmt::format("{} goes forward again: the schema is as the first time", moves_.name()),
                          wishes_.killer ? Moves::Rows::count : Moves::Rows::may_differ));
    figures.again_seconds = since(begun);
    report_.phases.push_back(figures);
    if (!moves_.stuck() && wishes_.seed_rows > 0)
      PGPHASE_CHECK(keep_what_is_written(moves_, before, wishes_.seed_rows));
    if (!moves_.stuck() && wishes_.every_step) PGPHASE_CHECK(fail_after_every_step(moves_, before, after));
    if (!moves_.stuck() && wishes_.writers)
      PGPHASE_CHECK(cross(moves_, tables_before, *wishes_.writers, under_writers_));
    return {};
  }

  // For the first time. The snapshot is empty, and the moves are stuck, where that failed.
  Result<Snapshot> forward(const Snapshot& before, PhaseFigures& figures) {
    const auto steps = moves_.steps().size();
    const auto goes_forward =
        fmt::format("{} goes forward ({} {})", moves_.name(), steps, steps == 1 ? "step" : "steps");
    const auto begun = Clock::now();
    if (wishes_.killer) PGPHASE_CHECK(kill_within_backfills(moves_, before, *wishes_.killer));
    if (moves_.stuck()) return Snapshot{};
    PGPHASE_TRY(done, moves_.must_succeed(moves_.forward(), goes_forward));
    if (!done) {
      PGPHASE_CHECK(moves_.back_from_failure(
          before, fmt::format("{} rolls back from where it failed: schema and rows are as before", moves_.name())));
      return Snapshot{};
    }
    figures.forward_seconds = since(begun);
    moves_.check(goes_forward);
    return stage_.snapshot();
  }

  // An audit trail goes on while applications write, whatever the plan does.
  Snapshot leaving_out_what_triggers_wrote(Snapshot at_first) {
    for (const auto& table : under_writers_.written_by_triggers) {
      at_first.rows.erase(table);
      moves_.pass_over(fmt::format("rows of {} are compared with the first time", display_name(table)),
                       "triggers have written there when applications wrote elsewhere");
    }
    return at_first;
  }

  Result<void> as_a_whole(const Snapshot& at_first) {
    const auto goes_back =
        "the plan rolls back as a whole: schema and rows are as before, and it counts as not applied";
    if (one_way_) {
      moves_.pass_over(goes_back, "a phase is irreversible");
      return {};
    }
    PGPHASE_TRY(at_last, stage_.snapshot());
    // In one go, and so with what is asked before the first phase: a rollback that is refused as a whole is no
    // rollback.
    PGPHASE_TRY(done, moves_.must_succeed(stage_.back(plan_.id), goes_back));
    if (!done) return {};
    PGPHASE_TRY(now, stage_.snapshot());
    auto details = in_words(compare(at_first, now));
    PGPHASE_TRY(ledger, stage_.ledger());
    const auto* record = ledger.find(plan_.id);
    if (record && record->finished_at) details.push_back("the plan still counts as applied");
    moves_.check(goes_back, details);
    return moves_.forward_to(at_last, "the plan goes forward again: the schema is identical to the first time",
                             Moves::Rows::may_differ);
  }

  Result<void> read_figures() {
    PGPHASE_TRY(ledger, stage_.ledger());
    const auto* record = ledger.find(plan_.id);
    if (!record) return {};
    for (auto& figures : report_.phases) figures.wal_bytes = (*record)[figures.phase].wal_bytes;
    for (const Phase phase : k_phases) {
      for (const auto& step : (*record)[phase].steps)
        report_.steps.push_back({phase, step.name, step.lock_ms, step.rows});
    }
    return {};
  }

  Stage& stage_;
  const PhasedPlan& plan_;
  const ProcedureWishes& wishes_;
  RehearsedPlan report_;
  Moves moves_;
  UnderWriters under_writers_;
  bool one_way_ = false;  // a phase is irreversible
};

}  // namespace

Result<RehearsedPlan> rehearse_plan(Stage& stage, const PhasedPlan& plan, const ProcedureWishes& wishes) {
  return PlanRehearsal(stage, plan, wishes).run();
}

}  // namespace pgphase
