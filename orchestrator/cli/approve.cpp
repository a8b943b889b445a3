// `pgphase approve`: opens the `approve` part of a gate that the plan has reached.
#include <fmt/format.h>

#include <CLI/CLI.hpp>

#include "orchestrator/cli/names.hpp"
#include "orchestrator/cli/program.hpp"
#include "orchestrator/engine/state_machine.hpp"
#include "phases/ledger/schema.hpp"
#include "phases/postgres/transaction.hpp"

namespace pgphase {
namespace {

struct ApproveOptions {
  std::string plan, phase, reason;
};

// Whether there is an approval to give; an Error says why not.
Result<void> may_be_approved(const LedgerView& ledger, const PlanId& id, Phase phase) {
  const auto* plan = ledger.find(id);
  const auto where = fmt::format("the gate before {} of {}", to_string(phase), id.value);
  if (!plan) {
    return make_error(Errc::refused, fmt::format("{} has not started: {} is not reached", id.value, where),
                      "Nothing was changed. An approval counts only once the gate is reached: run `pgphase up` first.");
  }
  if (!plan->plan[phase].gate.approve) {
    return make_error(Errc::refused, fmt::format("{} needs no approval", where), "Nothing was changed.");
  }
  if (!leaves_no_trace((*plan)[phase])) {
    return make_error(Errc::refused, fmt::format("{} is behind it already: the phase is {}", where,
                                                 to_string((*plan)[phase].state)), "Nothing was changed.");
  }
  if (!gate_reached_at(*plan, phase)) {
    return make_error(Errc::refused, fmt::format("{} is not reached: an earlier phase is not done", where),
                      "Nothing was changed. Approve it once `pgphase status` shows the plan at that gate.");
  }
  return {};
}

Result<bool> give(Session& session, const Program& program, const PlanId& id, Phase phase, const std::string& reason) {
  PGPHASE_TRY(ledger, read_ledger(session));
  PGPHASE_CHECK(may_be_approved(ledger, id, phase));
  const auto& plan = *ledger.find(id);
  if (approval_in_force(ledger.requests, plan, phase)) return false;
  PGPHASE_CHECK(may_ask(session));
  auto transaction = Transaction::begin(session, "approve");
  if (!transaction) return transaction.error();
  PGPHASE_CHECK(add_request(session, {RequestKind::approve, id, phase, false, plan.plan.split_sha256, plan.generation,
                                      reason, program.person()}));
  PGPHASE_CHECK(record_event(session, program.person(), {id, phase, ""}, "approved",
                             fmt::format("phase {} approved{}", to_string(phase), reason.empty() ? "" : ": " + reason)));
  PGPHASE_CHECK(transaction->commit());
  return true;
}

ExitCode approve(Program& program, const ApproveOptions& options) {
  auto& console = program.console();
  auto phase = parse_phase(options.phase);
  if (!phase) return console.fail(phase.error());
  const auto id = parse_plan_id(options.plan);
  auto session = program.connect("approve");
  if (!session) return console.fail(session.error());
  auto given = give(**session, program, id, *phase, options.reason);
  if (!given) return console.fail(given.error());
  console.say(fmt::format("{}: {} of {} on {}", *given ? "approved" : "was approved before", to_string(*phase), id.value,
                          (*session)->target()));
  console.say("a run that waits goes on by itself; otherwise: pgphase up");
  console.object({{"plan", id.value}, {"phase", to_string(*phase)}, {"approved", true}, {"new", *given}});
  return ExitCode::done;
}

}  // namespace

void add_approve(Program& program) {
  auto options = std::make_shared<ApproveOptions>();
  auto* command = program.add_command("approve", "Open the approval of a gate that the plan has reached",
                                      "  pgphase approve 002_task_priority --phase constraint",
                                      [&program, options] { return approve(program, *options); });
  command->add_option("PLAN", options->plan, "the plan")->required();
  command->add_option("--phase", options->phase, "the phase behind the gate")->required();
  command->add_option("--reason", options->reason, "kept in the history");
}

}  // namespace pgphase
