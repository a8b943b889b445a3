// `pgphase sandbox`: a private throwaway PostgreSQL for this project. Its address holds the password that it made up
// for itself: only `url`, whose purpose it is, prints that; what else is printed goes through the socket and needs
// none.
#include <fmt/format.h>

#include <CLI/CLI.hpp>

#include "orchestrator/cli/program.hpp"
#include "orchestrator/project/sandbox_place.hpp"
#include "phases/postgres/sandbox.hpp"

namespace pgphase {
namespace {

struct SandboxOptions {
  std::string bin_folder;
  int major = 0;
  bool socket = false;
};

Result<std::filesystem::path> place(const Program& program) {
  return sandbox_place(program.settings().project, program.environment());
}

ExitCode start(Program& program, const SandboxOptions& options) {
  auto& console = program.console();
  auto folder = place(program);
  if (!folder) return console.fail(folder.error());
  ServerOptions server;
  server.bin_folder = options.bin_folder;
  server.major = options.major;
  server.lifetime = Lifetime::until_stopped;
  auto sandbox = start_sandbox(folder->string(), server);
  if (!sandbox) return console.fail(sandbox.error());
  const bool earlier = sandbox->started == Sandbox::Started::earlier;
  const auto& info = sandbox->server;
  console.say(fmt::format("PostgreSQL {} {}: {}", info.version, earlier ? "runs already" : "runs", info.url()));
  console.say("use it:  export DATABASE_URL=$(pgphase sandbox url)");
  console.say("end it:  pgphase sandbox stop    (its data go with it)");
  console.object({{"url", info.url()},
                  {"version", info.version},
                  {"port", info.port},
                  {"folder", info.folder},
                  {"started", earlier ? "earlier" : "now"}});
  return ExitCode::done;
}

ExitCode stop(Program& program) {
  auto& console = program.console();
  auto folder = place(program);
  if (!folder) return console.fail(folder.error());
  auto stopped = stop_sandbox(folder->string());
  if (!stopped) return console.fail(stopped.error());
  console.say(*stopped ? "stopped; its data are gone" : "no sandbox was running for this project");
  console.object({{"stopped", *stopped}});
  return ExitCode::done;
}

ExitCode url(Program& program, const SandboxOptions& options) {
  auto& console = program.console();
  auto folder = place(program);
  if (!folder) return console.fail(folder.error());
  auto found = find_sandbox(folder->string());
  if (!found) return console.fail(found.error());
  if (!*found) {
    return console.fail(
        make_error(Errc::refused, "no sandbox is running for this project", "`pgphase sandbox start` starts one."));
  }
  const auto address = options.socket ? (*found)->url() : (*found)->tcp_url();
  if (console.json()) {
    console.object({{"url", address}});
  } else {
    console.say(address);
  }
  return ExitCode::done;
}

}  // namespace

void add_sandbox(Program& program) {
  struct Parts {
    SandboxOptions options;
    CLI::App* start = nullptr;
    CLI::App* stop = nullptr;
  };
  auto parts = std::make_shared<Parts>();
  auto* command =
      program.add_command("sandbox", "A private throwaway PostgreSQL server for this project",
                          "  pgphase sandbox start && export DATABASE_URL=$(pgphase sandbox url) && pgphase up\n"
                          "    tries the project's plans on an empty server",
                          [&program, parts] {
                            if (parts->start->parsed()) return start(program, parts->options);
                            if (parts->stop->parsed()) return stop(program);
                            return url(program, parts->options);
                          });
  command->require_subcommand(1);
  parts->start = command->add_subcommand("start", "Start it, or find the one that runs");
  parts->start->add_option("--pg-bin", parts->options.bin_folder,
                           "folder of initdb and postgres (default: the newest)");
  parts->start->add_option("--pg", parts->options.major, "only this major version, 14 to 18")
      ->check(CLI::Range(14, 18));
  parts->stop = command->add_subcommand("stop", "Stop it and remove its data");
  auto* print = command->add_subcommand("url", "Print its address, with the password it made up for itself");
  print->add_flag("--socket", parts->options.socket, "the address through the socket, which needs no password");
}

}  // namespace pgphase
