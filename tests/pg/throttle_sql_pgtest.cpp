// What runs in the database at work: who waits for us, the user's queries, the probe.
#include "phases/throttle/probe.hpp"
#include "phases/throttle/sessions.hpp"
#include "phases/throttle/signals.hpp"
#include "phases/throttle/user_sql.hpp"
#include "phases/throttle/wal_backlog.hpp"
#include "tests/pg/throttle_fixture.hpp"
#include "tests/support/process.hpp"

namespace pgphase::testing {
namespace {

using namespace std::chrono_literals;
using ::testing::HasSubstr;

class ThrottleSqlPgTest : public ::testing::Test {
 protected:
  ThrottleSqlPgTest() { db_.exec("CREATE TABLE t (id int PRIMARY KEY, n int NOT NULL); INSERT INTO t VALUES (1, 7)"); }
  // Whatever was read, no transaction is left open.
  void TearDown() override {
    if (session_->lost()) return;
    EXPECT_EQ((*session_->query("SELECT now() = statement_timestamp()"))[0].text(0), "t");
  }

  TestDatabase db_;
  std::unique_ptr<Session> session_ = throttle_session(db_.url(), {}, 400ms);
};

TEST_F(ThrottleSqlPgTest, TheLongestWaitForALockOfOursCounts) {
  PgClient ours(db_.url());
  const AtWork at_work{{ours.pid()}, {}};
  EXPECT_EQ(read_blocked_by_us(*session_, at_work).value, 0);
  ours.exec("BEGIN; UPDATE t SET n = 8 WHERE id = 1");
  const AsyncStatement waiting(db_.url(), "UPDATE t SET n = 9 WHERE id = 1");
  Reading reading;
  ASSERT_TRUE(eventually([&] { return (reading = read_blocked_by_us(*session_, at_work)).value.value_or(0) > 300; }));
  EXPECT_LT(*reading.value, 20'000);
  EXPECT_THAT(reading.words, HasSubstr("pid " + std::to_string(waiting.pid()) + " has waited "));
  EXPECT_EQ(read_blocked_by_us(*session_, {{waiting.pid()}, {}}).value, 0) << "nobody waits for that one";
  EXPECT_EQ(read_blocked_by_us(*session_, {}).value, 0);
  const PlainRole role(db_.url(), db_.name() + "_plain");
  EXPECT_GT(read_blocked_by_us(*throttle_session(db_.url(), role.name()), at_work).value.value_or(0), 300);
  ours.exec("ROLLBACK");
  EXPECT_TRUE(eventually([&] { return read_blocked_by_us(*session_, at_work).value == 0; }));
}

TEST_F(ThrottleSqlPgTest, WhereNothingIsArchivedNothingWaits) {
  const auto reading = read_archive_backlog(*session_);
  EXPECT_EQ(reading.value, 0);
  EXPECT_EQ(reading.words, "WAL is not archived");
}

struct Query {
  const char* sql;
  std::optional<double> value;
  const char* words;
};

TEST_F(ThrottleSqlPgTest, AUsersQueryIsOneNumberOrUnreadable) {
  db_.exec(
      "CREATE FUNCTION writes() RETURNS int LANGUAGE sql AS 'UPDATE t SET n = n + 1 RETURNING n';"
      "CREATE FUNCTION broken() RETURNS int LANGUAGE plpgsql AS 'BEGIN RAISE EXCEPTION ''of a test''; END'");
  for (const Query& c :
       {Query{"SELECT n FROM t", 7, "returned 7"}, Query{"SELECT 1.5 + count(*) FROM t", 2.5, "2.5"},
        Query{"SELECT 'abc'", std::nullopt, "no number"}, Query{"SELECT 'NaN'::float8", std::nullopt, "no number"},
        Query{"SELECT NULL", std::nullopt, "NULL"},
        Query{"SELECT n FROM t WHERE id = 2", std::nullopt, "returned 0 rows"},
        Query{"SELECT 1, 2", std::nullopt, "returned 1 rows of 2 columns"},
        Query{"SELECT x FROM t", std::nullopt, "column \"x\" does not exist (SQLSTATE 42703)"},
        Query{"SELECT writes()", std::nullopt, "read-only transaction"},
        Query{"SELECT broken()", std::nullopt, "of a test"},
        Query{"SELECT 1 FROM pg_sleep(5)", std::nullopt, "took longer than its timeout"},
        Query{"UPDATE t SET n = 9", std::nullopt, "must be a SELECT"},
        Query{"SELECT 1; UPDATE t SET n = 9", std::nullopt, "one statement"}}) {
    const auto reading = read_number(*session_, Signal::custom, c.sql);
    EXPECT_EQ(reading.value, c.value) << c.sql;
    EXPECT_THAT(reading.words, HasSubstr(c.words)) << c.sql;
    if (!c.value) {
      EXPECT_THAT(reading.words, ::testing::StartsWith("cannot be read, because "));
    }
  }
  EXPECT_EQ(db_.value("SELECT n FROM t"), "7");
  EXPECT_EQ(read_number(*session_, Signal::free_space_query, "SELECT 2147483648").words, "its query returned 2.0 GiB");
}

TEST_F(ThrottleSqlPgTest, ALostConnectionIsUnreadableEverywhere) {
  ThrottleLimits limits;
  for (SignalLimit& limit : limits.limits) limit.on = true;
  limits[Signal::custom].sql = limits[Signal::free_space_query].sql = "SELECT 1";
  Signals signals(limits);
  ASSERT_EQ(signals.wanted().size(), k_signals.size() - 1) << "all but the probe";
  for (const Signal signal : signals.wanted()) {
    EXPECT_TRUE(signals.read(*session_, signal, {}, std::chrono::steady_clock::now()).value) << to_string(signal);
  }
  db_.exec("SELECT pg_terminate_backend(" + std::to_string(session_->backend().pid) + ")");
  for (const Signal signal : signals.wanted()) {
    expect_unreadable(signals.read(*session_, signal, {}, std::chrono::steady_clock::now()), "went away");
  }
}

class ProbePgTest : public ThrottleSqlPgTest {
 protected:
  void times(Probe& probe, int count) {
    for (int i = 0; i < count; ++i) {
      const auto took = probe.run(*session_);
      ASSERT_TRUE(took) << took.error().text();
      EXPECT_GT(took->count(), 0);
      EXPECT_LT(took->count(), 400);
    }
  }
  std::string n() { return db_.value("SELECT n FROM pgphase.probe"); }
};

TEST_F(ProbePgTest, TheBuiltInOneUpdatesItsRowAndCommits) {
  make_probe_table(db_.url());
  Probe probe;
  times(probe, 300);
  EXPECT_EQ(n(), "300");
  EXPECT_EQ(db_.value("SELECT count(*) FROM pgphase.probe"), "1");
}

TEST_F(ProbePgTest, TheBuiltInOneFindsARowThatSomebodyElseMoved) {
  make_probe_table(db_.url());
  Probe probe;
  times(probe, 2);
  db_.exec("UPDATE pgphase.probe SET n = 100");
  times(probe, 2);
  EXPECT_EQ(n(), "102");
  db_.exec("VACUUM FULL pgphase.probe");
  times(probe, 2);
  EXPECT_EQ(n(), "104");
}

TEST_F(ProbePgTest, AnOldSnapshotDoesNotMakeTheBuiltInOneVisitTheRowsPast) {
  make_probe_table(db_.url());
  PgClient old(db_.url());
  old.exec("BEGIN ISOLATION LEVEL REPEATABLE READ; SELECT 1");
  Probe probe;
  times(probe, 500);
  const auto plan = db_.query("EXPLAIN UPDATE pgphase.probe SET n = n + 1 WHERE ctid = '(0,1)'::tid AND id = 1");
  std::string text;
  for (const auto& line : plan) text += line[0].value_or("") + "\n";
  EXPECT_THAT(text, HasSubstr("Tid Scan"));
  EXPECT_EQ(n(), "500");
}

TEST_F(ProbePgTest, WithoutItsTableItsRowOrTheRightsItIsAnError) {
  Probe probe;
  EXPECT_EQ(probe.run(*session_).error().sqlstate, "42P01");
  make_probe_table(db_.url());
  const PlainRole role(db_.url(), db_.name() + "_plain");
  Probe plain;
  EXPECT_EQ(plain.run(*throttle_session(db_.url(), role.name())).error().sqlstate, "42501");
  times(probe, 1);
  db_.exec("DELETE FROM pgphase.probe");
  const auto missing = probe.run(*session_);
  ASSERT_FALSE(missing);
  EXPECT_EQ(missing.error().message, "pgphase.probe has no row 1");
}

TEST_F(ProbePgTest, WhatTakesTooLongHasALatencyToo) {
  make_probe_table(db_.url());
  Probe probe;
  times(probe, 1);
  db_.exec("BEGIN; SELECT * FROM pgphase.probe FOR UPDATE");
  const auto took = probe.run(*session_);
  ASSERT_TRUE(took) << took.error().text();
  EXPECT_GE(took->count(), 390);
  db_.exec("ROLLBACK");
  times(probe, 2);
  EXPECT_EQ(n(), "3");
}

TEST_F(ProbePgTest, AUsersStatementThatWritesIsCommitted) {
  Probe probe("UPDATE t SET n = n + 1 WHERE id = 1");
  times(probe, 3);
  EXPECT_EQ(db_.value("SELECT n FROM t"), "10");
}

TEST_F(ProbePgTest, AUsersSelectIsReadOnly) {
  Probe probe("SELECT n FROM t WHERE id = 1");
  times(probe, 3);
  db_.exec("CREATE FUNCTION writes() RETURNS int LANGUAGE sql AS 'UPDATE t SET n = n + 1 RETURNING n'");
  Probe sly("SELECT writes()");
  EXPECT_EQ(sly.run(*session_).error().sqlstate, "25006");
  Probe two("SELECT 1; UPDATE t SET n = 0");
  EXPECT_EQ(two.run(*session_).error().code, Errc::usage);
  EXPECT_EQ(db_.value("SELECT n FROM t"), "7");
  Probe slow("SELECT pg_sleep(5)");
  const auto took = slow.run(*session_);
  ASSERT_TRUE(took);
  EXPECT_GE(took->count(), 390);
}

}  // namespace
}  // namespace pgphase::testing
