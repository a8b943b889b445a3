// `pgphase stamp`: records a plan, and what it requires, as done without running it.
#include <fmt/format.h>

#include <CLI/CLI.hpp>

#include "orchestrator/cli/names.hpp"
#include "orchestrator/cli/program.hpp"
#include "orchestrator/engine/agenda.hpp"
#include "orchestrator/engine/plan_runner.hpp"
#include "phases/ledger/baseline.hpp"
#include "plans/catalogue/catalogue.hpp"

namespace pgphase {
namespace {

namespace asio = boost::asio;

Result<std::vector<PlanId>> stamp_all(Session& session, const RunContext& run, const std::vector<PhasedPlan>& plans,
                                      const Result<Snapshot>& seen) {
  PGPHASE_TRY(ledger, read_ledger(session));
  std::vector<PlanId> stamped;
  auto transaction = begin_fenced(session, run.fence, "plan.stamp");
  if (!transaction) return transaction.error();
  for (const auto& plan : plans) {
    const auto* record = ledger.find(plan.id);
    if (record && is_finished(*record)) continue;
    if (record && has_started(*record)) {
      return make_error(Errc::refused, fmt::format("{} has started: it cannot be stamped", plan.id.value),
                        "Nothing was changed. Finish it with `pgphase up`, or roll it back first.");
    }
    PGPHASE_TRY(retired, read_retired(session, plan.id));
    if (!retired.empty()) {
      return make_error(Errc::refused,
                        fmt::format("{} was rolled back, and what it made is retired with its values: a stamp would leave "
                                    "them there", plan.id.value),
                        fmt::format("Nothing was changed. `pgphase up {}` brings them back.", plan.id.value));
    }
    PGPHASE_CHECK(record_plan(session, plan));
    PGPHASE_CHECK(set_plan_stamped(session, plan.id));
    PGPHASE_CHECK(set_hold(session, plan.id, "", ""));
    PGPHASE_CHECK(record_event(session, run.fence.person, {plan.id, Phase::additive, ""}, "plan_stamped",
                               "recorded as done without running it"));
    stamped.push_back(plan.id);
  }
  if (!stamped.empty()) {
    PGPHASE_CHECK(keep_baseline(session, stamped.back(), Phase::constraint, BaselineMoment::stamped, seen));
  }
  PGPHASE_CHECK(transaction->commit());
  return stamped;
}

ExitCode stamp(Program& program, const std::string& plan_text) {
  auto& console = program.console();
  const auto id = parse_plan_id(plan_text);
  auto folder = program.plans();
  if (!folder) return console.fail(folder.error());
  std::vector<PhasedPlan> wanted;
  auto ids = requires_closure(*folder, id);
  ids.push_back(id);
  for (const auto& plan : *folder) {
    if (std::find(ids.begin(), ids.end(), plan.id) != ids.end()) wanted.push_back(plan);
  }
  if (wanted.empty() || std::none_of(wanted.begin(), wanted.end(), [&](const auto& plan) { return plan.id == id; })) {
    return console.fail(
        make_error(Errc::refused, fmt::format("there is no plan {} in the folder", id.value), "Nothing was changed."));
  }
  Control control;
  std::vector<PlanId> stamped;
  auto result = program.under_lease(
      control, TakeOver::if_stale, k_after_a_crash, [&](RunContext& run) -> asio::awaitable<Result<void>> {
        const auto seen = co_await see_catalogue(run);
        auto write = [&](Session& session) { return stamp_all(session, run, wanted, seen); };
        auto done = co_await run.work.run(write);
        if (!done) co_return done.error();
        stamped = *done;
        co_return Result<void>();
      });
  if (!result) return console.fail(result.error());
  boost::json::array names;
  for (const auto& plan : stamped) {
    console.say(fmt::format("{} is recorded as done; nothing was executed", plan.value));
    names.emplace_back(plan.value);
  }
  if (stamped.empty()) console.say(fmt::format("{} is done already", id.value));
  console.object({{"stamped", names}});
  return ExitCode::done;
}

}  // namespace

void add_stamp(Program& program) {
  auto plan = std::make_shared<std::string>();
  auto* command =
      program.add_command("stamp", "Record a plan, and what it requires, as done without running it",
                          "  pgphase stamp 001_initial\n    the table exists already: later plans build on it",
                          [&program, plan] { return stamp(program, *plan); });
  command->add_option("PLAN", *plan, "the plan")->required();
}

}  // namespace pgphase
