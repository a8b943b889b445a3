#include <boost/json/parse.hpp>
#include <filesystem>
#include <stdexcept>

#include "phases/ledger/lease.hpp"
#include "tests/e2e/fixture.hpp"
#include "tests/support/dump.hpp"
#include "tests/support/paths.hpp"

namespace pgphase::testing {

namespace fs = std::filesystem;

const char* const k_slow_plan = R"toml(format = 1
[[change]]
op = "add_column"
table = "items"
column = "m"
type = "integer"

[[backfill]]
name = "fill m"
table = "items"
set = { m = "slow(n)" }
)toml";

const char* const k_slow_index_plan = R"toml(format = 1
[[change]]
op = "create_index"
name = "items_slow"
table = "items"
columns = [{ expression = "slow(n)" }]
)toml";

Project::Project() {
  fs::create_directory(folder() / "migrations");
}

void Project::plan(const std::string& id, const std::string& toml) const {
  file("migrations/" + id + ".toml", toml);
}

void Project::sample_plans() const {
  fs::copy(source_folder() / "migrations", folder() / "migrations", fs::copy_options::recursive);
}

ProcessOptions Project::options() const {
  ProcessOptions options;
  options.folder = folder().string();
  options.env = {{"DATABASE_URL", db_.url()}};
  for (const auto& [name, value] : env) options.env[name] = value;
  options.without_env = {"PGPHASE_ENV", "PGPHASE_DATABASE", "PGPHASE_PLANS", "PGHOST",
                         "PGPORT",      "PGUSER",           "PGDATABASE",    "PGPASSWORD"};
  return options;
}

Output Project::run(const std::vector<std::string>& args, std::chrono::milliseconds limit) {
  std::vector<std::string> argv{pgphase_binary().string()};
  argv.insert(argv.end(), args.begin(), args.end());
  return pgphase::testing::run(argv, options(), limit);
}

std::unique_ptr<Process> Project::start(const std::vector<std::string>& args) {
  std::vector<std::string> argv{pgphase_binary().string()};
  argv.insert(argv.end(), args.begin(), args.end());
  return std::make_unique<Process>(argv, options());
}

boost::json::object the_one_object(const std::string& text) {
  if (text.empty() || text.back() != '\n') throw std::runtime_error("no JSON object with a line's end: " + text);
  return boost::json::parse(text).as_object();
}

boost::json::object Project::json(std::vector<std::string> args) {
  args.emplace_back("--json");
  return the_one_object(run(args).out);
}

boost::json::object Project::plan_status(const std::string& plan) {
  const auto status = json({"status"});
  for (const auto& candidate : status.at("plans").as_array()) {
    if (candidate.at("id").as_string() == plan) return candidate.as_object();
  }
  throw std::runtime_error("status does not list " + plan);
}

std::string Project::plan_state(const std::string& plan) {
  return std::string(plan_status(plan).at("state").as_string());
}

std::string Project::phase_state(const std::string& plan, const std::string& phase) {
  const auto status = plan_status(plan);
  for (const auto& candidate : status.at("phases").as_array()) {
    if (candidate.at("name").as_string() == phase) return std::string(candidate.at("state").as_string());
  }
  throw std::runtime_error("no phase " + phase);
}

std::string Project::schema_dump(const std::vector<std::string>& without) {
  return pgphase::testing::schema_dump(db_.url(), without);
}

std::string Project::full_dump() {
  return pgphase::testing::full_dump(db_.url());
}

bool Project::somebody_has_the_lease() {
  return db_.value(
             "SELECT EXISTS (SELECT FROM pg_locks WHERE locktype = 'advisory' AND granted AND database = (SELECT "
             "oid FROM pg_database WHERE datname = current_database()) AND classid = " +
             std::to_string(k_lock_space) + " AND objid = " + std::to_string(k_lock_lease) + ")") == "t";
}

void make_slow_table(TestDatabase& db, int rows, double seconds) {
  db.exec(
      "CREATE TABLE items (id integer PRIMARY KEY, n integer NOT NULL, padding text NOT NULL) WITH (fillfactor = 50);"
      "INSERT INTO items SELECT i, i, repeat('x', 500) FROM generate_series(1, " +
      std::to_string(rows) +
      ") i;"
      "CREATE TABLE knob (seconds double precision NOT NULL);"
      "INSERT INTO knob VALUES (" +
      std::to_string(seconds) +
      ");"
      "CREATE FUNCTION slow(n integer) RETURNS integer LANGUAGE plpgsql IMMUTABLE AS $$"
      "BEGIN PERFORM pg_sleep(seconds) FROM public.knob; RETURN n + 1; END $$");
}

bool somebody_is_slow(TestDatabase& db) {
  return eventually([&db] {
    return db.value(
               "SELECT count(*) FROM pg_stat_activity WHERE datname = current_database() AND wait_event = 'PgSleep'") !=
           "0";
  });
}

void set_slowness(TestDatabase& db, double seconds) {
  db.exec("UPDATE knob SET seconds = " + std::to_string(seconds));
}

}  // namespace pgphase::testing
