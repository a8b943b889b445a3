// A database of its own for each test, and plain clients to look into it and to get in the way.
//
// PgClient and TestDatabase: one thread at a time per object. They throw PgError, which fails the test.
#pragma once

#include <chrono>
#include <memory>
#include <optional>
#include <stdexcept>
#include <string>
#include <vector>

namespace pgphase::testing {

class PgError : public std::runtime_error {
 public:
  PgError(const std::string& message, std::string sqlstate)
      : std::runtime_error(message), sqlstate_(std::move(sqlstate)) {}
  const std::string& sqlstate() const { return sqlstate_; }

 private:
  std::string sqlstate_;
};

// A client apart from the code under test: libpq, no settings of ours, no retries.
class PgClient {
 public:
  using Row = std::vector<std::optional<std::string>>;  // nothing: NULL

  explicit PgClient(const std::string& url);
  ~PgClient();
  PgClient(PgClient&&) noexcept;
  PgClient& operator=(PgClient&&) noexcept;

  std::vector<Row> query(const std::string& sql);  // of several statements: the last one's rows
  std::string value(const std::string& sql);       // exactly one row with one column; NULL is "NULL"
  void exec(const std::string& sql);
  int pid() const;      // of the backend
  void cancel() const;  // the running statement; from any thread

 private:
  struct Connection;
  std::unique_ptr<Connection> connection_;
};

// One statement on a connection of its own, in a thread: to wait for a lock, to hold one, to be cancelled.
class AsyncStatement {
 public:
  AsyncStatement(const std::string& url, const std::string& sql);
  ~AsyncStatement();  // cancels it, if it still runs, and waits for it
  AsyncStatement(const AsyncStatement&) = delete;
  AsyncStatement& operator=(const AsyncStatement&) = delete;

  int pid() const;  // of the backend
  bool done() const;
  bool wait(std::chrono::milliseconds limit) const;  // false: still running
  std::string sqlstate() const;                      // once done; empty: it succeeded

 private:
  struct State;
  std::unique_ptr<State> state_;
};

class TestDatabase {
 public:
  TestDatabase();
  ~TestDatabase();  // drops it, whoever is still connected
  TestDatabase(const TestDatabase&) = delete;
  TestDatabase& operator=(const TestDatabase&) = delete;

  const std::string& name() const { return name_; }
  std::string url() const;      // through the Unix socket
  std::string tcp_url() const;  // with a password
  PgClient client() const { return PgClient(url()); }

  // On a connection that the object keeps, until disconnect(); the next call makes a new one.
  std::vector<PgClient::Row> query(const std::string& sql) { return kept().query(sql); }
  std::string value(const std::string& sql) { return kept().value(sql); }
  void exec(const std::string& sql) { kept().exec(sql); }
  void disconnect();  // returns when the server has seen it

 private:
  PgClient& kept();
  std::string name_;
  std::unique_ptr<PgClient> client_;
};

}  // namespace pgphase::testing
