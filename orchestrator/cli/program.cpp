#include "orchestrator/cli/program.hpp"

#include <fmt/format.h>
#include <pwd.h>
#include <unistd.h>

#include <CLI/CLI.hpp>
#include <algorithm>
#include <iostream>

#include "orchestrator/engine/blocking_run.hpp"
#include "orchestrator/settings/libpq_environment.hpp"
#include "orchestrator/settings/settings_table.hpp"
#include "phases/postgres/password_command.hpp"
#include "plans/catalogue/catalogue.hpp"
#include "plans/toml/reader.hpp"

namespace pgphase {
namespace {

// libpq's default user is the effective one, as here.
std::string system_user() {
  if (const auto* entry = ::getpwuid(::geteuid())) return entry->pw_name;
  return std::to_string(::geteuid());
}

std::string who_and_where() {
  std::string user = std::to_string(::getuid());
  if (const auto* entry = ::getpwuid(::getuid())) user = entry->pw_name;
  char host[256] = "localhost";
  ::gethostname(host, sizeof host - 1);
  return user + "@" + host;
}

// CLI11 takes them from the back. `rollback -2` is short for `rollback --last=2`: a number is no option's name.
std::vector<std::string> arguments(int argc, char** argv) {
  std::vector<std::string> all;
  for (int i = argc - 1; i > 0; --i) {
    const std::string_view argument = argv[i];
    const bool number = argument.size() > 1 && argument.front() == '-' &&
                        argument.find_first_not_of("0123456789", 1) == std::string_view::npos;
    all.push_back(number ? "--last=" + std::string(argument.substr(1)) : std::string(argument));
  }
  return all;
}

// The parser stops before it has read every flag, and the answer must have the wanted form all the same.
bool asks_for_json(int argc, char** argv) {
  return std::any_of(argv + std::min(argc, 1), argv + argc, [](std::string_view word) { return word == "--json"; });
}

// The parser's own words for an unknown command are "A subcommand is required".
Error wrong_command_line(CLI::App& app, const CLI::ParseError& error) {
  const std::string help = "Run `pgphase --help`, or `pgphase COMMAND --help`.";
  if (!app.get_subcommands().empty()) return make_error(Errc::usage, error.what(), help);
  const auto words = app.remaining();
  const auto command =
      std::find_if(words.begin(), words.end(), [](const auto& word) { return !word.starts_with('-'); });
  if (command == words.end()) return make_error(Errc::usage, error.what(), help);
  std::vector<std::string> names;
  for (const auto* known : app.get_subcommands([](const CLI::App*) { return true; }))
    names.push_back(known->get_name());
  const auto meant = nearest(*command, names);
  return make_error(Errc::usage,
                    fmt::format("there is no command '{}'{}", *command,
                                meant.empty() ? "" : fmt::format("; did you mean `{}`?", meant)),
                    help);
}

}  // namespace

struct Program::Parser {
  CLI::App app{"Phased, reversible migrations for a PostgreSQL that stays in use.", "pgphase"};
};

Program::Program()
    : parser_(std::make_unique<Parser>()), environment_(process_environment()), person_(who_and_where()) {
  auto& app = parser_->app;
  app.require_subcommand(1);
  app.fallthrough();
  app.set_version_flag("--version", PGPHASE_VERSION);
  app.add_option("--config", flags_.config, "settings file (default: pgphase.toml here or in a folder above)");
  app.add_option("--env", flags_.environment, "environment of the settings file: [env.NAME]");
  app.add_flag("--json", json_, "print one JSON object on stdout");
  for (const auto& row : settings_table()) {
    if (row.flag.empty()) continue;
    app.add_option_function<std::string>(
           std::string(row.flag),
           [this, key = std::string(row.key)](const std::string& value) { flags_.values[key] = value; },
           std::string(row.description))
        ->group("Settings");
  }
  add_init(*this);
  add_new(*this);
  add_check(*this);
  add_split(*this);
  add_explain(*this);
  add_up(*this);
  add_pause(*this);
  add_resume(*this);
  add_approve(*this);
  add_wait(*this);
  add_rollback(*this);
  add_purge(*this);
  add_set(*this);
  add_work(*this);
  add_step(*this);
  add_status(*this);
  add_history(*this);
  add_current(*this);
  add_drift(*this);
  add_stamp(*this);
  add_sandbox(*this);
  add_rehearse(*this);
}

Program::~Program() = default;

CLI::App* Program::add_command(const std::string& name, const std::string& description, const std::string& example,
                               std::function<ExitCode()> action) {
  auto* command = parser_->app.add_subcommand(name, description);
  command->footer("Example:\n" + example);
  command->callback([this, name, action = std::move(action)] {
    command_ = "pgphase " + name;
    action_ = action;
  });
  return command;
}

int Program::run(int argc, char** argv) {
  try {
    parser_->app.parse(arguments(argc, argv));
  } catch (const CLI::ParseError& e) {
    // --help and --version come this way too, with exit code 0.
    if (e.get_exit_code() == 0) return parser_->app.exit(e, std::cout, std::cerr);
    return static_cast<int>(Console(asks_for_json(argc, argv)).fail(wrong_command_line(parser_->app, e)));
  }
  console_ = std::make_unique<Console>(json_);
  try {
    std::error_code gone;
    const auto folder = std::filesystem::current_path(gone);
    if (gone) {
      return static_cast<int>(
          console_->fail(make_error(Errc::usage, fmt::format("the working folder cannot be found: {}", gone.message()),
                                    "Nothing was changed. It was probably deleted: change to a folder that exists.")));
    }
    auto settings = resolve_settings(flags_, environment_, folder);
    if (!settings) return static_cast<int>(console_->fail(settings.error()));
    settings_ = std::move(*settings);
    for (const auto& warning : settings_.warnings) console_->warn(warning);
    return static_cast<int>(action_());
  } catch (const std::exception& e) {
    return static_cast<int>(
        console_->fail(make_error(Errc::bug, fmt::format("an invariant does not hold: {}", e.what()),
                                  "What was committed stands. Please report this.")));
  }
}

Result<std::vector<PhasedPlan>> Program::plans() const {
  auto loaded = load_plans(settings_.plans);
  if (!loaded.ok()) return to_error(loaded.problems);
  return std::move(loaded.plans);
}

Result<ConnInfo> Program::connection_without_password() const {
  PGPHASE_TRY(connection, connection_of(settings_));
  return with_libpq_environment(connection, environment_, system_user());
}

Result<ConnInfo> Program::connection() const {
  PGPHASE_TRY(connection, connection_without_password());
  if (settings_.password_command.empty()) return connection;
  PGPHASE_TRY(password, run_password_command(settings_.password_command));
  return connection.with("password", password);
}

Result<SessionOptions> Program::session_options(const std::string& purpose) const {
  PGPHASE_TRY(with_password, connection());
  SessionOptions options;
  options.conninfo = with_password.to_libpq();
  options.target = with_password.display();
  options.application_name = "pgphase/" + purpose;
  options.role = settings_.role;
  return options;
}

Result<std::string> Program::target() const {
  PGPHASE_TRY(connection, connection_without_password());
  return connection.display();
}

Result<std::unique_ptr<Session>> Program::connect(const std::string& purpose) const {
  PGPHASE_TRY(options, session_options(purpose));
  return Session::open(options);
}

RunLimits Program::run_limits() const {
  RunLimits limits;
  limits.locks = {settings_.locks.timeout, settings_.locks.hold, settings_.locks.pause, settings_.locks.attempts,
                  std::chrono::duration_cast<std::chrono::seconds>(settings_.locks.budget)};
  limits.backfill = settings_.backfill;
  limits.throttle = settings_.throttle;
  return limits;
}

Result<void> Program::under_lease(Control& control, TakeOver take_over, std::chrono::milliseconds lease_patience,
                                  LeaseBody body, std::function<Result<void>(Session&)> while_held) {
  PGPHASE_TRY(where, target());
  console_->say(fmt::format("database: {}", where));
  LeaseRunOptions options;
  options.connector = [this](const std::string& purpose) { return session_options(purpose); };
  options.person = person_;
  options.command = command_;
  options.limits = run_limits();
  options.take_over = take_over;
  options.lease_patience = lease_patience;
  options.while_held = std::move(while_held);
  return run_under_lease(control, *console_, options, std::move(body));
}

Result<void> Program::confirm_protected(const std::string& confirmation, const std::string& what) const {
  if (!settings_.protected_database) return {};
  PGPHASE_TRY(connection, connection_without_password());
  const std::string name(connection.get("dbname"));
  if (name.empty()) {
    return make_error(
        Errc::refused,
        fmt::format("{} is protected, and its connection string names no database to confirm", connection.display()),
        "Nothing was changed. Put dbname into the connection string beside the service.");
  }
  std::string answer = confirmation;
  if (answer.empty() && ::isatty(STDIN_FILENO)) {
    std::fprintf(stderr, "%s is protected. Type the database's name to %s: ", name.c_str(), what.c_str());
    std::getline(std::cin, answer);
  }
  if (answer == name) return {};
  return make_error(Errc::refused, fmt::format("database {} is protected, and its name was not given", name),
                    fmt::format("Nothing was changed. Add --confirm {} to {}.", name, what));
}

}  // namespace pgphase
