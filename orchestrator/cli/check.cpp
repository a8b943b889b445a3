// `pgphase check`: what statements would do to a database in use, before any of them runs. Of plans, and of ordinary
// SQL as other tools keep it. Needs no database.
#include <fmt/format.h>

#include <CLI/CLI.hpp>
#include <algorithm>
#include <boost/json/serialize.hpp>
#include <fstream>

#include "orchestrator/cli/check_view.hpp"
#include "orchestrator/cli/program.hpp"
#include "orchestrator/cli/sql_input.hpp"
#include "phases/catalogue/known.hpp"
#include "phases/foresight/harms.hpp"
#include "phases/postgres/table_sizes.hpp"
#include "plans/base/one_line.hpp"
#include "plans/catalogue/catalogue.hpp"

namespace pgphase {
namespace {

struct CheckOptions {
  std::vector<std::string> paths;
  std::string sarif;
  int server = 0;
  bool in_transaction = false, strict = false, live = false;
};

// The catalogue of the database, once for all files.
class Database {
 public:
  static Result<Database> ask(Program& program) {
    PGPHASE_TRY(session, program.connect("check"));
    PGPHASE_CHECK(session->query("SET default_transaction_read_only = on"));
    Database out;
    PGPHASE_TRY(known, known_of(*session));
    // From here on rows alone are asked for: a table that somebody holds is taken for one that has some.
    PGPHASE_CHECK(session->query("SET lock_timeout = '200ms'"));
    out.known_ = std::move(known);
    out.session_ = std::move(session);
    return out;
  }

  Result<Known> known_for(const std::set<TableName>& tables) {
    PGPHASE_CHECK(note_empty(*session_, tables, known_));
    auto known = known_;
    known.utc.reset();  // it is for the session that will run the file to say
    return known;
  }
  Result<std::map<TableName, std::int64_t>> sizes(const std::set<TableName>& tables) {
    return table_sizes(*session_, tables);
  }
  Session& session() { return *session_; }

 private:
  std::unique_ptr<Session> session_;
  Known known_;
};

Result<void> check_sql(const std::string& path, const CheckOptions& options, std::optional<Database>& database,
                       CheckReport& report) {
  PGPHASE_TRY(files, sql_files(path));
  for (const auto& file : files) {
    PGPHASE_TRY(text, sql_text(file));
    ScriptOptions script;
    script.known.server = options.server;
    script.in_transaction = options.in_transaction;
    std::map<TableName, std::int64_t> sizes;
    if (database) {
      const auto tables = tables_in(text);
      PGPHASE_TRY(known, database->known_for(tables));
      script.known = std::move(known);
      PGPHASE_TRY(found, database->sizes(tables));
      sizes = std::move(found);
    }
    add_script(report, file == "-" ? "<stdin>" : file, text, check_script(text, std::move(script)), sizes);
  }
  return {};
}

Result<void> write(const std::string& path, const std::string& text) {
  std::ofstream out(path, std::ios::binary);
  out << text << '\n';
  out.close();
  if (out) return {};
  return make_error(Errc::usage, fmt::format("{} cannot be written", one_line(path)));
}

// What the texts leave open, the database decides: its word stands in place of what they say by themselves.
Result<Diagnostics> live_remarks(const LoadedPlans& loaded, Database& database, const std::filesystem::path& folder) {
  Diagnostics out;
  PGPHASE_TRY(foresight, HarmForesight::ask(database.session()));
  for (const auto& plan : loaded.plans) {
    PGPHASE_TRY(found, foresight(database.session(), plan));
    for (const auto& harm : found.harms) {
      const Step& step = plan[harm.phase].steps[harm.step];
      Diagnostic one;
      one.file = (folder / (plan.id.value + ".toml")).string();
      one.line = step.line;
      one.column = 1;
      one.message = fmt::format("{}/{}: {}{}", to_string(harm.phase), step.name,
                                harm.direction == Direction::back ? "its `rollback`: " : "", harm.message);
      one.suggestion = harm.instead;
      one.severity = harm.severity;
      one.rule = harm.rule->id;
      out.push_back(std::move(one));
    }
  }
  return out;
}

ExitCode check(Program& program, const CheckOptions& options) {
  auto& console = program.console();
  CheckReport report;
  std::optional<Database> database;
  if (options.live) {
    auto asked = Database::ask(program);
    if (!asked) return console.fail(asked.error());
    database = std::move(*asked);
  }
  if (options.paths.empty()) {
    auto loaded = load_plans(program.settings().plans);
    if (database) {
      auto remarks = live_remarks(loaded, *database, program.settings().plans);
      if (!remarks) return console.fail(remarks.error());
      loaded.remarks = std::move(*remarks);
    }
    add_plans(report, loaded.problems, loaded.plans.size());
    add_plans(report, loaded.remarks, 0);
  }
  for (const auto& path : options.paths) {
    if (auto done = check_sql(path, options, database, report); !done) return console.fail(done.error());
  }
  if (!options.sarif.empty()) {
    const auto sarif = boost::json::serialize(as_sarif(report, PGPHASE_VERSION));
    if (auto done = write(options.sarif, sarif); !done) return console.fail(done.error());
  }
  if (!console.json()) {
    auto text = as_text(report);
    text.pop_back();
    console.say(text);
  }
  console.object(as_json(report));
  const bool refused = report.count(Severity::error) > 0 || (options.strict && report.count(Severity::warning) > 0);
  return refused ? ExitCode::plan_rejected : ExitCode::done;
}

}  // namespace

void add_check(Program& program) {
  auto options = std::make_shared<CheckOptions>();
  auto* command = program.add_command(
      "check", "Tell what plans, or files of ordinary SQL, would do to a database in use; needs none",
      "  pgphase check db/migrate/007_orders.sql\n"
      "    db/migrate/007_orders.sql:3:1: error: writers of orders wait until the index is built [create-index]\n"
      "        CREATE INDEX orders_customer ON orders (customer);\n"
      "        ^~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~\n"
      "        instead: CREATE INDEX CONCURRENTLY\n"
      "  alembic upgrade head --sql | pgphase check -\n"
      "  pgphase check                       # the plans of this project",
      [&program, options] { return check(program, *options); });
  command->add_option("PATH", options->paths,
                      "files of SQL, folders of such files, or - for standard input; none: the project's plans");
  command->add_option("--sarif", options->sarif, "write the findings to this file, too, as SARIF 2.1.0");
  command->add_option("--server", options->server, "the version of PostgreSQL that the SQL is meant for")
      ->check(CLI::Range(14, 18));
  command->add_flag("--in-transaction", options->in_transaction,
                    "whoever runs the files runs each in one transaction, whether it says BEGIN or not");
  command->add_flag("--live", options->live,
                    "ask the database: what its tables are like decides much that the text leaves open");
  command->add_flag("--strict", options->strict, "exit with 20 for warnings, too");
}

}  // namespace pgphase
