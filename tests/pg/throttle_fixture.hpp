// What the tests of the throttle share: sessions like those of the watch, roles without rights, readings to look at.
#pragma once

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <stdexcept>

#include "phases/postgres/session.hpp"
#include "phases/throttle/signal.hpp"
#include "tests/support/database.hpp"

namespace pgphase::testing {

inline std::unique_ptr<Session> throttle_session(const std::string& url, const std::string& role = {},
                                                 std::chrono::milliseconds timeout = std::chrono::seconds(1)) {
  SessionOptions options;
  options.conninfo = url;
  options.target = "the test's database";
  options.application_name = "pgphase/throttle";
  options.role = role;
  options.statement_timeout = options.lock_timeout = timeout;
  auto session = Session::open(options);
  if (!session) throw std::runtime_error(session.error().text());
  return std::move(*session);
}

// A role without any rights, for as long as this lives. Roles are the server's, so its name is the caller's to choose.
class PlainRole {
 public:
  PlainRole(std::string url, std::string name) : url_(std::move(url)), name_(std::move(name)) {
    PgClient(url_).exec("CREATE ROLE " + name_);
  }
  ~PlainRole() {
    try {
      PgClient(url_).exec("DROP OWNED BY " + name_ + "; DROP ROLE " + name_);
    } catch (const PgError& error) {
      ADD_FAILURE() << error.what();
    }
  }
  PlainRole(const PlainRole&) = delete;
  PlainRole& operator=(const PlainRole&) = delete;
  const std::string& name() const { return name_; }

 private:
  std::string url_, name_;
};

inline void expect_unreadable(const Reading& reading, const std::string& because) {
  EXPECT_FALSE(reading.value) << *reading.value;
  EXPECT_THAT(reading.words, ::testing::StartsWith("cannot be read, because "));
  EXPECT_THAT(reading.words, ::testing::HasSubstr(because));
}

inline void make_probe_table(const std::string& url) {
  PgClient(url).exec(
      "CREATE SCHEMA IF NOT EXISTS pgphase;"
      "CREATE TABLE IF NOT EXISTS pgphase.probe (id int PRIMARY KEY, n bigint NOT NULL);"
      "INSERT INTO pgphase.probe VALUES (1, 0) ON CONFLICT DO NOTHING");
}

}  // namespace pgphase::testing
