// `pgphase step`: says by hand that a step is done or is to be skipped, audited, so that nobody edits the ledger.
#include <fmt/format.h>

#include <CLI/CLI.hpp>

#include "orchestrator/cli/names.hpp"
#include "orchestrator/cli/program.hpp"
#include "orchestrator/engine/plan_runner.hpp"
#include "phases/ledger/baseline.hpp"

namespace pgphase {
namespace {

namespace asio = boost::asio;

struct StepOptions {
  std::string plan, step, reason;
  bool done = false, skip = false;
};

Result<StepKey> parse_key(const StepOptions& options) {
  const auto slash = options.step.find('/');
  if (slash == std::string::npos) {
    return make_error(Errc::usage, fmt::format("'{}' is no step", options.step),
                      "Write PHASE/NAME, as `pgphase status` shows it, e.g. constraint/required.");
  }
  PGPHASE_TRY(phase, parse_phase(options.step.substr(0, slash)));
  return StepKey{parse_plan_id(options.plan), phase, options.step.substr(slash + 1)};
}

// `seen`: the catalogue with what was made by hand in it, which is no drift; nothing where nothing was made.
Result<void> mark(Session& session, const RunContext& run, const StepKey& key, StepState state,
                  const std::string& reason, const std::optional<Result<Snapshot>>& seen) {
  PGPHASE_TRY(ledger, read_ledger(session));
  const auto* plan = ledger.find(key.plan);
  const StepRecord* step = nullptr;
  if (plan) {
    for (const auto& candidate : (*plan)[key.phase].steps) {
      if (candidate.name == key.step) step = &candidate;
    }
  }
  if (!step) {
    return make_error(
        Errc::refused,
        fmt::format("the ledger knows no step {}/{} of plan {}", to_string(key.phase), key.step, key.plan.value),
        "Nothing was changed. `pgphase status` shows the steps of plans that have started.");
  }
  if ((*plan)[key.phase].state == PhaseState::sealed) {
    return make_error(Errc::refused, fmt::format("phase {} of {} is sealed", to_string(key.phase), key.plan.value),
                      "Nothing was changed.");
  }
  auto transaction = begin_fenced(session, run.fence, "step.by_hand");
  if (!transaction) return transaction.error();
  PGPHASE_CHECK(step_by_hand(session, key, state, reason));
  if (seen) PGPHASE_CHECK(keep_baseline(session, key.plan, key.phase, BaselineMoment::by_hand, *seen));
  PGPHASE_CHECK(
      record_event(session, run.fence.person, key, "step_by_hand",
                   fmt::format("was {}, said to be {} by hand: {}", to_string(step->state), to_string(state), reason)));
  return transaction->commit();
}

ExitCode step(Program& program, const StepOptions& options) {
  auto& console = program.console();
  if (options.done == options.skip) {
    return console.fail(
        make_error(Errc::usage, "say either --done or --skip",
                   "--done: its effect is there, made by hand. --skip: leave it out, and out of a rollback."));
  }
  auto key = parse_key(options);
  if (!key) return console.fail(key.error());
  const auto state = options.done ? StepState::done : StepState::skipped;
  Control control;
  auto result = program.under_lease(
      control, TakeOver::if_stale, k_after_a_crash, [&](RunContext& run) -> asio::awaitable<Result<void>> {
        std::optional<Result<Snapshot>> seen;
        if (options.done) seen = co_await see_catalogue(run);
        auto write = [&](Session& session) { return mark(session, run, *key, state, options.reason, seen); };
        co_return co_await run.work.run(write);
      });
  if (!result) return console.fail(result.error());
  console.say(fmt::format("{}/{} of {} is recorded as {}", to_string(key->phase), key->step, key->plan.value,
                          to_string(state)));
  console.object({{"plan", key->plan.value}, {"step", options.step}, {"state", to_string(state)}});
  return ExitCode::done;
}

}  // namespace

void add_step(Program& program) {
  auto options = std::make_shared<StepOptions>();
  auto* command =
      program.add_command("step", "Say by hand that a step is done, or is to be skipped",
                          "  pgphase step 002_task_priority backfill/index --done --reason 'built it myself'",
                          [&program, options] { return step(program, *options); });
  command->add_option("PLAN", options->plan, "the plan")->required();
  command->add_option("STEP", options->step, "PHASE/NAME")->required();
  command->add_flag("--done", options->done, "its effect is there; a rollback undoes it as usual");
  command->add_flag("--skip", options->skip, "it is left out, forward and back");
  command->add_option("--reason", options->reason, "kept in the history")->required();
}

}  // namespace pgphase
