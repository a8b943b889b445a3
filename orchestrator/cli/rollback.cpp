// `pgphase rollback`: undoes one phase, one plan, or the last N plans.
#include <fmt/format.h>

#include <CLI/CLI.hpp>

#include "orchestrator/cli/names.hpp"
#include "orchestrator/cli/program.hpp"
#include "orchestrator/engine/rollback_run.hpp"
#include "orchestrator/rehearsal/report.hpp"
#include "phases/ledger/schema.hpp"

namespace pgphase {
namespace {

struct CommandLine {
  std::string plan, phase, reason, confirm;
  int last = 0;
  bool with_later = false, take_over = false, lose_data = false;
};

constexpr std::chrono::seconds k_patience{10};  // for a run to stop when it is asked to

// Runs of other people are asked to stop; they finish what is in flight. Each once: a request counts for the run that
// had the lease when it was made, and another run may take it while this one waits.
class Asking {
 public:
  explicit Asking(Program& program) : program_(program) {}

  Result<void> operator()(Session& session) {
    PGPHASE_TRY(version, ledger_version(session));
    if (version == 0) return {};
    PGPHASE_TRY(holder, lease_holder(session));
    if (!holder || !holder->live || asked_ == holder->token) return {};
    program_.console().say(fmt::format("asking {} to stop", holder->owner));
    NewRequest stop;
    stop.kind = RequestKind::stop;
    stop.reason = "rollback";
    stop.person = program_.person();
    auto transaction = Transaction::begin(session, "rollback.ask");
    if (!transaction) return transaction.error();
    PGPHASE_CHECK(add_request(session, stop));
    PGPHASE_CHECK(transaction->commit());
    asked_ = holder->token;
    since_ = std::chrono::steady_clock::now();
    return {};
  }

  // " It was asked to stop 10 s ago.", or nothing.
  std::string how_long_ago() const {
    if (!asked_) return {};
    const auto ago = std::chrono::duration_cast<std::chrono::seconds>(std::chrono::steady_clock::now() - since_);
    return fmt::format(" It was asked to stop {} s ago.", ago.count());
  }

 private:
  Program& program_;
  std::optional<std::int64_t> asked_;
  std::chrono::steady_clock::time_point since_;
};

Result<void> ask_at_once(Program& program, Asking& asking) {
  PGPHASE_TRY(session, program.connect("rollback"));
  return asking(*session);
}

// What --with-later takes along, told before anything is undone. A phase without steps has nothing to tell.
std::vector<std::string> announcement(const LedgerView& ledger, const std::vector<PhaseToUndo>& order) {
  std::vector<std::string> lines{"to undo, in this order:"};
  for (const auto& [plan, phase] : order) {
    if (ledger.find(plan)->plan[phase].steps.empty()) continue;
    lines.push_back(fmt::format("  {} {}", plan.value, to_string(phase)));
  }
  return lines;
}

// The two moments of a phase: when code of the schema before works again, and when everything is restored.
boost::json::object as_json(const RollbackProgress::Undone& one) {
  return {{"plan", one.which.plan.value},
          {"phase", to_string(one.which.phase)},
          {"old_code_safe_seconds", one.how.old_code_safe.count()},
          {"complete_seconds", one.how.complete.count()}};
}

std::string in_words(const RollbackProgress::Undone& one) {
  const auto complete = in_seconds(one.how.complete.count());
  return fmt::format("{} {}: {}, everything restored after {}", one.which.plan.value, to_string(one.which.phase),
                     one.how.old_code_was_out ? "old code safe after " + in_seconds(one.how.old_code_safe.count())
                                              : "old code was safe when it began",
                     complete);
}

ExitCode tell(Program& program, const RollbackProgress& done) {
  auto& console = program.console();
  boost::json::array phases;
  for (const auto& one : done.phases) phases.push_back(as_json(one));
  auto exit = ExitCode::done;
  if (done.stopped) {
    const auto& stop = done.stopped->stop;
    exit = stop.reason == StopReason::paused ? ExitCode::paused : ExitCode::interrupted;
    console.say(
        fmt::format("the rollback is {}; the same command goes on with it. Old code {}",
                    stop.reason == StopReason::paused ? stop.why : "interrupted",
                    done.stopped->old_code_is_safe ? "is safe: what is left is restoration" : "is not safe yet"));
  } else if (done.phases.empty()) {
    console.say("nothing to roll back: nothing of it stands");
  } else {
    for (const auto& one : done.phases) {
      if (one.how.had_steps) console.say(in_words(one));
    }
    const auto& last = done.phases.back().which.plan.value;
    console.say(fmt::format("rolled back; {} is held, so that no pipeline redoes it", last));
    console.say(fmt::format("forward again: pgphase up {}", last));
  }
  console.object({{"rolled_back", phases}, {"exit", static_cast<int>(exit)}});
  return exit;
}

ExitCode rollback(Program& program, const CommandLine& options) {
  auto& console = program.console();
  RollbackWishes wishes;
  wishes.last = options.last;
  wishes.with_later = options.with_later;
  if (!options.plan.empty()) wishes.plan = parse_plan_id(options.plan);
  if (wishes.plan.has_value() == (wishes.last > 0)) {
    return console.fail(
        make_error(Errc::usage, "rollback needs a plan, or how many of the last plans",
                   "Write `pgphase rollback PLAN`, `pgphase rollback PLAN --phase PHASE` or `pgphase rollback -1`."));
  }
  if (!options.phase.empty()) {
    auto phase = parse_phase(options.phase);
    if (!phase) return console.fail(phase.error());
    if (!wishes.plan) return console.fail(make_error(Errc::usage, "--phase needs a plan"));
    wishes.phase = *phase;
  }
  if (auto sure = program.confirm_protected(options.confirm, "pgphase rollback"); !sure)
    return console.fail(sure.error());
  Asking asking(program);
  if (auto asked = ask_at_once(program, asking); !asked) return console.fail(asked.error());

  Control control;
  RollbackOptions back;
  back.wishes = wishes;
  back.hand_written = options.lose_data ? HandWritten::may_lose_it : HandWritten::keeps_what_is_there;
  back.reason = options.reason;
  if (wishes.with_later) {
    back.announce = [&console](const LedgerView& ledger, const std::vector<PhaseToUndo>& order) {
      for (const auto& line : announcement(ledger, order)) console.say(line);
    };
  }
  RollbackProgress done;
  auto result = program.under_lease(control, options.take_over ? TakeOver::by_force : TakeOver::if_stale, k_patience,
                                    [&](RunContext& run) { return roll_back(run, back, done); },
                                    [&asking](Session& session) { return asking(session); });
  if (!result) {
    auto error = result.error();
    if (error.code == Errc::lease_held && !options.take_over) {
      error.next = fmt::format("Nothing was changed.{} --take-over ends its backends.", asking.how_long_ago());
    }
    return console.fail(error);
  }
  return tell(program, done);
}

}  // namespace

void add_rollback(Program& program) {
  auto options = std::make_shared<CommandLine>();
  auto* command =
      program.add_command("rollback", "Undo one phase, one plan, or the last N plans, without losing what was written",
                          "  pgphase rollback 002_task_priority --phase constraint\n"
                          "    the constraint phase alone; `pgphase up 002_task_priority` goes forward again",
                          [&program, options] { return rollback(program, *options); });
  command->add_option("PLAN", options->plan, "the plan");
  command->add_option("--phase", options->phase, "only this phase: additive, backfill or constraint");
  command->add_option("-n,--last", options->last, "the last N plans; -1, -2 … for short")->check(CLI::Range(1, 1000));
  command->add_flag("--with-later", options->with_later, "later phases and plans that build on it, too");
  command->add_flag("--take-over", options->take_over, "end the backends of a run that does not stop by itself");
  command->add_flag(
      "--lose-data", options->lose_data,
      "also where a rollback written by hand drops rows or values that are there, or where triggers that keep "
      "track of what is written have been off");
  command->add_option("--reason", options->reason, "kept with the hold that is left on the plan");
  command->add_option("--confirm", options->confirm, "the database's name, when it is protected");
}

}  // namespace pgphase
