// `pgphase check`: what statements would do to a database in use, before any of them runs. Of plans, and of ordinary
// SQL as other tools keep it. Needs no database.
#include <fmt/format.h>

#include <CLI/CLI.hpp>
#include <algorithm>
#include <boost/json/serialize.hpp>
#include <filesystem>
#include <fstream>
#include <iostream>
#include <sstream>

#include "orchestrator/cli/check_view.hpp"
#include "orchestrator/cli/program.hpp"
#include "plans/base/one_line.hpp"
#include "plans/catalogue/catalogue.hpp"

#include "plans/sql/script.hpp"

namespace pgphase {
namespace {

namespace fs = std::filesystem;

struct CheckOptions {
  std::vector<std::string> paths;
  std::string sarif;
  int server = 0;
  bool in_transaction = false, strict = false;
};

Error unreadable(const std::string& path, const std::string& why) {
  return make_error(Errc::usage, fmt::format("{} cannot be read: {}", one_line(path), why));
}

// A folder stands for the SQL below it, in the order of names.
Result<std::vector<std::string>> files_of(const std::string& path) {
  if (path == "-") return std::vector{path};
  std::error_code problem;
  const auto status = fs::status(path, problem);
  if (problem || !fs::exists(status)) return unreadable(path, problem ? problem.message() : "there is no such file");
  if (!fs::is_directory(status)) return std::vector{path};
  std::vector<std::string> out;
  fs::recursive_directory_iterator entry(path, problem);
  for (const fs::recursive_directory_iterator end; !problem && entry != end; entry.increment(problem)) {
    std::error_code ignored;
    if (entry->path().extension() == ".sql" && entry->is_regular_file(ignored)) out.push_back(entry->path().string());
  }
  if (problem) return unreadable(path, problem.message());
  if (out.empty()) return unreadable(path, "there is no file *.sql in it");
  std::sort(out.begin(), out.end());
  return out;
}

// Of what is too large, enough for that to be seen.
Result<std::string> text_of(const std::string& path) {
  std::ifstream file;
  if (path != "-") {
    file.open(path, std::ios::binary);
    if (!file) return unreadable(path, "it cannot be opened");
  }
  std::istream& in = path == "-" ? std::cin : file;
  std::string out;
  std::string piece(64UL * 1024, '\0');
  while (out.size() <= k_max_script_bytes && in) {
    in.read(piece.data(), static_cast<std::streamsize>(piece.size()));
    out.append(piece, 0, static_cast<std::size_t>(in.gcount()));
  }
  if (in.bad()) return unreadable(path, "reading it failed");
  // Some editors of Windows begin a file with this mark; PostgreSQL does not know it.
  if (out.starts_with("\xEF\xBB\xBF")) out.erase(0, 3);
  return out;
}

Result<void> check_sql(const std::string& path, const CheckOptions& options, CheckReport& report) {
  PGPHASE_TRY(files, files_of(path));
  for (const auto& file : files) {
    PGPHASE_TRY(text, text_of(file));
    ScriptOptions script;
    script.known.server = options.server;
    script.in_transaction = options.in_transaction;
    add_script(report, file == "-" ? "<stdin>" : file, text, check_script(text, std::move(script)));
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

ExitCode check(Program& program, const CheckOptions& options) {
  auto& console = program.console();
  CheckReport report;
  if (options.paths.empty()) {
    const auto loaded = load_plans(program.settings().plans);
    add_plans(report, loaded.problems, loaded.plans.size());
  }
  for (const auto& path : options.paths) {
    if (auto done = check_sql(path, options, report); !done) return console.fail(done.error());
  }
  if (!options.sarif.empty()) {
    const auto sarif = boost::json::serialize(as_sarif(report, PGPHASE_VERSION));
    if (auto done = write(options.sarif, sarif); !done) return console.fail(done.error());
  }
  auto text = as_text(report);
  text.pop_back();
  console.say(text);
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
  command->add_flag("--strict", options->strict, "exit with 20 for warnings, too");
}

}  // namespace pgphase
