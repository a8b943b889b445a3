// The settings of one run: which database, how patient, how fast. Each has one row in settings_table.cpp, from which
// parsing, flags, the scaffold of `pgphase init` and the table in docs/settings.md are made.
//
// Values only; safe to share between threads once made. resolve.hpp makes them.
#pragma once

#include <chrono>
#include <cstdint>
#include <filesystem>
#include <optional>
#include <string>
#include <vector>

#include "phases/postgres/conninfo.hpp"
#include "phases/throttle/signal.hpp"
#include "plans/base/result.hpp"

namespace pgphase {

// Where a value came from; later ones win.
enum class Source { unset, by_default, dotenv, file, environment_table, environment_variable, flag };

struct Settings {
  std::filesystem::path project;      // absolute: the folder of pgphase.toml, else the working folder
  std::filesystem::path config_file;  // empty: there is none
  std::string environment;            // the [env.NAME] that is selected, or empty
  std::vector<std::string> warnings;  // one sentence each, for stderr

  std::string database;                       // as written; empty: not set. Holds a password: use connection_of()
  Source database_source = Source::unset;     //
  std::string database_place;                 // for messages: "pgphase.toml:3:12", "DATABASE_URL", "--database"
  bool database_url_passed_over = false;      // DATABASE_URL is set, and an environment is selected
  std::vector<std::string> password_command;  // argv; empty: none. Run at every connect (password_command.hpp)
  std::string role;                           // SET ROLE after connecting; empty: none
  std::chrono::milliseconds connect_timeout{};
  bool protected_database = false;  // a rollback asks for the database's name

  std::filesystem::path plans;  // absolute

  struct Locks {
    std::chrono::milliseconds timeout{};  // how long one attempt may queue
    std::chrono::milliseconds hold{};     // how long a strong lock may be held
    std::chrono::milliseconds pause{};    // base of the jittered pause, which is never less than three attempts long
    int attempts = 0;
    std::chrono::milliseconds budget{};  // for all attempts of one step together
  } locks;

  struct Backfill {
    enum class Scan { automatic, physical, index };
    std::chrono::milliseconds batch_time{100};  // the batch's size is steered towards it
    int workers = 1;                         // sessions that fill at once
    Scan scan = Scan::automatic;             // how the rows to be set are found
    std::optional<int> stripes;              // in how many parts a page is visited; nothing: as it turns out best
    std::int64_t max_bad_rows = 0;           // rows that cannot be set and are passed over, before a backfill stops
  } backfill;

  ThrottleLimits throttle;

  struct Retain {
    std::chrono::milliseconds keep{};  // `for`: how long retired objects are kept from purge
  } retain;
};

// The database to connect to, with `connect_timeout` put in where the string has none. Errc::usage when none is set,
// when it cannot be read, or when a flag holds a password, which everybody on the machine can see. The password
// command is not run here.
Result<ConnInfo> connection_of(const Settings& settings);

}  // namespace pgphase
