// `pgphase rehearse`: the plans of the folder forward, back and forward again on a branch of the database.
#include <fmt/chrono.h>
#include <fmt/format.h>

#include <CLI/CLI.hpp>
#include <random>

#include "orchestrator/cli/names.hpp"
#include "orchestrator/cli/program.hpp"
#include "orchestrator/cli/rehearse_branch.hpp"
#include "orchestrator/project/rehearsal_record.hpp"
#include "orchestrator/rehearsal/procedure.hpp"
#include "orchestrator/rehearsal/programme.hpp"
#include "orchestrator/rehearsal/report_file.hpp"

namespace pgphase {
namespace {

namespace fs = std::filesystem;

struct RehearseOptions {
  std::vector<std::string> plans, reports;
  BranchWishes branch;
  bool every_step = false, kill = false, writers = false, clean = false;
  int seed_rows = 100;
};

std::vector<PlanId> named_plans(const RehearseOptions& options) {
  std::vector<PlanId> plans;
  for (const auto& text : options.plans) plans.push_back(parse_plan_id(text));
  return plans;
}

std::string now_in_utc() {
  return fmt::format("{:%Y-%m-%dT%H:%M:%S}Z",
                     std::chrono::floor<std::chrono::seconds>(std::chrono::system_clock::now()));
}

Result<void> apply(Stage& stage, const PhasedPlan& plan) {
  PGPHASE_CHECK(stage.record(plan));
  PGPHASE_CHECK(stage.forward(plan.id, std::nullopt));
  return {};
}

// A rehearsal runs each phase many times: what the runs say about themselves would bury what was found out.
class QuietReporter final : public Reporter {
 public:
  explicit QuietReporter(Reporter& reporter) : reporter_(reporter) {}
  void say(const std::string&) override {}
  void warn(const std::string& line) override { reporter_.warn(line); }
  void progress(const std::string& line) override { reporter_.progress(line); }

 private:
  Reporter& reporter_;
};

Killer killer_for(const Program& program, const ConnInfo& branch, const std::string& role) {
  Killer killer;
  killer.program = {fs::read_symlink("/proc/self/exe").string(), "--plans", program.settings().plans.string()};
  if (!program.settings().config_file.empty()) {
    killer.program.insert(killer.program.end(), {"--config", program.settings().config_file.string()});
  }
  killer.environment = {program.environment().begin(), program.environment().end()};
  killer.environment["PGPHASE_DATABASE"] = branch.to_libpq();
  killer.environment["PGPHASE_ROLE"] = role;
  return killer;
}

Result<Rehearsal> rehearse_on(Program& program, const RehearseOptions& options, const std::vector<PhasedPlan>& folder,
                              Branch& branch, Interruption& interruption) {
  const auto began = std::chrono::steady_clock::now();
  Rehearsal rehearsal;
  rehearsal.branch = branch.description();
  rehearsal.began_at = now_in_utc();
  if (auto source = program.target()) rehearsal.source = *source;

  StageOptions stage_options;
  // A private server that holds nothing has no roles of the source's either.
  const auto role = options.branch.kind == "empty" ? std::string() : program.settings().role;
  stage_options.connector = [&](const std::string& purpose) -> Result<SessionOptions> {
    SessionOptions session;
    session.conninfo = branch.connection().to_libpq();
    session.target = branch.connection().display();
    session.application_name = "pgphase/" + purpose;
    session.role = role;
    return session;
  };
  stage_options.person = program.person();
  stage_options.limits = program.run_limits();
  QuietReporter quiet(program.console());
  Stage stage(std::move(stage_options), quiet, interruption);
  ProcedureWishes wishes;
  wishes.seed_rows = options.seed_rows;
  wishes.every_step = options.every_step;
  wishes.tell = [&program](const std::string& line) { program.console().say("rehearsing " + line); };
  if (options.writers) {
    wishes.writers = std::random_device{}();
    program.console().say(fmt::format("seed of the writers: {}", *wishes.writers));
  }
  if (options.kill) wishes.killer = killer_for(program, branch.connection(), role);

  PGPHASE_TRY(session, stage.session());
  rehearsal.server_version = fmt::format("{}.{}", session->server_version() / 10000, session->server_version() % 10000);
  PGPHASE_TRY(ledger, stage.ledger());
  PGPHASE_TRY(todo, programme(folder, named_plans(options), ledger));
  for (const auto* plan : todo.in_order) {
    if (!todo.rehearsed.contains(plan->id)) {
      program.console().say(fmt::format("applying {}, which comes before", plan->id.value));
      PGPHASE_CHECK(apply(stage, *plan));
      continue;
    }
    PGPHASE_TRY(rehearsed, rehearse_plan(stage, *plan, wishes));
    rehearsal.plans.push_back(rehearsed);
    if (rehearsed.stands) continue;
    if (plan != todo.in_order.back()) {
      program.console().warn(
          fmt::format("{} could not be applied: the plans behind it are not rehearsed", plan->id.value));
    }
    break;
  }
  rehearsal.seconds = std::chrono::duration<double>(std::chrono::steady_clock::now() - began).count();
  return rehearsal;
}

ExitCode clean(Program& program) {
  auto& console = program.console();
  // Private servers are ours without any database of the project's; one that is named must be one that can be asked.
  std::optional<ConnInfo> source;
  if (!program.settings().database.empty()) {
    auto connection = program.connection();
    if (!connection) return console.fail(connection.error());
    source = *connection;
  }
  auto removed = remove_dead_branches(source);
  if (!removed) return console.fail(removed.error());
  for (const auto& name : *removed) console.say(fmt::format("removed {}", name));
  if (removed->empty()) console.say("nothing to remove: no branch is left behind");
  console.object({{"removed", boost::json::array(removed->begin(), removed->end())}});
  return ExitCode::done;
}

ExitCode rehearse(Program& program, const RehearseOptions& options) {
  auto& console = program.console();
  if (options.clean) return clean(program);
  if (auto writable = reports_can_be_written(options.reports); !writable) return console.fail(writable.error());
  auto plans = program.plans();
  if (!plans) return console.fail(plans.error());
  Interruption interruption;
  auto branch = make_branch(program, options.branch, reaches_beyond_the_database(*plans, named_plans(options)));
  if (!branch) return console.fail(branch.error());
  console.say(fmt::format("rehearsing on {}", (*branch)->description()));
  auto rehearsal = rehearse_on(program, options, *plans, **branch, interruption);
  auto removed = (*branch)->remove();
  if (!rehearsal) return console.fail(rehearsal.error());
  if (!removed) return console.fail(removed.error());
  for (const auto& plan : rehearsal->plans) {
    if (auto kept = keep_rehearsal(program.settings().project, *rehearsal, plan); !kept)
      console.warn(kept.error().text());
  }
  if (rehearsal->plans.empty()) {
    console.say("nothing to rehearse: every plan is applied already");
  } else {
    console.say(as_text(*rehearsal, console.colour()));
  }
  console.object(as_json(*rehearsal));
  for (const auto& file : options.reports) {
    if (auto written = write_report(*rehearsal, file); !written) return console.fail(written.error());
  }
  return rehearsal->ok() ? ExitCode::done : ExitCode::differs;
}

}  // namespace

void add_rehearse(Program& program) {
  auto options = std::make_shared<RehearseOptions>();
  auto* command = program.add_command(
      "rehearse", "Apply plans, roll them back and apply them again on a branch, and compare schema and rows",
      "  pgphase rehearse 002_task_priority --writers --kill --every-step --report rehearsal.html\n"
      "    exit 0: every criterion is met; 42: what differs is in the report",
      [&program, options] { return rehearse(program, *options); });
  command->add_option("PLAN", options->plans, "these plans (default: all that are not applied)");
  command
      ->add_option("--branch", options->branch.kind,
                   "template: CREATE DATABASE … TEMPLATE on the same server; copy: into a private server; empty: a new "
                   "database on a private server; url: the one in PGPHASE_REHEARSE_ON (default: template, else copy)")
      ->check(CLI::IsMember({"template", "copy", "empty", "url"}));
  command->add_flag("--disposable", options->branch.disposable, "with --branch url: nobody misses that database");
  command
      ->add_option("--sample-rows", options->branch.sample_rows,
                   "copy at most so many rows of each table, and those that they refer to (means --branch copy)")
      ->check(CLI::Range(1, 1000000));
  command->add_flag("--every-step", options->every_step,
                    "also make it fail after each step in turn, go back, and go on");
  command->add_flag("--writers", options->writers, "also go back and forward while applications of both schemas write");
  command->add_flag("--kill", options->kill, "also kill a process in the middle of each backfill");
  command
      ->add_option("--seed-rows", options->seed_rows,
                   "rows for tables that have none; 0: leave them empty (default: 100)")
      ->check(CLI::Range(0, 100000));
  command->add_option("--report", options->reports, "write the report to this file: .html, .md, .xml (JUnit) or .json");
  command->add_flag("--clean", options->clean, "only remove what killed rehearsals have left behind");
}

}  // namespace pgphase
