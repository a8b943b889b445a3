// Applications of the old and of the new schema that write the same rows of one table at the same time, and the log of
// what they were told is committed. Each statement is about one row, which nobody else writes meanwhile, so that the
// log knows in which order a row was written; of different rows as many are written at once as there are writers.
#pragma once

#include <array>
#include <atomic>
#include <cstdint>
#include <deque>
#include <functional>
#include <map>
#include <memory>
#include <mutex>
#include <optional>
#include <random>
#include <string>
#include <thread>
#include <vector>

#include "tests/support/database.hpp"

namespace pgphase::testing {

enum class Side { before, after };  // the schema that an application knows

// Values as text, one of each column of a side.
using SideValues = std::vector<std::optional<std::string>>;

// A change as a user of it would describe it, apart from the plan: which columns each side writes, what it writes into
// them, and what the other side then reads.
struct LosslessCase {
  struct Application {
    std::string table;  // empty: nobody with this schema writes
    std::vector<std::string> columns;
    SideValues (*write)(std::uint64_t number) = nullptr;  // null: it writes rows, and none of these columns
  };
  std::string name;
  std::string schema;  // SQL; the table has a column `id bigint` as its key, and `note text` that both write
  std::string plan;    // TOML, without its first line
  Application before, after;
  SideValues (*up)(const SideValues& before) = nullptr;
  SideValues (*down)(const SideValues& after) = nullptr;  // null: the old side stays as it was
  SideValues of_nobody = {};            // what the old side reads in a row that the new one has written
  SideValues restored = {};             // what a rollback may make of that
  std::string new_code_too_early = {};  // the SQLSTATE that it gets before additive, besides 42703 and 42P01
  bool old_code_stops = false;          // before the constraint phase: its statements would go on succeeding
  int from_major = 14;
  int merge_needs = 15;  // the version of the server
};
void PrintTo(const LosslessCase& one, std::ostream* out);

struct Counts {
  std::atomic<std::int64_t> acknowledged{0};
  std::atomic<std::int64_t> schema_gone{0};  // refused by the deploy contract: 42703, 42P01
  std::mutex mutex;
  std::map<std::string, int> failures;  // anything else: there must be none
};

class Applications {
 public:
  Applications(const LosslessCase& what, std::string url, int server_major, std::uint64_t seed);
  ~Applications();

  void start();
  void stop();
  // Of the old schema; comes back when none of its statements is in flight.
  void hold_old_code(bool hold);

  const Counts& counts() const { return counts_; }

  // When stopped: every row against the log, in words, at most a few.
  std::vector<std::string> what_is_lost(PgClient& client, Side side) const;

 private:
  struct Row {
    std::mutex mutex;
    std::int64_t id = 0;
    bool there = false;
    std::array<SideValues, 2> values;
    std::optional<std::string> note;
  };
  enum class Kind { insert, update, upsert, merge, remove };

  void load(const std::string& url);
  void work(Side side, std::uint64_t seed);
  void write_one(PgClient& client, Side side, std::mt19937_64& random);
  std::string statement(Kind kind, Side side, const Row& row, const SideValues& values,
                        const std::optional<std::string>& note) const;
  void acknowledged(Kind kind, Side side, Row& row, const SideValues& values, const std::optional<std::string>& note);
  const LosslessCase::Application& of(Side side) const { return side == Side::before ? what_.before : what_.after; }

  const LosslessCase& what_;
  std::string url_;
  int server_major_;
  std::uint64_t seed_;
  std::deque<Row> rows_;  // grows at the end only
  std::mutex rows_mutex_;
  std::atomic<std::uint64_t> next_number_{1};
  std::atomic<bool> stopping_{false};
  std::atomic<bool> held_{false};
  std::atomic<int> old_in_flight_{0};
  Counts counts_;
  std::vector<std::thread> threads_;
};

}  // namespace pgphase::testing
