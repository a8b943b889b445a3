// `pgphase init`: the files that a project begins with. Needs no database.
#include <fmt/format.h>

#include <CLI/CLI.hpp>
#include <filesystem>

#include "orchestrator/cli/program.hpp"
#include "orchestrator/project/scaffold.hpp"

namespace pgphase {
namespace {

ExitCode init(Program& program, const std::string& folder_text) {
  auto& console = program.console();
  const auto folder = std::filesystem::absolute(folder_text).lexically_normal();
  auto made = init_project(folder);
  if (!made) return console.fail(made.error());
  boost::json::array files;
  for (const auto& file : *made) {
    console.say(fmt::format("made {}", (folder / file).string()));
    files.emplace_back(file);
  }
  console.say("next: say which database in pgphase.toml or DATABASE_URL, then `pgphase new NAME`");
  console.object({{"folder", folder.string()}, {"made", std::move(files)}});
  return ExitCode::done;
}

}  // namespace

void add_init(Program& program) {
  auto folder = std::make_shared<std::string>(".");
  auto* command = program.add_command("init", "Make pgphase.toml and a folder for plans; overwrites nothing",
                                      "  pgphase init && pgphase new initial\n"
                                      "    pgphase.toml, migrations/ and migrations/001_initial.toml",
                                      [&program, folder] { return init(program, *folder); });
  command->add_option("FOLDER", *folder, "the project's folder (default: this one)");
}

}  // namespace pgphase
