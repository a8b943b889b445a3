// The client is gone, but the server still executes the COMMIT that it sent, while a successor begins.
#include <gtest/gtest.h>

#include "tests/e2e/fixture.hpp"

namespace pgphase::testing {
namespace {

constexpr int k_lease_held = 60;

class CommitInFlightE2e : public ::testing::Test {
 protected:
  // A deferred trigger of the user's makes one COMMIT of the backfill slow, and counts how often it was tried.
  void SetUp() override {
    project.db().exec(
        "CREATE TABLE t (id integer, n integer NOT NULL); INSERT INTO t SELECT i, 0 FROM generate_series(1, 5000) i;"
        "CREATE SEQUENCE slow_commits;"
        "CREATE FUNCTION slow_commit() RETURNS trigger LANGUAGE plpgsql AS 'BEGIN "
        "PERFORM nextval(''public.slow_commits''), pg_sleep(1.5); RETURN NULL; END';"
        "CREATE CONSTRAINT TRIGGER slow AFTER UPDATE ON t DEFERRABLE INITIALLY DEFERRED FOR EACH ROW "
        "WHEN (NEW.id = 3000) EXECUTE FUNCTION slow_commit();"
        // The limit of a batch stays below it.
        "ALTER DATABASE " +
        project.db().name() + " SET deadlock_timeout = '10s'");
    project.env["PGPHASE_BATCH_TIME"] = "2s";
    project.plan("010_count",
                 "format = 1\n[[backfill]]\nname = \"count\"\ntable = \"t\"\nset = { n = \"n + 1\" }\n"
                 "irreversible = \"counted is counted\"\n");
  }

  bool commit_is_executed() {
    return project.db().value(
               "SELECT count(*) FROM pg_stat_activity WHERE datname = current_database() AND state = 'active' "
               "AND query = 'COMMIT' AND wait_event = 'PgSleep'") == "1";
  }

  // Kills a run whose COMMIT is being executed.
  void die_in_commit() {
    const auto first = project.start({"up"});
    ASSERT_TRUE(eventually([&] { return commit_is_executed(); })) << first->err();
    first->kill(SIGKILL);
    ASSERT_EQ(first->wait(std::chrono::seconds(5)), 128 + SIGKILL);
    ASSERT_TRUE(commit_is_executed()) << "the server was meant to go on with it";
  }

  // At once: the server may not even have noticed yet that the first client's lease is free.
  void succeed() {
    Output output;
    ASSERT_TRUE(eventually([&] {
      output = project.run({"up"});
      return output.code != k_lease_held;
    }));
    ASSERT_EQ(output.code, 0) << output.err;
  }

  void expect_each_row_counted_once() {
    EXPECT_EQ(project.db().value("SELECT count(*) FROM t WHERE n <> 1"), "0");
    EXPECT_EQ(project.db().value("SELECT sum(rows) FROM pgphase.chunk"), "5000");
    EXPECT_EQ(project.db().value("SELECT rows FROM pgphase.step"), "5000");
    EXPECT_EQ(
        project.db().value(
            "SELECT count(*) FROM pg_attribute WHERE attrelid = 't'::regclass AND attnum > 0 AND NOT attisdropped"),
        "2");
    EXPECT_EQ(project.plan_state("010_count"), "done");
  }

  Project project;
};

TEST_F(CommitInFlightE2e, ItsBackendIsEndedAndTheBatchIsDoneAgain) {
  ASSERT_NO_FATAL_FAILURE(die_in_commit());
  ASSERT_NO_FATAL_FAILURE(succeed());
  EXPECT_EQ(project.db().value("SELECT last_value FROM slow_commits"), "2");
  expect_each_row_counted_once();
}

TEST_F(CommitInFlightE2e, OneThatCannotBeEndedIsWaitedForAndTheBatchIsNotDoneAgain) {
  ASSERT_NO_FATAL_FAILURE(die_in_commit());
  // Nobody knows that backend any more; it holds the fence still.
  project.db().exec("DELETE FROM pgphase.lease_session");
  ASSERT_NO_FATAL_FAILURE(succeed());
  EXPECT_EQ(project.db().value("SELECT last_value FROM slow_commits"), "1") << "the COMMIT was meant to succeed";
  expect_each_row_counted_once();
}

}  // namespace
}  // namespace pgphase::testing
