// The command line as a whole: global options, settings, and what commands share. main.cpp makes one and runs it.
// Each command is one file that adds itself to the parser and says what it does. One thread.
#pragma once

#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "orchestrator/cli/console.hpp"
#include "orchestrator/engine/lease_run.hpp"
#include "orchestrator/settings/resolve.hpp"
#include "phases/ledger/ledger.hpp"
#include "plans/phased_plan.hpp"

namespace CLI {
class App;
}

namespace pgphase {

class Program {
 public:
  Program();
  ~Program();

  // Parses and runs. What it returns is what the process exits with.
  int run(int argc, char** argv);

  // --- for commands -------------------------------------------------------------------------------------------------

  // Adds a command with its worked example; `action` runs after parsing when the command was named.
  CLI::App* add_command(const std::string& name, const std::string& description, const std::string& example,
                        std::function<ExitCode()> action);

  Console& console() { return *console_; }
  const Settings& settings() const { return settings_; }
  const Environment& environment() const { return environment_; }
  const std::string& person() const { return person_; }    // "ada@build-7"
  const std::string& command() const { return command_; }  // "pgphase up"

  // Every plan of the folder, in order. An Error of code plan_rejected carries all diagnostics of all files.
  Result<std::vector<PhasedPlan>> plans() const;

  // The database, with what libpq takes from the environment and with its password in place: never print it.
  Result<ConnInfo> connection() const;
  // A connection for a command that is not a run.
  Result<std::unique_ptr<Session>> connect(const std::string& purpose) const;
  Result<SessionOptions> session_options(const std::string& purpose) const;
  Result<std::string> target() const;  // "app on db:5432 as alice"

  RunLimits run_limits() const;  // as the settings say

  // Runs a coroutine under the lease, with signals handled, and tells first which database will be changed. `while_held`:
  // lease_run.hpp.
  Result<void> under_lease(Control& control, TakeOver take_over, std::chrono::milliseconds lease_patience,
                           LeaseBody body, std::function<Result<void>(Session&)> while_held = {});

  // For a protected database: `confirmation` must be its name, else it is asked for on the terminal.
  Result<void> confirm_protected(const std::string& confirmation, const std::string& what) const;

 private:
  // For what is shown and confirmed: the password command does not run.
  Result<ConnInfo> connection_without_password() const;

  struct Parser;
  std::unique_ptr<Parser> parser_;
  std::unique_ptr<Console> console_;
  Environment environment_;
  Flags flags_;
  Settings settings_;
  std::string person_, command_;
  bool json_ = false;
  std::function<ExitCode()> action_;
};

// One a file in orchestrator/cli/.
void add_init(Program& program);
void add_new(Program& program);
void add_check(Program& program);
void add_split(Program& program);
void add_explain(Program& program);
void add_up(Program& program);
void add_pause(Program& program);
void add_resume(Program& program);
void add_approve(Program& program);
void add_wait(Program& program);
void add_rollback(Program& program);
void add_purge(Program& program);
void add_set(Program& program);
void add_work(Program& program);
void add_step(Program& program);
void add_status(Program& program);
void add_history(Program& program);
void add_current(Program& program);
void add_drift(Program& program);
void add_stamp(Program& program);
void add_sandbox(Program& program);
void add_rehearse(Program& program);

}  // namespace pgphase
