// `pgphase set`: the speed of a plan's backfill, while it runs or before, from any machine.
#include <fmt/format.h>

#include <CLI/CLI.hpp>
#include <boost/json.hpp>

#include "orchestrator/cli/names.hpp"
#include "orchestrator/cli/program.hpp"
#include "orchestrator/engine/speed.hpp"
#include "phases/ledger/schema.hpp"

namespace pgphase {
namespace {

struct SetOptions {
  std::string plan;
  std::vector<std::string> assignments;
};

Result<SpeedInFlight> set_speed(Session& session, const Program& program, const PlanId& plan,
                                const SpeedInFlight& changes) {
  PGPHASE_TRY(ledger, read_ledger(session));
  if (!ledger.find(plan)) {
    return make_error(
        Errc::refused, fmt::format("the ledger does not know a plan {}", plan.value),
        "Nothing was changed. What a plan begins with stands in its file and in pgphase.toml; `set` is for "
        "one that has started. `pgphase status` lists them.");
  }
  PGPHASE_CHECK(ensure_ledger(session));
  if (!changes.empty()) PGPHASE_CHECK(change_speed(session, plan, changes, program.person()));
  return read_speed(session, plan);
}

ExitCode set(Program& program, const SetOptions& options) {
  auto& console = program.console();
  SpeedInFlight changes;
  for (const auto& assignment : options.assignments) {
    auto parsed = parse_speed(assignment);
    if (!parsed) return console.fail(parsed.error());
    changes[parsed->first] = parsed->second;
  }
  const auto plan = parse_plan_id(options.plan);
  auto session = program.connect("set");
  if (!session) return console.fail(session.error());
  const auto settings = set_speed(**session, program, plan, changes);
  if (!settings) return console.fail(settings.error());

  boost::json::object out;
  std::string words;
  for (const auto& [key, text] : *settings) {
    out[key] = text;
    words += fmt::format("{}{} = {}", words.empty() ? "" : ", ", key, text);
  }
  console.say(words.empty()
                  ? fmt::format("{}: nothing is set: the plan and the settings say how fast it goes", plan.value)
                  : fmt::format("{}: {}", plan.value, words));
  if (!changes.empty())
    console.say("a run takes it up within a second; until it is set to `default`, later runs do too");
  console.object({{"plan", plan.value}, {"set", out}});
  return ExitCode::done;
}

}  // namespace

void add_set(Program& program) {
  auto options = std::make_shared<SetOptions>();
  auto* command = program.add_command("set", "Change the speed of a plan's backfill while it runs, from any machine",
                                      "  pgphase set 002_task_priority workers=1 batch_time=50ms\n"
                                      "    pgphase set 002_task_priority workers=default takes it back",
                                      [&program, options] { return set(program, *options); });
  command->add_option("PLAN", options->plan, "the plan")->required();
  command->add_option("KEY=VALUE", options->assignments, "keys of [backfill] and [throttle]; none: show what is set");
}

}  // namespace pgphase
