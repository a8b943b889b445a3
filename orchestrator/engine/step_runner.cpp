#include "orchestrator/engine/step_runner.hpp"

#include <fmt/format.h>

#include "orchestrator/engine/plan_work.hpp"
#include "orchestrator/engine/step_work.hpp"
#include "phases/backfill/undo.hpp"
#include "phases/ledger/ledger.hpp"
#include "phases/steps/statement.hpp"

namespace pgphase {
namespace {

namespace asio = boost::asio;
using Outcome = Result<StepOutcome>;

// Errors that the phases write in their own words. They know what they did, not always for which step of which plan.
bool about_the_step(Errc code) {
  return code == Errc::step_failed || code == Errc::verify_failed || code == Errc::refused;
}

asio::awaitable<Outcome> fail(const StepWork& work, Error error, StepState state) {
  if (error.code == Errc::sql) {
    error.code = Errc::step_failed;
    error.message = fmt::format("{} failed: {}", work.name(), error.message);
    error.next = fmt::format(
        "Of this statement nothing was done; what was done before it stands. Correct the cause, then run `pgphase up "
        "{0}` "
        "again, or `pgphase rollback {0} --phase {1}`.",
        work.key.plan.value, to_string(work.key.phase));
  } else if (about_the_step(error.code) && error.message.find(work.key.plan.value) == std::string::npos) {
    error.message = fmt::format("{}: {}", work.name(), error.message);
  }
  const bool can_write = work.run.work.is_open() && error.code != Errc::lease_lost && error.code != Errc::in_doubt;
  if (can_write) {
    auto recorded = co_await write_ledger(work.run, "step.failed", [&](Session& session) -> Result<void> {
      PGPHASE_CHECK(step_failed(session, work.key, error, state));
      return record_event(session, work.run.fence.person, work.key, "step_failed", error.message);
    });
    if (!recorded) work.run.reporter.warn("the failure could not be recorded: " + recorded.error().message);
  }
  co_return error;
}

bool fills_rows(const decltype(Step::body)& body) {
  return std::holds_alternative<BackfillBody>(body) || std::holds_alternative<DropNotNullBody>(body);
}

// Nothing of the step has happened: there is nothing to take back.
bool never_took_effect(const StepWork& work) {
  return work.record.part == 0 && work.record.intent.empty() && work.record.state != StepState::undoing &&
         work.record.state != StepState::undo_failed && work.record.state != StepState::done &&
         !std::holds_alternative<BackfillBody>(work.step.body);
}

StepWork work_on(RunContext& run, const PlanRecord& plan, Phase phase, std::size_t index, PartDone part_done = {}) {
  const auto& step = plan.plan[phase].steps[index];
  return {run, step, plan[phase].steps[index], {plan.plan.id, phase, step.name}, std::move(part_done), plan.plan};
}

// What other people's pg_stat_activity shows while the step runs. PostgreSQL keeps the first 63 bytes.
asio::awaitable<Result<void>> sign_session(RunContext& run, const StepKey& key) {
  const std::string name = fmt::format("pgphase/{}/{}", key.plan.value, key.step);
  auto sign = [&name](Session& session) -> Result<void> {
    PGPHASE_TRY(signed_as, session.query("SELECT set_config('application_name', $1, false)", {name}));
    static_cast<void>(signed_as);
    return {};
  };
  co_return co_await run.work.run(sign);
}

std::string seconds_since(std::chrono::steady_clock::time_point begun) {
  const auto ms =
      std::chrono::duration_cast<std::chrono::milliseconds>(std::chrono::steady_clock::now() - begun).count();
  return ms < 1000 ? fmt::format("{} ms", ms) : fmt::format("{:.1f} s", static_cast<double>(ms) / 1000.0);
}

std::string receipt(const StepDone& done, std::chrono::steady_clock::time_point begun) {
  std::string line = fmt::format("{} in {}", done.what, seconds_since(begun));
  if (done.held_ms > 0) line += fmt::format(", strong lock held {:.1f} ms", done.held_ms);
  return line;
}

}  // namespace

std::size_t first_undo_statement(std::size_t forward, std::size_t undo, std::size_t done) {
  if (done == 0) return undo;
  return forward == undo ? forward - std::min(done, forward) : 0;
}

asio::awaitable<Outcome> run_step(RunContext& run, const PlanRecord& plan, Phase phase, std::size_t index,
                                  StepEnding ending) {
  const StepWork work = work_on(run, plan, phase, index);
  const auto begun = std::chrono::steady_clock::now();
  if (auto signed_as = co_await sign_session(run, work.key); !signed_as) co_return signed_as.error();
  auto done = co_await carry_out(work);
  if (!done) co_return co_await fail(work, done.error(), StepState::failed);
  if (!*done) co_return StepOutcome::stopped;
  if (ending == StepEnding::failure) {
    const auto wished = make_error(Errc::verify_failed, fmt::format("{} was made to fail here", work.name()));
    const auto failed = co_await fail(work, wished, StepState::failed);
    if (failed.error().code != Errc::verify_failed) co_return failed.error();
    co_return StepOutcome::failed_as_wished;
  }

  if (!work.step.verify.empty()) {
    auto check = [&work](Session& session) { return verify(session, work.key, work.step.verify); };
    auto verified = co_await run_cancellably(run, check);
    if (!verified && was_cancelled_by_us(run.control, verified.error())) co_return StepOutcome::stopped;
    if (!verified) co_return co_await fail(work, verified.error(), StepState::failed);
  }
  auto finished = co_await write_ledger(run, "step.finish", [&](Session& session) -> Result<void> {
    PGPHASE_CHECK(step_finished(session, work.key, StepState::done));
    if ((*done)->held_ms > 0) PGPHASE_CHECK(step_lock_held(session, work.key, (*done)->held_ms));
    return record_event(session, run.fence.person, work.key, "step_done", receipt(**done, begun));
  });
  if (!finished) co_return finished.error();
  run.reporter.say(fmt::format("  {}/{}: {}", to_string(phase), work.key.step, receipt(**done, begun)));
  co_return StepOutcome::done;
}

asio::awaitable<Outcome> undo_step(RunContext& run, const PlanRecord& plan, Phase phase, std::size_t index,
                                   const PartDone& part_done) {
  const StepWork work = work_on(run, plan, phase, index, part_done);
  const auto begun = std::chrono::steady_clock::now();
  StepDone what{0, "nothing to undo", -1};
  if (!never_took_effect(work)) {
    if (work.step.irreversible) {
      co_return make_error(Errc::refused, fmt::format("{} cannot be undone: {}", work.name(), *work.step.irreversible),
                           "Nothing was changed. `pgphase step … --skip` leaves it as it is and undoes the rest.");
    }
    if (auto signed_as = co_await sign_session(run, work.key); !signed_as) co_return signed_as.error();
    auto done = co_await take_back(work);
    if (!done) co_return co_await fail(work, done.error(), StepState::undo_failed);
    if (!*done) co_return StepOutcome::stopped;
    what = **done;
    if (what.what == "done") what.what = "undone";
  }
  auto finished = co_await write_ledger(run, "step.undone", [&](Session& session) -> Result<void> {
    if (fills_rows(work.step.body)) PGPHASE_CHECK(forget_backfill(session, work.key));
    PGPHASE_CHECK(step_finished(session, work.key, StepState::undone));
    return record_event(session, run.fence.person, work.key, "step_undone", receipt(what, begun));
  });
  if (!finished) co_return finished.error();
  run.reporter.say(fmt::format("  {}/{}: {}", to_string(phase), work.key.step, receipt(what, begun)));
  co_return StepOutcome::done;
}

}  // namespace pgphase
