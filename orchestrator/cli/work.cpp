// `pgphase work`: another process, on another machine if need be, helps with the rows of a backfill that `up` runs.
#include <fmt/format.h>

#include <CLI/CLI.hpp>

#include "orchestrator/cli/names.hpp"
#include "orchestrator/cli/program.hpp"
#include "orchestrator/engine/work_run.hpp"
#include "plans/base/units.hpp"

namespace pgphase {
namespace {

struct WorkFlags {
  std::string plan, patience = "1m";
};

ExitCode exit_of(WorkEnd end) {
  switch (end) {
    case WorkEnd::done:
      return ExitCode::done;
    case WorkEnd::interrupted:
      return ExitCode::interrupted;
    case WorkEnd::nobody:
      return ExitCode::paused;
  }
  return ExitCode::bug;
}

ExitCode work(Program& program, const WorkFlags& flags) {
  auto& console = program.console();
  const auto patience = parse_duration(flags.patience);
  if (!patience) return console.fail(patience.error());
  const auto where = program.target();
  if (!where) return console.fail(where.error());
  console.say(fmt::format("database: {}", *where));

  WorkOptions options;
  options.connector = [&program](const std::string& purpose) { return program.session_options(purpose); };
  options.plan = parse_plan_id(flags.plan);
  options.limits = program.run_limits();
  options.patience = *patience;
  Control control;
  control.plan = options.plan;
  const auto end = run_work(control, console, options);
  if (!end) return console.fail(end.error());
  const auto exit = exit_of(*end);
  console.object({{"plan", options.plan.value}, {"done", *end == WorkEnd::done}, {"exit", static_cast<int>(exit)}});
  switch (*end) {
    case WorkEnd::done:
      console.say(fmt::format("the backfill of {} is done", options.plan.value));
      break;
    case WorkEnd::interrupted:
      console.say("interrupted; the run goes on without this helper");
      break;
    case WorkEnd::nobody:
      console.say(
          fmt::format("nobody runs the backfill of {0}: this helps a run, it does not replace one\n"
                      "  go on: pgphase up {0}",
                      options.plan.value));
      break;
  }
  return exit;
}

}  // namespace

void add_work(Program& program) {
  auto flags = std::make_shared<WorkFlags>();
  auto* command = program.add_command("work", "Help with the rows of a backfill that `up` runs, from another machine",
                                      "  pgphase work 002_task_priority --workers 2",
                                      [&program, flags] { return work(program, *flags); });
  command->add_option("PLAN", flags->plan, "the plan")->required();
  command->add_option("--patience", flags->patience, "how long to wait while nobody runs it; exit 11")
      ->capture_default_str();
}

}  // namespace pgphase
