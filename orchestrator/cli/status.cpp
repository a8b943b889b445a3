// `pgphase status`: where everything stands and what can be done now. Reads only.
#include <CLI/CLI.hpp>

#include "orchestrator/cli/program.hpp"
#include "orchestrator/cli/status_view.hpp"

namespace pgphase {
namespace {

Result<StatusInput> look(const Program& program) {
  PGPHASE_TRY(session, program.connect("status"));
  StatusInput input;
  input.target = session->target();
  PGPHASE_TRY(ledger, read_ledger(*session));
  input.ledger = std::move(ledger);
  PGPHASE_TRY(retired, purge_candidates(*session, input.ledger, program.settings().retain.keep));
  input.retired = std::move(retired);
  for (const auto& plan : input.ledger.plans) {
    if (auto record = last_rehearsal(program.settings().project, plan.plan.id)) {
      input.rehearsals.emplace(plan.plan.id, std::move(*record));
    }
  }
  return input;
}

ExitCode status(Program& program) {
  auto& console = program.console();
  auto input = look(program);
  if (!input) return console.fail(input.error());
  // In an incident the ledger has to be enough: neither a checkout nor readable plans may be needed.
  if (auto plans = program.plans()) {
    input->folder = std::move(*plans);
  } else {
    console.warn("the plans folder cannot be read, so plans that have not started are not listed: " +
                 plans.error().message);
  }
  if (console.json()) {
    console.object(status_json(*input));
  } else {
    auto text = status_text(*input);
    text.pop_back();
    console.say(text);
  }
  return ExitCode::done;
}

}  // namespace

void add_status(Program& program) {
  program.add_command("status", "Show where every plan stands and what can be done now",
                      "  pgphase status --json | jq -r '.plans[] | select(.state == \"at_gate\").id'\n"
                      "    plans that wait at a gate",
                      [&program] { return status(program); });
}

}  // namespace pgphase
