#include "phases/lock/attempt.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "phases/ledger/schema.hpp"
#include "phases/lock/blockers.hpp"
#include "phases/postgres/sqlstate.hpp"
#include "tests/support/database.hpp"
#include "tests/support/process.hpp"

namespace pgphase::testing {
namespace {

using ::testing::AllOf;
using ::testing::HasSubstr;
using std::chrono::milliseconds;

class AttemptPgTest : public ::testing::Test {
 protected:
  AttemptPgTest() {
    control_ = connect();
    work_ = connect();
    EXPECT_TRUE(ensure_ledger(*control_));
    fence_ = *acquire_lease(*control_, "ada@here", "test", TakeOver::if_stale);
    db_.exec("CREATE TABLE t (id int PRIMARY KEY, n int)");
    limits_.timeout = milliseconds(200);
  }

  std::unique_ptr<Session> connect() {
    SessionOptions options;
    options.conninfo = db_.url();
    auto session = Session::open(options);
    if (!session) throw std::runtime_error(session.error().text());
    return std::move(*session);
  }

  LockedChange change(const std::string& sql) {
    LockedChange made;
    made.label = "test.change";
    made.locks = {{{"public", "t"}, LockMode::access_exclusive}};
    made.change = [sql](Session& session) -> Result<void> {
      PGPHASE_CHECK(session.query(sql));
      return {};
    };
    return made;
  }

  TestDatabase db_;
  std::unique_ptr<Session> control_, work_;
  Fence fence_;
  LockLimits limits_;
};

TEST_F(AttemptPgTest, ChangesAndTellsHowLongTheLockWasHeld) {
  const auto attempt = attempt_change(*work_, fence_, limits_, change("ALTER TABLE t ADD COLUMN a int"));
  ASSERT_TRUE(attempt) << attempt.error().text();
  EXPECT_TRUE(attempt->done);
  EXPECT_GT(attempt->held_ms, 0);
  EXPECT_EQ(db_.value("SELECT count(*) FROM pg_attribute WHERE attrelid = 't'::regclass AND attname = 'a'"), "1");
}

TEST_F(AttemptPgTest, GivesUpAfterTheTimeoutAndLeavesNothing) {
  auto reader = db_.client();
  reader.exec("BEGIN; SELECT * FROM t");
  auto locked = change("ALTER TABLE t ADD COLUMN a int");
  bool recorded = false;
  locked.record = [&](Session& session) -> Result<void> {
    recorded = true;
    PGPHASE_CHECK(session.query("CREATE TABLE record_of_it ()"));
    return {};
  };
  const auto attempt = attempt_change(*work_, fence_, limits_, locked);
  ASSERT_TRUE(attempt);
  EXPECT_FALSE(attempt->done);
  EXPECT_TRUE(recorded);
  // Whichever of lock_timeout and statement_timeout fires first: they are the same.
  EXPECT_TRUE(sqlstate::worth_retrying(attempt->blocked.sqlstate)) << attempt->blocked.sqlstate;
  EXPECT_EQ(db_.value("SELECT to_regclass('record_of_it') IS NULL"), "t") << "the record goes with the change";
  EXPECT_EQ(db_.value("SELECT count(*) FROM pg_locks WHERE pid = " + std::to_string(work_->backend().pid) +
                      " AND locktype = 'relation'"), "0");
}

TEST_F(AttemptPgTest, NamesWhoBlocks) {
  auto reader = db_.client();
  reader.exec("SET application_name = 'report'; BEGIN; SELECT * FROM t");
  AsyncStatement waiting(db_.url(), "BEGIN; LOCK TABLE t");
  ASSERT_TRUE(eventually([&] { return !blockers_of(*control_, waiting.pid())->empty(); }));
  const auto blockers = *blockers_of(*control_, waiting.pid());
  ASSERT_EQ(blockers.size(), 1U);
  EXPECT_EQ(blockers[0].pid, reader.pid());
  EXPECT_THAT(blockers[0].words, HasSubstr("report as "));
  EXPECT_THAT(blockers[0].words, HasSubstr("idle in transaction"));
  EXPECT_THAT(blockers[0].words, HasSubstr("SELECT * FROM t"));
}

TEST_F(AttemptPgTest, NamesBeforehandWhoHoldsATableForLong) {
  auto holder = db_.client();
  holder.exec("SET application_name = 'report'; CREATE TABLE other (a int); BEGIN; SELECT FROM t");
  const std::set<TableName> t{{"public", "t"}};
  const auto held = long_holders(*work_, t, std::chrono::seconds(0));
  ASSERT_TRUE(held) << held.error().text();
  ASSERT_EQ(held->size(), 1U);
  EXPECT_THAT(held->front(), AllOf(HasSubstr("report"), HasSubstr("[holds AccessShare on t]")));
  EXPECT_TRUE(long_holders(*work_, {{"public", "other"}}, std::chrono::seconds(0))->empty());
  EXPECT_TRUE(long_holders(*work_, t, std::chrono::seconds(60))->empty()) << "it is not that old";
  EXPECT_TRUE(long_holders(*work_, {}, std::chrono::seconds(0))->empty());
  holder.exec("COMMIT");
  EXPECT_TRUE(long_holders(*work_, t, std::chrono::seconds(0))->empty());
}

TEST_F(AttemptPgTest, ChangeThatTakesTooLongIsCutOffAtTheHoldLimit) {
  limits_.hold = milliseconds(300);
  const auto begun = std::chrono::steady_clock::now();
  const auto attempt = attempt_change(*work_, fence_, limits_, change("SELECT pg_sleep(20)"));
  EXPECT_LT(std::chrono::steady_clock::now() - begun, std::chrono::seconds(10));
  ASSERT_TRUE(attempt);
  EXPECT_FALSE(attempt->done);
  EXPECT_THAT(attempt->blocked.message, HasSubstr("hold limit"));
}

TEST_F(AttemptPgTest, NothingThatIsAskedUnderALockIsCompiled) {
  db_.exec("ALTER ROLE CURRENT_USER IN DATABASE " + db_.value("SELECT quote_ident(current_database())") + " SET jit = on");
  EXPECT_EQ(connect()->query("SHOW jit").value()[0].text(0), "off");
}

TEST_F(AttemptPgTest, AnErrorOfTheStatementIsNotTriedAgain) {
  const auto attempt = attempt_change(*work_, fence_, limits_, change("ALTER TABLE t ADD COLUMN n int"));
  ASSERT_FALSE(attempt);
  EXPECT_EQ(attempt.error().sqlstate, "42701");
}

TEST_F(AttemptPgTest, TheTimeoutStaysBelowTheServersDeadlockCheck) {
  limits_.timeout = std::chrono::seconds(60);
  auto reader = db_.client();
  reader.exec("BEGIN; SELECT * FROM t");
  const auto begun = std::chrono::steady_clock::now();
  EXPECT_FALSE(attempt_change(*work_, fence_, limits_, change("ALTER TABLE t ADD COLUMN a int"))->done);
  EXPECT_LT(std::chrono::steady_clock::now() - begun, std::chrono::seconds(20));
}

TEST_F(AttemptPgTest, RelationsComeInOneOrderWithTheStrongestMode) {
  db_.exec("CREATE TABLE a (); CREATE TABLE b (); CREATE VIEW v AS SELECT 1 AS one");
  const auto order = existing_in_order(*work_, {{{"public", "b"}, LockMode::share},
                                                {{"public", "missing"}, LockMode::access_exclusive},
                                                {{"public", "v"}, LockMode::access_exclusive},
                                                {{"public", "a"}, LockMode::row_share},
                                                {{"public", "b"}, LockMode::access_exclusive}});
  ASSERT_TRUE(order);
  ASSERT_EQ(order->size(), 2U);
  EXPECT_EQ((*order)[0].table.name, "a");
  EXPECT_EQ((*order)[1].table.name, "b");
  EXPECT_EQ((*order)[1].mode, LockMode::access_exclusive);
}

}  // namespace
}  // namespace pgphase::testing
