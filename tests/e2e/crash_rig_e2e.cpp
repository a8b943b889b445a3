#include "tests/e2e/crash_rig.hpp"

#include <unistd.h>

#include <atomic>
#include <csignal>
#include <cstdio>
#include <cstdlib>
#include <filesystem>
#include <limits>
#include <set>
#include <sstream>
#include <stdexcept>

#include "tests/support/paths.hpp"
#include "tests/support/server.hpp"

namespace pgphase::testing {
namespace {

namespace fs = std::filesystem;

constexpr int k_lease_held = 60;
constexpr int k_killed = 128 + SIGKILL;

// How often these are passed depends on the machine's speed, so a later time may not come again.
int most_times_in_one_command(const std::string& point) {
  if (point.starts_with("lease.heartbeat")) return 1;
  if (point.starts_with("backfill.chunk")) return 3;
  return std::numeric_limits<int>::max();
}

// The first and the last time that a scenario passes a point; with PGPHASE_EVERY_KILL=1 every time.
std::vector<Kill> some_of(const std::vector<Kill>& all) {
  if (all.size() <= 2 || std::getenv("PGPHASE_EVERY_KILL") != nullptr) return all;
  return {all.front(), all.back()};
}

std::vector<std::string> lines_of(const std::string& text) {
  std::vector<std::string> lines;
  std::istringstream in(text);
  for (std::string line; std::getline(in, line);) lines.push_back(line);
  return lines;
}

std::string compare(const char* what, const std::string& wanted, const std::string& found) {
  if (wanted == found) return {};
  const auto a = lines_of(wanted), b = lines_of(found);
  const std::multiset<std::string> in_a(a.begin(), a.end()), in_b(b.begin(), b.end());
  std::string out = std::string(what) + " differs:\n";
  int shown = 0;
  for (const auto& line : a) {
    if (!in_b.contains(line) && ++shown <= 10) out += "  - " + line + "\n";
  }
  for (const auto& line : b) {
    if (!in_a.contains(line) && ++shown <= 20) out += "  + " + line + "\n";
  }
  if (shown == 0) out += "  the same lines in another order or number\n";
  return out;
}

}  // namespace

std::string difference_of_outcome(const DatabaseState& wanted, const DatabaseState& found) {
  return compare("the schema", wanted.schema, found.schema) + compare("a row", wanted.rows, found.rows) +
         compare("progress", wanted.progress, found.progress);
}

std::string difference(const DatabaseState& wanted, const DatabaseState& found) {
  return difference_of_outcome(wanted, found) + compare("the ledger", wanted.ledger, found.ledger);
}

DatabaseCopy::DatabaseCopy(const std::string& of) {
  static std::atomic<int> counter{0};
  name_ = "crash_" + std::to_string(::getpid()) + "_" + std::to_string(++counter);
  PgClient(test_server_url())
      .exec("CREATE DATABASE " + name_ + " TEMPLATE " + of);  // waits up to 5 s for others to leave
}

DatabaseCopy::~DatabaseCopy() {
  try {
    PgClient(test_server_url()).exec("DROP DATABASE " + name_ + " WITH (FORCE)");
  } catch (const PgError& error) {
    std::fprintf(stderr, "could not drop a copied database: %s\n", error.what());
  }
}

std::string DatabaseCopy::url() const {
  return with_database(test_server_url(), name_);
}

std::string to_string(const Kill& kill) {
  return "killed at " + kill.point + ":" + std::to_string(kill.nth);
}

// Who else is there while a command runs.
struct Recording::Company {
  std::unique_ptr<PgClient> blocker;
  std::unique_ptr<Process> beside;

  Company(const Recording& recording, const std::string& url, const Action& action) {
    if (!action.blocker.empty()) {
      blocker = std::make_unique<PgClient>(url);
      blocker->exec("BEGIN; " + action.blocker);
    }
    if (action.beside.empty()) return;
    std::vector<std::string> args{pgphase_binary().string()};
    args.insert(args.end(), action.beside.begin(), action.beside.end());
    ProcessOptions options;
    options.folder = recording.folder_.path().string();
    options.env = {{"DATABASE_URL", url}};
    beside = std::make_unique<Process>(args, options);
    if (!beside->wait_for_output("waits at the gate", std::chrono::seconds(20))) {
      throw std::runtime_error("the run beside does not wait at a gate: " + beside->err());
    }
  }

  // False when the run beside does not end by itself.
  bool leaves() {
    blocker.reset();
    return !beside || beside->wait(std::chrono::seconds(20)).has_value();
  }
};

Recording::Recording(Scenario scenario) : scenario_(std::move(scenario)) {
  folder_.write("pgphase.toml",
                "[locks]\ntimeout = \"200ms\"\npause = \"20ms\"\nattempts = 2\n[backfill]\nbatch_time = \"50ms\"\n");
  fs::create_directory(folder_ / "migrations");
  for (const auto& [id, toml] : scenario_.plans) folder_.write("migrations/" + id + ".toml", toml);
  const DatabaseCopy live("template0");
  PgClient(live.url()).exec(scenario_.setup);
  for (std::size_t i = 0; i < scenario_.actions.size(); ++i) record(live.name(), i);
}

void Recording::record(const std::string& database, std::size_t index) {
  const auto& action = scenario_.actions[index];
  const auto url = with_database(test_server_url(), database);
  if (!action.sql.empty()) PgClient(url).exec(action.sql);
  Moment moment;
  moment.before = std::make_unique<DatabaseCopy>(database);
  const auto log = folder_ / ("passed_" + std::to_string(index));
  std::map<std::string, std::string> env{{"PGPHASE_FAILPOINT_LOG", log.string()}};
  if (!action.interrupted_at.empty()) env["PGPHASE_FAILPOINT"] = action.interrupted_at;
  Company company(*this, url, action);
  const auto output = run(url, action.command, env);
  const int wanted = action.interrupted_at.empty() ? action.command.exit : k_killed;
  if (output.code != wanted || !company.leaves()) {
    throw std::runtime_error("scenario " + scenario_.name + ", undisturbed, command " + std::to_string(index) +
                             ": exit " + std::to_string(output.code) + " instead of " + std::to_string(wanted) + "\n" +
                             output.out + output.err);
  }
  moment.passed = fs::exists(log) ? lines_of(read_file(log)) : std::vector<std::string>{};
  moment.after = state_of(url);
  moments_.push_back(std::move(moment));
}

Output Recording::run(const std::string& url, const Command& command, std::map<std::string, std::string> env) const {
  std::vector<std::string> args{pgphase_binary().string()};
  args.insert(args.end(), command.args.begin(), command.args.end());
  ProcessOptions options;
  options.folder = folder_.path().string();
  options.env = std::move(env);
  options.env["DATABASE_URL"] = url;
  options.without_env = {"PGPHASE_ENV", "PGPHASE_DATABASE", "PGPHASE_PLANS"};
  return pgphase::testing::run(args, options, std::chrono::seconds(60));
}

std::vector<Kill> Recording::kills(bool (*wanted)(const Action&, const std::string& point)) const {
  std::map<std::string, std::vector<Kill>> by_point;
  for (std::size_t i = 0; i < moments_.size(); ++i) {
    std::map<std::string, int> times;
    for (const auto& point : moments_[i].passed) {
      const int nth = ++times[point];
      if (nth > most_times_in_one_command(point) || !wanted(scenario_.actions[i], point)) continue;
      by_point[point].push_back({i, point, nth});
    }
  }
  std::vector<Kill> out;
  for (const auto& [point, all] : by_point) {
    for (const auto& kill : some_of(all)) out.push_back(kill);
  }
  return out;
}

std::vector<Kill> Recording::kills() const {
  return kills([](const Action& action, const std::string&) { return action.interrupted_at.empty(); });
}

// Where something was just done, so that there is something to take back. Before the plan is recorded there is nothing.
std::vector<Kill> Recording::kills_before_turns() const {
  return kills([](const Action& action, const std::string& point) {
    return !action.turn.empty() && point.find(".after") != std::string::npos && !point.starts_with("lease.") &&
           !point.starts_with("ledger.");
  });
}

std::string Recording::killed(const std::string& url, const Kill& kill) const {
  const auto output = run(url, scenario_.actions[kill.action].command,
                          {{"PGPHASE_FAILPOINT", kill.point + ":" + std::to_string(kill.nth)}});
  if (output.code == k_killed) return {};
  return "it was not killed, but ended with " + std::to_string(output.code) + "\n" + output.out + output.err;
}

// The server may need a moment to notice that the killed client is gone; until then the lease is held.
std::string Recording::run_until_it_works(const std::string& url, const Command& command) const {
  Output output;
  const bool ran = eventually([&] {
    output = run(url, command, {});
    return output.code != k_lease_held;
  });
  if (ran && output.code == command.exit) return {};
  std::string words;
  for (const auto& word : command.args) words += " " + word;
  return "pgphase" + words + " ended with " + std::to_string(output.code) + " instead of " +
         std::to_string(command.exit) + "\n" + output.out + output.err;
}

std::string Recording::kill_and_repeat(const Kill& kill) const {
  const auto& action = scenario_.actions[kill.action];
  const DatabaseCopy database(moments_[kill.action].before->name());
  {
    Company company(*this, database.url(), action);
    if (auto wrong = killed(database.url(), kill); !wrong.empty()) return wrong;
    if (auto wrong = run_until_it_works(database.url(), action.command); !wrong.empty()) return wrong;
    if (!company.leaves()) return "the run beside was not stopped";
  }
  return difference(moments_[kill.action].after, state_of(database.url()));
}

std::string Recording::kill_and_turn(const Kill& kill) const {
  const DatabaseCopy database(moments_[kill.action].before->name());
  if (auto wrong = killed(database.url(), kill); !wrong.empty()) return wrong;
  for (const auto& command : scenario_.actions[kill.action].turn) {
    if (auto wrong = run_until_it_works(database.url(), command); !wrong.empty()) return wrong;
  }
  return difference_of_outcome(moments_[kill.action].after, state_of(database.url()));
}

}  // namespace pgphase::testing
