// `pgphase pause`: asks a run, wherever it is, to stop after the batch in flight; with nothing running, holds the next.
#include <fmt/format.h>

#include <CLI/CLI.hpp>

#include "orchestrator/cli/names.hpp"
#include "orchestrator/cli/program.hpp"
#include "phases/ledger/schema.hpp"
#include "phases/postgres/transaction.hpp"

namespace pgphase {
namespace {

struct PauseOptions {
  std::string plan, reason;
  bool all = false, now = false;
};

Result<void> request_pause(Session& session, const Program& program, const PauseOptions& options) {
  NewRequest request;
  request.cancel_now = options.now;
  request.reason = options.reason;
  request.person = program.person();
  if (!options.plan.empty()) {
    request.plan = parse_plan_id(options.plan);
    PGPHASE_TRY(ledger, read_ledger(session));
    bool known = ledger.find(*request.plan) != nullptr;
    if (!known) {
      PGPHASE_TRY(folder, program.plans());
      for (const auto& plan : folder) known = known || plan.id == *request.plan;
    }
    if (!known) {
      return make_error(Errc::refused, fmt::format("there is no plan {}", request.plan->value),
                        "Nothing was changed. `pgphase status` lists the plans that are known.");
    }
  }
  PGPHASE_CHECK(ensure_ledger(session));
  PGPHASE_CHECK(may_ask(session));
  auto transaction = Transaction::begin(session, "pause");
  if (!transaction) return transaction.error();
  PGPHASE_CHECK(add_request(session, request));
  PGPHASE_CHECK(record_event(session, program.person(), {request.plan.value_or(PlanId{}), Phase::additive, ""}, "plan_pause",
                      options.reason.empty() ? "pause requested" : "pause requested: " + options.reason));
  return transaction->commit();
}

ExitCode pause(Program& program, const PauseOptions& options) {
  auto& console = program.console();
  if (options.all && !options.plan.empty()) {
    return console.fail(make_error(Errc::usage, "--all and a PLAN exclude each other"));
  }
  auto session = program.connect("pause");
  if (!session) return console.fail(session.error());
  if (auto asked = request_pause(**session, program, options); !asked) return console.fail(asked.error());
  auto ledger = read_ledger(**session);
  if (!ledger) return console.fail(ledger.error());
  const bool running = ledger->lease && ledger->lease->live;
  const std::string what = options.plan.empty() ? "every plan of this database" : parse_plan_id(options.plan).value;
  console.say(fmt::format("paused: {} on {}", what, (*session)->target()));
  console.say(running ? fmt::format("{} stops after {}", ledger->lease->owner,
                                    options.now ? "its statement was cancelled" : "the batch in flight")
                      : std::string("nothing runs at the moment; the next `pgphase up` stops at once"));
  console.say(options.plan.empty() ? "go on: pgphase resume" : fmt::format("go on: pgphase resume {}", what));
  console.object({{"paused", options.plan.empty() ? boost::json::value(nullptr) : boost::json::value(what)},
                  {"running", running},
                  {"now", options.now}});
  return ExitCode::done;
}

}  // namespace

void add_pause(Program& program) {
  auto options = std::make_shared<PauseOptions>();
  auto* command = program.add_command(
      "pause", "Stop a run after the batch in flight, from any machine; hold the next one",
      "  pgphase pause 002_task_priority --reason 'replica is behind'",
      [&program, options] { return pause(program, *options); });
  command->add_option("PLAN", options->plan, "only this plan (default: whatever runs or would run)");
  command->add_flag("--all", options->all, "every plan: a freeze that every pipeline respects");
  command->add_flag("--now", options->now, "cancel the statement that runs");
  command->add_option("--reason", options->reason, "why; shown by status and to whoever runs up");
}

}  // namespace pgphase
