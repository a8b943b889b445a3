#include "tests/support/database.hpp"

#include <libpq-fe.h>
#include <unistd.h>

#include <array>
#include <atomic>
#include <cstdio>
#include <random>
#include <thread>

#include "tests/support/process.hpp"
#include "tests/support/server.hpp"

namespace pgphase::testing {

struct PgClient::Connection {
  PGconn* raw = nullptr;
  explicit Connection(const std::string& url) : raw(PQconnectdb(url.c_str())) {}
  ~Connection() { PQfinish(raw); }
  Connection(const Connection&) = delete;
  Connection& operator=(const Connection&) = delete;
};

PgClient::PgClient(const std::string& url) : connection_(std::make_unique<Connection>(url)) {
  if (PQstatus(connection_->raw) != CONNECTION_OK) throw PgError(PQerrorMessage(connection_->raw), "08001");
  PQsetNoticeProcessor(
      connection_->raw, [](void*, const char*) {}, nullptr);
}

PgClient::~PgClient() = default;
PgClient::PgClient(PgClient&&) noexcept = default;
PgClient& PgClient::operator=(PgClient&&) noexcept = default;

std::vector<PgClient::Row> PgClient::query(const std::string& sql) {
  const std::unique_ptr<PGresult, decltype(&PQclear)> result(PQexec(connection_->raw, sql.c_str()), PQclear);
  const auto status = PQresultStatus(result.get());
  if (status != PGRES_TUPLES_OK && status != PGRES_COMMAND_OK && status != PGRES_EMPTY_QUERY) {
    const char* sqlstate = PQresultErrorField(result.get(), PG_DIAG_SQLSTATE);
    throw PgError(std::string(PQerrorMessage(connection_->raw)) + "in: " + sql, sqlstate != nullptr ? sqlstate : "");
  }
  std::vector<Row> rows;
  for (int row = 0; row < PQntuples(result.get()); ++row) {
    Row& out = rows.emplace_back();
    for (int column = 0; column < PQnfields(result.get()); ++column) {
      out.push_back(PQgetisnull(result.get(), row, column) != 0
                        ? std::nullopt
                        : std::optional<std::string>(PQgetvalue(result.get(), row, column)));
    }
  }
  return rows;
}

std::string PgClient::value(const std::string& sql) {
  const auto rows = query(sql);
  if (rows.size() != 1 || rows[0].size() != 1) {
    throw PgError("expected one row with one column, got " + std::to_string(rows.size()) + " rows from: " + sql, "");
  }
  return rows[0][0].value_or("NULL");
}

void PgClient::exec(const std::string& sql) {
  query(sql);
}

int PgClient::pid() const {
  return PQbackendPID(connection_->raw);
}

void PgClient::cancel() const {
  const std::unique_ptr<PGcancel, decltype(&PQfreeCancel)> handle(PQgetCancel(connection_->raw), PQfreeCancel);
  std::array<char, 256> problem{};
  PQcancel(handle.get(), problem.data(), static_cast<int>(problem.size()));
}

struct AsyncStatement::State {
  PgClient client;
  int pid;
  std::string sqlstate;
  std::atomic<bool> done{false};
  std::thread thread;
  explicit State(const std::string& url) : client(url), pid(client.pid()) {}
};

AsyncStatement::AsyncStatement(const std::string& url, const std::string& sql) : state_(std::make_unique<State>(url)) {
  state_->thread = std::thread([state = state_.get(), sql] {
    try {
      state->client.exec(sql);
    } catch (const PgError& error) {
      state->sqlstate = error.sqlstate().empty() ? "?????" : error.sqlstate();
    }
    state->done = true;
  });
}

AsyncStatement::~AsyncStatement() {
  // A cancel that comes before the statement has begun does nothing, so it is sent until the thread is through.
  while (!wait(std::chrono::milliseconds(50))) state_->client.cancel();
  state_->thread.join();
}

int AsyncStatement::pid() const {
  return state_->pid;
}
bool AsyncStatement::done() const {
  return state_->done;
}
bool AsyncStatement::wait(std::chrono::milliseconds limit) const {
  return eventually([this] { return done(); }, limit);
}
std::string AsyncStatement::sqlstate() const {
  return done() ? state_->sqlstate : std::string();
}

TestDatabase::TestDatabase() {
  static std::atomic<int> counter{0};
  std::random_device random;
  std::array<char, 64> name{};
  std::snprintf(name.data(), name.size(), "t%d_%d_%06x", static_cast<int>(::getpid()), ++counter,
                static_cast<unsigned>(random() & 0xffffffU));
  name_ = name.data();
  PgClient(test_server_url()).exec("CREATE DATABASE " + name_ + " TEMPLATE template0");
  client_ = std::make_unique<PgClient>(url());
}

TestDatabase::~TestDatabase() {
  client_.reset();
  try {
    PgClient(test_server_url()).exec("DROP DATABASE " + name_ + " WITH (FORCE)");
  } catch (const PgError& error) {
    std::fprintf(stderr, "could not drop the test's database: %s\n", error.what());
  }
}

PgClient& TestDatabase::kept() {
  if (!client_) client_ = std::make_unique<PgClient>(url());
  return *client_;
}

void TestDatabase::disconnect() {
  if (!client_) return;
  const auto pid = std::to_string(client_->pid());
  client_.reset();
  PgClient other(test_server_url());
  while (other.value("SELECT count(*) FROM pg_stat_activity WHERE pid = " + pid) != "0") {
    std::this_thread::sleep_for(std::chrono::milliseconds(5));
  }
}

std::string TestDatabase::url() const {
  return with_database(test_server_url(), name_);
}
std::string TestDatabase::tcp_url() const {
  return with_database(test_server_tcp_url(), name_);
}

}  // namespace pgphase::testing
