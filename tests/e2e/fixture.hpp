// What the tests of the program share: a project of its own for each test, with a database, a folder of plans and the
// program run in it. One thread at a time per object.
#pragma once

#include <boost/json/object.hpp>
#include <chrono>
#include <memory>
#include <string>
#include <vector>

#include "tests/support/database.hpp"
#include "tests/support/process.hpp"
#include "tests/support/temp_dir.hpp"

namespace pgphase::testing {

class Project {
 public:
  Project();

  TestDatabase& db() { return db_; }
  const std::filesystem::path& folder() const { return folder_.path(); }

  // Writes migrations/ID.toml, or any other file of the project.
  void plan(const std::string& id, const std::string& toml) const;
  void file(const std::string& name, const std::string& text) const { folder_.write(name, text); }
  void sample_plans() const;  // those that ship: migrations/ of the repository

  // The program in the project's folder with DATABASE_URL set, and nothing else of ours in its environment.
  Output run(const std::vector<std::string>& args, std::chrono::milliseconds limit = std::chrono::seconds(60));
  std::unique_ptr<Process> start(const std::vector<std::string>& args);

  // Another address for the program: environment variables are added to or taken from what `run` gives it.
  std::map<std::string, std::string> env;

  // With --json: the one object on stdout. Throws when stdout is anything else.
  boost::json::object json(std::vector<std::string> args);

  // As `status --json` says.
  std::string plan_state(const std::string& plan);
  std::string phase_state(const std::string& plan, const std::string& phase);
  boost::json::object plan_status(const std::string& plan);

  // What pg_dump says, without the lines that are random. The schemas named are left out.
  std::string schema_dump(const std::vector<std::string>& without = {"pgphase"});
  std::string full_dump();  // schema, rows, everything

  // Whether a run of the program has the lease, as anybody can see in pg_locks.
  bool somebody_has_the_lease();

 private:
  ProcessOptions options() const;
  TestDatabase db_;
  TempDir folder_;
};

// The object in `text`, which must be exactly that and a line's end.
boost::json::object the_one_object(const std::string& text);

// A table of `rows` rows, a few on each page, and a function slow(integer) that adds 1. It takes as long for each
// row as the table `knob` says, which a test changes while the program is at work.
void make_slow_table(TestDatabase& db, int rows, double seconds);
void set_slowness(TestDatabase& db, double seconds);

// A plan that adds column `m` to that table and fills it from slow(n), and one that builds an index on slow(n): a
// single statement that takes as long as the knob says.
extern const char* const k_slow_plan;
extern const char* const k_slow_index_plan;
// Waits until a statement of the program is within slow().
bool somebody_is_slow(TestDatabase& db);

}  // namespace pgphase::testing
