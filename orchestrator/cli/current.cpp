// `pgphase current`: the last finished plan, for scripts. Reads only: where there is no ledger it makes none.
#include <CLI/CLI.hpp>

#include "orchestrator/cli/program.hpp"

namespace pgphase {
namespace {

const PlanRecord* last_finished(const LedgerView& ledger) {
  const PlanRecord* last = nullptr;
  for (const auto& plan : ledger.plans) {
    if (plan.finished_at && (!last || *plan.finished_at >= *last->finished_at)) last = &plan;
  }
  return last;
}

ExitCode current(Program& program) {
  auto& console = program.console();
  auto session = program.connect("current");
  if (!session) return console.fail(session.error());
  auto ledger = read_ledger(**session);
  if (!ledger) return console.fail(ledger.error());
  const auto* plan = last_finished(*ledger);
  if (console.json()) {
    console.object({{"current", plan ? boost::json::value(plan->plan.id.value) : boost::json::value(nullptr)}});
  } else if (plan) {
    console.say(plan->plan.id.value);
  }
  return ExitCode::done;
}

}  // namespace

void add_current(Program& program) {
  program.add_command("current", "Print the last finished plan, or nothing",
                      "  pgphase current\n"
                      "    001_initial",
                      [&program] { return current(program); });
}

}  // namespace pgphase
