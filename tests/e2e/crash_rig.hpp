// A scenario of commands, run once undisturbed, and then each of its commands again and again on a copy of the database
// as it was before it: killed at one failpoint, and repeated. One thread at a time per object.
#pragma once

#include <map>
#include <memory>
#include <string>
#include <vector>

#include "tests/support/database.hpp"
#include "tests/support/process.hpp"
#include "tests/support/temp_dir.hpp"

namespace pgphase::testing {

// What a run leaves behind, without what differs between two runs that are equally right: times, tokens, numbers from
// sequences, counters of attempts, measurements.
struct DatabaseState {
  std::string schema;    // pg_dump --schema-only, without the ledger
  std::string rows;      // of every table outside of the ledger, retired ones too
  std::string progress;  // states of plans, phases and steps; the lease
  std::string ledger;    // everything else there
};
DatabaseState state_of(const std::string& url);

// Empty when they are alike; else the lines that only one of them has.
std::string difference(const DatabaseState& wanted, const DatabaseState& found);
// Schema, rows and progress only: for another way to the same place.
std::string difference_of_outcome(const DatabaseState& wanted, const DatabaseState& found);

// A database that begins as a copy of another one, to which nobody may be connected. Dropped at the end.
class DatabaseCopy {
 public:
  explicit DatabaseCopy(const std::string& of);
  ~DatabaseCopy();
  DatabaseCopy(const DatabaseCopy&) = delete;
  DatabaseCopy& operator=(const DatabaseCopy&) = delete;

  const std::string& name() const { return name_; }
  std::string url() const;

 private:
  std::string name_;
};

struct Command {
  std::vector<std::string> args;  // of the program
  int exit = 0;                   // what an undisturbed run ends with
};

struct Action {
  Command command;
  std::string sql = {};                  // run before it, with the program away
  std::string interrupted_at = {};       // NAME:N, where the command is killed in every run: where the next one begins
  std::string blocker = {};              // statements of a transaction that another session keeps open meanwhile
  std::vector<std::string> beside = {};  // another run, which waits at a gate until this one asks it to stop
  std::vector<Command> turn = {};        // another way to where the command leads, once it was killed half way
};

struct Scenario {
  std::string name;
  std::string setup;                         // SQL
  std::map<std::string, std::string> plans;  // id -> TOML
  std::vector<Action> actions;
};

struct Kill {
  std::size_t action;
  std::string point;  // name of the failpoint
  int nth;            // time that the command passes it
};
std::string to_string(const Kill& kill);

// A scenario that was run undisturbed. Throws std::runtime_error when it does not end as it should.
class Recording {
 public:
  explicit Recording(Scenario scenario);

  std::vector<Kill> kills() const;               // at each point that was passed, at several of its times
  std::vector<Kill> kills_before_turns() const;  // in commands that have another way

  // Kill, then the same command again, or the other way. Empty when all is as after the undisturbed run.
  std::string kill_and_repeat(const Kill& kill) const;
  std::string kill_and_turn(const Kill& kill) const;

 private:
  struct Moment {
    std::unique_ptr<DatabaseCopy> before;
    DatabaseState after;
    std::vector<std::string> passed;
  };
  struct Company;

  std::vector<Kill> kills(bool (*wanted)(const Action&, const std::string& point)) const;
  Output run(const std::string& url, const Command& command, std::map<std::string, std::string> env) const;
  std::string run_until_it_works(const std::string& url, const Command& command) const;
  std::string killed(const std::string& url, const Kill& kill) const;
  void record(const std::string& database, std::size_t action);

  Scenario scenario_;
  TempDir folder_;
  std::vector<Moment> moments_;  // one an action
};

}  // namespace pgphase::testing
