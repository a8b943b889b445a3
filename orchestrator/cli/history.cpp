// `pgphase history`: what happened, from the ledger's event log. Reads only.
#include <fmt/format.h>

#include <CLI/CLI.hpp>

#include "orchestrator/cli/names.hpp"
#include "orchestrator/cli/program.hpp"
#include "orchestrator/cli/words.hpp"

namespace pgphase {
namespace {

struct HistoryOptions {
  std::string plan;
  int limit = 50;
};

std::string line_of(const Event& event) {
  std::vector<std::string> where;
  if (!event.plan.empty()) where.push_back(event.plan);
  // An event of a whole plan carries no step, and its phase says nothing.
  if (!event.step.empty()) {
    where.push_back(event.phase + "/" + event.step);
  } else if (event.kind.starts_with("phase_")) {
    where.push_back(event.phase);
  }
  return fmt::format("{}  {:<40}  {}  ({})", event.at, words::joined(where, " "), words::indented(event.message, 6),
                     event.by);
}

ExitCode history(Program& program, const HistoryOptions& options) {
  auto& console = program.console();
  auto session = program.connect("history");
  if (!session) return console.fail(session.error());
  std::optional<PlanId> plan;
  if (!options.plan.empty()) plan = parse_plan_id(options.plan);
  auto events = read_events(**session, plan, options.limit);
  if (!events) return console.fail(events.error());
  if (!console.json()) {
    for (const auto& event : *events) console.say(line_of(event));
    return ExitCode::done;
  }
  boost::json::array list;
  for (const auto& event : *events) {
    list.push_back(boost::json::object{{"at", event.at},
                                       {"plan", event.plan},
                                       {"phase", event.phase},
                                       {"step", event.step},
                                       {"kind", event.kind},
                                       {"message", event.message},
                                       {"by", event.by}});
  }
  console.object({{"events", std::move(list)}});
  return ExitCode::done;
}

}  // namespace

void add_history(Program& program) {
  auto options = std::make_shared<HistoryOptions>();
  auto* command = program.add_command("history", "Show what happened, when and by whom, the latest last",
                                      "  pgphase history 002_task_priority --limit 10",
                                      [&program, options] { return history(program, *options); });
  command->add_option("PLAN", options->plan, "only what concerns this plan");
  command->add_option("--limit", options->limit, "the last N events (default: 50)")->check(CLI::Range(1, 1000000));
}

}  // namespace pgphase
