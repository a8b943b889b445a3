// `pgphase up`: all pending plans in order, or one, until done, stopped or at a closed gate.
#include <fmt/format.h>

#include <CLI/CLI.hpp>

#include "orchestrator/cli/names.hpp"
#include "orchestrator/cli/program.hpp"
#include "orchestrator/engine/agenda.hpp"
#include "orchestrator/engine/plan_runner.hpp"
#include "orchestrator/engine/preflight.hpp"
#include "plans/base/units.hpp"
#include "plans/catalogue/expectations.hpp"

namespace pgphase {
namespace {

namespace asio = boost::asio;

struct UpOptions {
  std::string plan, through, deadline;
  bool approve = false, wait = false, accept_edit = false;
};

// One plan that did not get to its end, and why.
struct Unfinished {
  PlanId plan;
  PlanStop stop;
};

ExitCode exit_code_for(StopReason reason) {
  switch (reason) {
    case StopReason::done:
    case StopReason::through:
      return ExitCode::done;
    case StopReason::at_gate:
      return ExitCode::at_gate;
    case StopReason::paused:
    case StopReason::held:
      return ExitCode::paused;
    case StopReason::interrupted:
      return ExitCode::interrupted;
    case StopReason::sealed:
      return ExitCode::refused;
  }
  return ExitCode::bug;
}

const char* name_of(StopReason reason) {
  switch (reason) {
    case StopReason::done:
      return "done";
    case StopReason::through:
      return "through";
    case StopReason::at_gate:
      return "at_gate";
    case StopReason::paused:
      return "paused";
    case StopReason::held:
      return "held";
    case StopReason::interrupted:
      return "interrupted";
    case StopReason::sealed:
      return "sealed";
  }
  return "?";
}

std::string in_words(const Unfinished& unfinished) {
  const auto& [plan, stop] = unfinished;
  switch (stop.reason) {
    case StopReason::at_gate: {
      std::string line = fmt::format("{} is at the gate before {}", plan.value, to_string(stop.phase));
      for (const auto& part : stop.shut) line += fmt::format("\n  {}: {}", part.kind, part.why);
      return line + fmt::format("\n  go on: pgphase up {0}    go back: pgphase rollback {0}", plan.value);
    }
    case StopReason::paused:
      return fmt::format("{} is {}\n  go on: {}, then pgphase up", plan.value, stop.why, stop.lifted_by);
    case StopReason::held:
      return fmt::format("{0} is {1}\n  go forward again: pgphase up {0}", plan.value, stop.why);
    case StopReason::interrupted:
      return fmt::format("{} is interrupted; the next pgphase up goes on", plan.value);
    default:
      return fmt::format("{}: {}", plan.value, name_of(stop.reason));
  }
}

class Up {
 public:
  Up(Program& program, std::vector<PhasedPlan> folder) : program_(program), folder_(std::move(folder)) {}

  AgendaWishes which;
  ForwardWishes wishes;

  // Called again after a reconnect: everything is decided anew from the ledger.
  asio::awaitable<Result<void>> run(RunContext& run) {
    unfinished_.clear();
    auto look = [](Session& session) { return read_ledger(session); };
    auto ledger = co_await run.work.run(look);
    if (!ledger) co_return ledger.error();
    auto agenda = make_agenda(folder_, *ledger, which);
    if (!agenda) co_return agenda.error();
    if (agenda->empty()) {
      run.reporter.say(which.only ? fmt::format("nothing to do: {} is done", which.only->value)
                                  : std::string("nothing to do: every plan is done"));
    }

    bool others_have_run = false;
    std::vector<PhasedPlan> behind;  // plans that stand before their constraint phase, or behind one that does
    for (const auto& item : *agenda) {
      const PhasedPlan& plan = plan_of(item, *ledger);
      if (const auto* obstacle = stands_before(plan, behind)) {
        run.reporter.say(fmt::format("{} waits for {}", plan.id.value, obstacle->id.value));
        behind.push_back(plan);
        continue;
      }
      if (item.record) {
        auto recorded = co_await record(run, *item.record);
        if (!recorded) co_return recorded.error();
      }
      if (others_have_run) {
        auto clear = co_await look_again(run, plan);
        if (!clear) co_return clear.error();
      }
      others_have_run = true;
      auto stop = co_await run_plan(run, plan.id, wishes);
      if (!stop) co_return stop.error();
      if (stop->reason == StopReason::done || stop->reason == StopReason::through) {
        if (stop->reason == StopReason::through) behind.push_back(plan);
        continue;
      }
      unfinished_.push_back({plan.id, *stop});
      const bool later_plans_may_pass = stop->reason == StopReason::at_gate && stop->phase == Phase::constraint;
      if (!later_plans_may_pass) break;
      behind.push_back(plan);
    }
    co_return Result<void>();
  }

  ExitCode tell() {
    auto& console = program_.console();
    boost::json::array stops;
    for (const auto& unfinished : unfinished_) {
      console.say(in_words(unfinished));
      boost::json::array gate;
      for (const auto& part : unfinished.stop.shut) gate.emplace_back(part.kind);
      stops.push_back(boost::json::object{{"plan", unfinished.plan.value},
                                          {"phase", to_string(unfinished.stop.phase)},
                                          {"reason", name_of(unfinished.stop.reason)},
                                          {"why", unfinished.stop.why},
                                          {"gate", gate}});
    }
    const auto exit = unfinished_.empty() ? ExitCode::done : exit_code_for(unfinished_.front().stop.reason);
    console.object({{"unfinished", stops}, {"exit", static_cast<int>(exit)}});
    return exit;
  }

 private:
  const PhasedPlan& plan_of(const AgendaItem& item, const LedgerView& ledger) const {
    return item.record ? *item.record : ledger.find(item.id)->plan;
  }

  const PhasedPlan* stands_before(const PhasedPlan& plan, const std::vector<PhasedPlan>& behind) const {
    for (const auto& earlier : behind) {
      if (builds_on(plan, earlier)) return &earlier;
    }
    return nullptr;
  }

  asio::awaitable<Result<void>> record(RunContext& run, const PhasedPlan& plan) {
    co_return co_await write_ledger(run, "plan.record", [&](Session& session) -> Result<void> {
      PGPHASE_CHECK(record_plan(session, plan));
      return record_event(session, run.fence.person, {plan.id, Phase::additive, ""}, "plan_recorded",
                          fmt::format("plan recorded, split {}", plan.split_sha256.substr(0, 12)));
    });
  }

  // What the plans before it have left in its way was not there yet when everything was looked at.
  asio::awaitable<Result<void>> look_again(RunContext& run, const PhasedPlan& plan) {
    auto look = [&plan](Session& session) -> Result<void> {
      PGPHASE_TRY(ledger, read_ledger(session));
      const auto* record = ledger.find(plan.id);
      if (record && has_started(*record)) return {};
      std::vector<std::string> told;
      PGPHASE_TRY(harms, HarmForesight::ask(session));
      return look_at_steps(session, plan, expectations({&plan}), harms, told);
    };
    co_return co_await run.work.run(look);
  }

  Program& program_;
  std::vector<PhasedPlan> folder_;
  std::vector<Unfinished> unfinished_;
};

Result<void> look_before(Program& program, const std::vector<PhasedPlan>& plans, const AgendaWishes& which) {
  PGPHASE_TRY(session, program.connect("look"));
  PGPHASE_TRY(warnings, preflight(*session, plans, which, program.settings().plans));
  for (const auto& warning : warnings) program.console().warn(warning);
  return {};
}

ExitCode up(Program& program, const UpOptions& options) {
  auto& console = program.console();
  if (options.approve && options.plan.empty()) {
    return console.fail(
        make_error(Errc::usage, "--approve needs the plan that it approves", "Write `pgphase up PLAN --approve`."));
  }
  if (options.accept_edit && options.plan.empty()) {
    return console.fail(make_error(Errc::usage, "--accept-edit needs the plan whose edit it accepts",
                                   "Write `pgphase up PLAN --accept-edit`."));
  }
  ForwardWishes wishes;
  if (!options.through.empty()) {
    auto phase = parse_phase(options.through);
    if (!phase) return console.fail(phase.error());
    wishes.limits.through = *phase;
  }
  wishes.limits.lift_hold = !options.plan.empty();
  wishes.closed = options.wait ? AtClosedGate::wait : AtClosedGate::stop;
  wishes.approve = options.approve;
  Control control;
  if (!options.deadline.empty()) {
    auto limit = parse_duration(options.deadline);
    if (!limit) return console.fail(limit.error());
    control.deadline = std::chrono::steady_clock::now() + *limit;
  }
  auto plans = program.plans();
  if (!plans) return console.fail(plans.error());

  AgendaWishes which{std::nullopt, options.accept_edit};
  if (!options.plan.empty()) which.only = parse_plan_id(options.plan);
  if (auto looked = look_before(program, *plans, which); !looked) return console.fail(looked.error());

  Up work(program, std::move(*plans));
  work.wishes = wishes;
  work.which = which;
  auto result = program.under_lease(control, TakeOver::if_stale, k_after_a_crash,
                                    [&work](RunContext& context) { return work.run(context); });
  if (!result) return console.fail(result.error());
  return work.tell();
}

}  // namespace

void add_up(Program& program) {
  auto options = std::make_shared<UpOptions>();
  auto* command =
      program.add_command("up", "Run all pending plans in order, or one, until done, stopped or at a closed gate",
                          "  pgphase up 002_task_priority --through backfill\n"
                          "    carries out the additive and the backfill phase, and leaves constraint for later",
                          [&program, options] { return up(program, *options); });
  command->add_option("PLAN", options->plan, "only this plan; lifts a hold that a rollback left on it");
  command->add_option("--through", options->through, "stop after this phase: additive, backfill or constraint");
  command->add_flag("--approve", options->approve, "approve PLAN's gates as they are reached");
  command->add_flag("--wait", options->wait, "stay at a closed gate or a pause, and go on when it opens");
  command->add_option("--deadline", options->deadline, "stop after this time, e.g. 2h; exit 12");
  command->add_flag("--accept-edit", options->accept_edit, "take PLAN's edited text for steps that have not run");
}

}  // namespace pgphase
