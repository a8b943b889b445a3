// `pgphase new`: a plan file with the next number. Needs no database.
#include <fmt/format.h>

#include <CLI/CLI.hpp>

#include "orchestrator/cli/program.hpp"
#include "orchestrator/project/scaffold.hpp"

namespace pgphase {
namespace {

namespace fs = std::filesystem;

ExitCode make_new(Program& program, const std::string& name) {
  auto& console = program.console();
  const auto& folder = program.settings().plans;
  auto path = new_plan(folder, name, plans_in(folder));
  if (!path) return console.fail(path.error());
  const auto id = fs::path(*path).stem().string();
  console.say(*path);
  console.object({{"plan", id}, {"path", *path}});
  return ExitCode::done;
}

}  // namespace

void add_new(Program& program) {
  auto name = std::make_shared<std::string>();
  auto* command = program.add_command("new", "Make a plan file with the next number, which requires the last one",
                                      "  pgphase new 'task priority'\n"
                                      "    migrations/002_task_priority.toml",
                                      [&program, name] { return make_new(program, *name); });
  command->add_option("NAME", *name, "what the plan is about; blanks become _")->required();
}

}  // namespace pgphase
