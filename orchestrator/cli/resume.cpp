// `pgphase resume`: lifts a pause, or the hold that a rollback left. Starts nothing.
#include <fmt/format.h>

#include <CLI/CLI.hpp>
#include <algorithm>

#include "orchestrator/cli/names.hpp"
#include "orchestrator/cli/program.hpp"
#include "phases/ledger/schema.hpp"
#include "phases/postgres/transaction.hpp"

namespace pgphase {
namespace {

struct Lifted {
  std::int64_t pauses = 0;
  bool hold = false;
  bool frozen = false;  // a pause of the whole database is in force still
};

// Its file may have been deleted while it was paused.
bool paused_by_name(const LedgerView& ledger, const PlanId& plan) {
  return std::any_of(ledger.requests.begin(), ledger.requests.end(), [&](const RequestRecord& request) {
    return request.kind == RequestKind::pause && request.plan == plan;
  });
}

Result<Lifted> lift(Session& session, const Program& program, const std::optional<PlanId>& plan) {
  Lifted lifted;
  PGPHASE_TRY(before, read_ledger(session));
  const auto* record = plan ? before.find(*plan) : nullptr;
  if (plan && !record) {
    // A plan of the folder may have been paused before it ever ran; any other name is a slip.
    bool known = paused_by_name(before, *plan);
    if (!known) {
      PGPHASE_TRY(folder, program.plans());
      for (const auto& one : folder) known = known || one.id == *plan;
    }
    if (!known) {
      return make_error(Errc::refused, fmt::format("there is no plan {}", plan->value),
                        "Nothing was changed. `pgphase status` lists the plans that are known.");
    }
  }
  if (!before.exists) return lifted;
  lifted.hold = record && record->held;
  PGPHASE_CHECK(may_ask(session));
  auto transaction = Transaction::begin(session, "resume");
  if (!transaction) return transaction.error();
  PGPHASE_TRY(pauses, lift_requests(session, RequestKind::pause, plan, program.person()));
  lifted.pauses = pauses;
  if (lifted.hold) PGPHASE_CHECK(set_hold(session, *plan, "", ""));
  PGPHASE_CHECK(record_event(session, program.person(), {plan.value_or(PlanId{}), Phase::additive, ""}, "plan_resume",
                             fmt::format("{} pauses lifted{}", lifted.pauses, lifted.hold ? ", hold lifted" : "")));
  PGPHASE_CHECK(transaction->commit());
  PGPHASE_TRY(left, read_requests(session));
  for (const auto& request : left) lifted.frozen = lifted.frozen || (request.kind == RequestKind::pause && !request.plan);
  return lifted;
}

ExitCode resume(Program& program, const std::string& plan_text) {
  auto& console = program.console();
  std::optional<PlanId> plan;
  if (!plan_text.empty()) plan = parse_plan_id(plan_text);
  auto session = program.connect("resume");
  if (!session) return console.fail(session.error());
  auto lifted = lift(**session, program, plan);
  if (!lifted) return console.fail(lifted.error());
  if (lifted->pauses == 0 && !lifted->hold) {
    console.say(plan ? fmt::format("{} was neither paused nor held", plan->value) : "nothing was paused");
  } else {
    console.say(fmt::format("resumed: {} {} lifted{}", lifted->pauses, lifted->pauses == 1 ? "pause" : "pauses",
                            lifted->hold ? ", and the hold that a rollback left" : ""));
    console.say("a run that waits goes on by itself; otherwise: pgphase up");
  }
  if (lifted->frozen) console.warn("the whole database is still paused; `pgphase resume` without a plan lifts that");
  console.object({{"pauses_lifted", lifted->pauses}, {"hold_lifted", lifted->hold}, {"frozen", lifted->frozen}});
  return ExitCode::done;
}

}  // namespace

void add_resume(Program& program) {
  auto plan = std::make_shared<std::string>();
  auto* command = program.add_command("resume", "Lift a pause, or the hold that a rollback left; starts nothing",
                                      "  pgphase resume 002_task_priority && pgphase up",
                                      [&program, plan] { return resume(program, *plan); });
  command->add_option("PLAN", *plan, "its pauses and its hold (default: every pause, no hold)");
}

}  // namespace pgphase
