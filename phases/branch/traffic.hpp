// An application at work on a branch: inserts, updates and deletes rows of its own, and keeps a log of everything that
// it was told is committed, so that afterwards every value can be asked for. One thread a writer, from start() to
// stop().
#pragma once

#include <atomic>
#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <set>
#include <string>
#include <thread>
#include <vector>

#include "phases/branch/writable.hpp"

namespace pgphase {

// A table as one version of the application knows it.
struct KnownTable {
  TableName table;
  std::vector<WritableColumn> columns;
  std::vector<std::string> key;        // the primary key's columns
  std::vector<std::string> key_types;  // as SQL writes them
  bool pointed_to = false;             // by a foreign key: a row is never deleted, because others may hang on it
};

// Those of `tables` that have a primary key, as they are now.
Result<std::vector<KnownTable>> known_tables(Session& session, const std::vector<TableName>& tables);

// What the phase is like that moves meanwhile. A statement that another moment interrupts belongs to `between`.
enum class Moment { done, between, back };

// Statements on one table that failed at one moment with one message.
struct FailedStatements {
  Moment moment = Moment::between;
  TableName table;
  std::string sqlstate, message;
  std::int64_t count = 0;
};

struct TrafficCounts {
  std::int64_t acknowledged = 0;
  std::int64_t refused = 0;      // by constraints and types (SQLSTATE class 22, 23)
  std::int64_t schema_gone = 0;  // 42703, 42P01: what this version knows is not there at the moment
  std::int64_t restarted = 0;    // 40001, 40P01
  double longest_wait_ms = 0;
  std::vector<std::string> failures;     // any other error, in words: there must be none
  std::vector<FailedStatements> failed;  // all of them, by what they were; of many messages the first
};

// Where something is that is not there any more under the name by which a writer knows it.
struct Whereabouts {
  std::map<TableName, TableName> tables;
  std::map<std::pair<TableName, std::string>, std::string> columns;  // by the table's name in the log
};

class Writer {
 public:
  // `number` keeps the values of several writers apart. `tables` must not be empty.
  Writer(std::unique_ptr<Session> session, std::vector<KnownTable> tables, int number, std::uint64_t seed);
  ~Writer();
  Writer(const Writer&) = delete;
  Writer& operator=(const Writer&) = delete;

  void start();
  void stop();  // after the statement in flight

  // From now on no new values: rows are written again as they are, and deleted. For the time in which a constraint is
  // not there that will have to hold again. Any thread.
  void be_careful() { careful_ = true; }

  // What is written from now on is written at this moment. Any thread.
  void turn_to(Moment moment) { moment_ = moment; }

  // --- when it has stopped ---

  const TrafficCounts& counts() const { return counts_; }
  const std::vector<KnownTable>& tables() const { return tables_; }
  // Every value of the log against the database; in words, what is not as it was acknowledged. `may_change`: columns
  // that a backfill sets whatever they hold; `may_fill`: columns that a backfill sets where they are NULL.
  using Columns = std::function<bool(const TableName&, const std::string& column)>;
  Result<std::vector<std::string>> what_is_lost(const Columns& may_change, const Columns& may_fill,
                                                const Whereabouts& whereabouts = {});
  // Its own; the tables in which some stay because they refer to each other.
  Result<std::set<TableName>> remove_rows(const Whereabouts& whereabouts = {});

 private:
  using Values = std::map<std::string, std::optional<std::string>>;
  using Key = std::vector<std::string>;
  struct Log {
    std::map<Key, Values> rows;
    std::vector<Key> deleted;
  };

  void work();
  void insert(std::size_t table);
  void update(std::size_t table);
  void remove(std::size_t table);
  Result<Rows> timed(std::size_t table, const std::string& sql, const Params& params);
  void note_error(const Error& error, std::size_t table, Moment moment);
  const Key& any_row(std::size_t table);

  std::unique_ptr<Session> session_;
  std::vector<KnownTable> tables_;
  std::vector<Log> logs_;
  std::int64_t next_value_;
  std::uint64_t random_;
  TrafficCounts counts_;
  std::atomic<bool> stopping_{false}, careful_{false};
  std::atomic<Moment> moment_{Moment::done};
  std::thread thread_;
};

}  // namespace pgphase
