#include "orchestrator/rehearsal/procedure.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <chrono>
#include <functional>

#include "orchestrator/rehearsal/additions.hpp"
#include "orchestrator/rehearsal/crossing.hpp"
#include "phases/branch/seed.hpp"
#include "phases/catalogue/compare.hpp"
#include "plans/base/units.hpp"
#include "plans/catalogue/catalogue.hpp"
#include "plans/sql/quote.hpp"

namespace pgphase {
namespace {

using Clock = std::chrono::steady_clock;

// Of many differences the first say enough.
constexpr std::size_t k_most_details = 25;

double since(Clock::time_point begun) {
  return std::chrono::duration<double>(Clock::now() - begun).count();
}

// The plan's own fault, and so a finding; anything else ends the rehearsal.
bool is_about_the_plan(const Error& error) {
  switch (error.code) {
    case Errc::step_failed:
    case Errc::verify_failed:
    case Errc::refused:
    case Errc::plan_rejected:
    case Errc::lock_budget:
    case Errc::sql:
      return true;
    default:
      return false;
  }
}

std::vector<std::string> words(const std::vector<Difference>& differences) {
  std::vector<std::string> lines;
  for (const auto& difference : differences) {
    if (lines.size() == k_most_details) {
      lines.push_back(fmt::format("… and {} more", differences.size() - k_most_details));
      break;
    }
    lines.push_back(in_words(difference));
  }
  return lines;
}

bool is_about_rows(const Difference& difference) {
  return difference.object.kind == "rows";
}

class PlanRehearsal {
 public:
  PlanRehearsal(Stage& stage, const PhasedPlan& plan, const ProcedureWishes& wishes)
      : stage_(stage), plan_(plan), wishes_(wishes) {
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
      phase_ = phase;
      PGPHASE_CHECK(rehearse_phase());
      if (stuck_) return report_;
    }
    phase_ = Phase::constraint;
    PGPHASE_TRY(applied, must_succeed(forward(), "the plan is applied"));
    if (!applied) return report_;
    PGPHASE_CHECK(as_a_whole(at_first));
    PGPHASE_CHECK(read_figures());
    return report_;
  }

 private:
  const char* phase() const { return to_string(phase_); }

  void check(std::string what, std::vector<std::string> details = {}) {
    const auto outcome = details.empty() ? Check::Outcome::passed : Check::Outcome::failed;
    report_.checks.push_back({std::move(what), outcome, std::move(details)});
  }
  void pass_over(std::string what, std::string why) {
    report_.checks.push_back({std::move(what), Check::Outcome::passed_over, {std::move(why)}});
  }

  // True: done. False: the plan could not do it, which is a finding, and nothing that comes after it would say
  // anything.
  Result<bool> must_succeed(const Result<void>& outcome, const std::string& what) {
    if (outcome) return true;
    if (!is_about_the_plan(outcome.error())) return outcome.error();
    check(what, {outcome.error().message});
    stuck_ = true;
    report_.stands = false;
    return false;
  }

  Result<void> seed() {
    if (wishes_.seed_rows == 0) return {};
    PGPHASE_TRY(session, stage_.session());
    const auto touched = touched_tables(plan_);
    PGPHASE_CHECK(seed_empty_tables(*session, {touched.begin(), touched.end()}, wishes_.seed_rows));
    return {};
  }

  Result<void> forward(std::optional<std::size_t> most_steps = {}) {
    auto stop = stage_.forward(plan_.id, phase_, most_steps);
    if (!stop) return stop.error();
    return {};
  }

  // One move and what it leaves, compared with what it should.
  Result<void> back_to(const Snapshot& before, const std::string& what) {
    PGPHASE_TRY(done, must_succeed(stage_.back(plan_.id, phase_), what));
    if (!done) return {};
    PGPHASE_TRY(now, stage_.snapshot());
    check(what, words(compare(before, now)));
    return {};
  }

  // Rows may differ from the first time where an expression like now() makes them; after a kill they may not.
  Result<void> forward_to(const Snapshot& after, const std::string& what, bool rows_too,
                          std::optional<std::size_t> most = {}) {
    PGPHASE_TRY(done, must_succeed(forward(most), what));
    if (!done) return {};
    PGPHASE_TRY(now, stage_.snapshot());
    auto differences = compare(after, now);
    if (!rows_too) std::erase_if(differences, is_about_rows);
    check(what, words(differences));
    return {};
  }

  Result<void> rehearse_phase() {
    PhaseFigures figures;
    figures.phase = phase_;
    wishes_.tell(fmt::format("{} {}", plan_.id.value, phase()));
    PGPHASE_TRY(session, stage_.session());
    const auto touched = touched_tables(plan_);
    PGPHASE_TRY(tables_before, known_tables(*session, {touched.begin(), touched.end()}));
    PGPHASE_TRY(before, stage_.snapshot());
    auto begun = Clock::now();
    const auto goes_forward = fmt::format("{} goes forward ({} {})", phase(), plan_[phase_].steps.size(),
                                          plan_[phase_].steps.size() == 1 ? "step" : "steps");
    if (wishes_.killer) PGPHASE_CHECK(kill_within_backfills());
    if (stuck_) return {};
    PGPHASE_TRY(done, must_succeed(forward(), goes_forward));
    if (!done) {
      stuck_ = false;
      PGPHASE_CHECK(
          back_to(before, fmt::format("{} rolls back from where it failed: schema and rows are as before", phase())));
      stuck_ = true;
      return {};
    }
    figures.forward_seconds = since(begun);
    check(goes_forward);
    PGPHASE_TRY(after, stage_.snapshot());

    const auto rolls_back = fmt::format("{} rolls back: schema and rows are as before", phase());
    if (const auto why = irreversible(plan_, phase_); !why.empty()) {
      pass_over(rolls_back, why);
      report_.phases.push_back(figures);
      one_way_ = true;
      return {};
    }
    begun = Clock::now();
    PGPHASE_CHECK(back_to(before, rolls_back));
    figures.back_seconds = since(begun);
    if (stuck_) return {};
    begun = Clock::now();
    PGPHASE_CHECK(forward_to(after, fmt::format("{} goes forward again: the schema is as the first time", phase()),
                             wishes_.killer.has_value()));
    figures.again_seconds = since(begun);
    report_.phases.push_back(figures);
    if (stuck_) return {};
    if (wishes_.seed_rows > 0) PGPHASE_CHECK(keeps_what_is_written(before));
    if (!stuck_ && wishes_.every_step && plan_[phase_].steps.size() > 1)
      PGPHASE_CHECK(stop_after_every_step(before, after));
    if (!stuck_ && wishes_.writers) PGPHASE_CHECK(cross(tables_before));
    return {};
  }

  Result<void> cross(const std::vector<KnownTable>& tables_before) {
    PGPHASE_TRY(crossing, cross_under_writers(stage_, plan_, phase_, tables_before, *wishes_.writers));
    if (!crossing.happened) return {};
    const auto what = fmt::format("{} goes back and forward again while applications write", phase());
    if (crossing.stopped) {
      PGPHASE_CHECK(must_succeed(*crossing.stopped, what));
      return {};
    }
    check(what, crossing.failed);
    check(fmt::format("nothing that they were told is committed is lost ({} statements)",
                      human_count(crossing.acknowledged)),
          crossing.lost);
    report_.longest_wait_ms = std::max(report_.longest_wait_ms.value_or(0), crossing.longest_wait_ms);
    return {};
  }

  // What an application writes to the new tables and columns, in between, comes back with them.
  Result<void> keeps_what_is_written(const Snapshot& before) {
    const auto added = additions_of(plan_, phase_);
    PGPHASE_TRY(session, stage_.session());
    PGPHASE_TRY(seeded, seed_empty_tables(*session, added.tables, wishes_.seed_rows));
    std::vector<std::string> written;
    for (const auto& one : seeded) {
      if (one.rows > 0) written.push_back(fmt::format("{} rows of {}", human_count(one.rows), display_name(one.table)));
    }
    std::vector<std::pair<TableName, std::string>> was_null;
    for (const auto& [table, column] : added.columns) {
      PGPHASE_TRY(wrote, write_column(*session, table, column, wishes_.seed_rows));
      if (wrote.rows == 0) continue;
      written.push_back(fmt::format("{} values of {}.{}", human_count(wrote.rows), display_name(table), column));
      if (wrote.was_null) was_null.emplace_back(table, column);
    }
    if (written.empty()) return {};
    std::string what;
    for (const auto& one : written) what += (what.empty() ? "" : ", ") + one;
    PGPHASE_TRY(with_rows, stage_.snapshot());
    PGPHASE_CHECK(back_to(
        before, fmt::format("{} rolls back after an application has written: schema and rows are as before", phase())));
    if (stuck_) return {};
    PGPHASE_CHECK(
        forward_to(with_rows, fmt::format("going forward again brings back what was written: {}", what), true));
    if (stuck_) return {};
    return clear(added, was_null, seeded);
  }

  // A later phase may ask more of the rows than these values keep.
  Result<void> clear(const Additions& added, const std::vector<std::pair<TableName, std::string>>& was_null,
                     const std::vector<Seeded>& seeded) {
    PGPHASE_TRY(session, stage_.session());
    for (auto one = seeded.rbegin(); one != seeded.rend(); ++one) {
      PGPHASE_CHECK(session->query(fmt::format("DELETE FROM {}", qualified(one->table))));
    }
    for (const auto& column : added.columns) {
      const bool null = std::find(was_null.begin(), was_null.end(), column) != was_null.end();
      PGPHASE_CHECK(session->query(fmt::format("UPDATE {} SET {} = {}", qualified(column.first),
                                               quote_ident(column.second), null ? "NULL" : "DEFAULT")));
    }
    return {};
  }

  Result<void> stop_after_every_step(const Snapshot& before, const Snapshot& after) {
    const auto steps = plan_[phase_].steps.size();
    const auto goes_back =
        fmt::format("{} stopped after each of its {} steps in turn rolls back to where it began", phase(), steps);
    const auto goes_on =
        fmt::format("{} stopped after each of its {} steps in turn goes on to the same end", phase(), steps);
    std::vector<std::string> back_differs, on_differs;
    PGPHASE_TRY(begun, must_succeed(stage_.back(plan_.id, phase_), goes_back));
    if (!begun) return {};
    for (std::size_t count = 1; count < steps; ++count) {
      const auto note = [&](std::vector<Difference> differences, std::vector<std::string>& out) {
        for (const auto& line : words(differences)) {
          out.push_back(fmt::format("after {}: {}", plan_[phase_].steps[count - 1].name, line));
        }
      };
      PGPHASE_TRY(went_back,
                  moves({[&] { return forward(count); }, [&] { return stage_.back(plan_.id, phase_); }}, goes_back));
      if (!went_back) return {};
      PGPHASE_TRY(back, stage_.snapshot());
      note(compare(before, back), back_differs);
      PGPHASE_TRY(went_on, moves({[&] { return forward(count); }, [&] { return forward(); }}, goes_on));
      if (!went_on) return {};
      PGPHASE_TRY(on, stage_.snapshot());
      auto differences = compare(after, on);
      std::erase_if(differences, is_about_rows);
      note(differences, on_differs);
      PGPHASE_TRY(back_again, must_succeed(stage_.back(plan_.id, phase_), goes_back));
      if (!back_again) return {};
    }
    check(goes_back, back_differs);
    check(goes_on, on_differs);
    PGPHASE_CHECK(must_succeed(forward(), goes_on));
    return {};
  }

  Result<bool> moves(const std::vector<std::function<Result<void>()>>& all, const std::string& what) {
    for (const auto& move : all) {
      PGPHASE_TRY(done, must_succeed(move(), what));
      if (!done) return false;
    }
    return true;
  }

  Result<void> kill_within_backfills() {
    const auto& steps = plan_[phase_].steps;
    for (std::size_t i = 0; i < steps.size() && !stuck_; ++i) {
      const auto* body = std::get_if<BackfillBody>(&steps[i].body);
      if (!body) continue;
      const auto what = fmt::format("{}/{} goes on after its process was killed in the middle", phase(), steps[i].name);
      PGPHASE_TRY(reached, must_succeed(forward(i), what));
      if (!reached) return {};
      PGPHASE_TRY(session, stage_.session());
      PGPHASE_TRY(killed, kill_in_the_middle(*wishes_.killer, *session, {plan_.id, phase_, steps[i].name}, *body));
      if (!killed) {
        pass_over(what,
                  fmt::format("nothing to kill: the backfill had no row of {} to wait for", display_name(body->table)));
        continue;
      }
      PGPHASE_TRY(went_on, must_succeed(forward(), what));
      if (went_on) check(what);
    }
    return {};
  }

  Result<void> as_a_whole(const Snapshot& at_first) {
    const auto goes_back =
        "the plan rolls back as a whole: schema and rows are as before, and it counts as not applied";
    if (one_way_) {
      pass_over(goes_back, "a phase is irreversible");
      return {};
    }
    PGPHASE_TRY(at_last, stage_.snapshot());
    std::vector<std::string> details;
    for (const Phase phase : {Phase::constraint, Phase::backfill, Phase::additive}) {
      PGPHASE_TRY(done, must_succeed(stage_.back(plan_.id, phase), goes_back));
      if (!done) return {};
    }
    PGPHASE_TRY(now, stage_.snapshot());
    details = words(compare(at_first, now));
    PGPHASE_TRY(ledger, stage_.ledger());
    const auto* record = ledger.find(plan_.id);
    if (record && record->finished_at) details.push_back("the plan still counts as applied");
    check(goes_back, details);
    return forward_to(at_last, "the plan goes forward again: the schema is identical to the first time", false);
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
  Phase phase_ = Phase::additive;
  bool stuck_ = false;    // it did not go on as it should have
  bool one_way_ = false;  // a phase is irreversible
};

}  // namespace

Result<RehearsedPlan> rehearse_plan(Stage& stage, const PhasedPlan& plan, const ProcedureWishes& wishes) {
  return PlanRehearsal(stage, plan, wishes).run();
}

}  // namespace pgphase
