#include "phases/ledger/lease.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "phases/ledger/ledger.hpp"
#include "phases/ledger/schema.hpp"
#include "tests/support/database.hpp"
#include "tests/support/process.hpp"

namespace pgphase::testing {
namespace {

using ::testing::HasSubstr;

class LeasePgTest : public ::testing::Test {
 protected:
  LeasePgTest() {
    auto first = connect();
    EXPECT_TRUE(ensure_ledger(*first));
  }

  std::unique_ptr<Session> connect() {
    SessionOptions options;
    options.conninfo = db_.url();
    options.target = "the test's database";
    auto session = Session::open(options);
    if (!session) throw std::runtime_error(session.error().text());
    return std::move(*session);
  }

  Fence acquire(Session& control, TakeOver mode = TakeOver::if_stale) {
    auto fence = acquire_lease(control, "ada@here", "pgphase up", mode);
    if (!fence) throw std::runtime_error(fence.error().text());
    return *fence;
  }

  Result<void> write(Session& session, const Fence& fence) {
    auto transaction = begin_fenced(session, fence, "test.write");
    if (!transaction) return transaction.error();
    auto recorded = record_event(session, fence.person, {}, "plan_test", "written");
    if (!recorded) return recorded.error();
    return transaction->commit();
  }

  TestDatabase db_;
};

TEST_F(LeasePgTest, TheSecondIsToldWhoHoldsItSinceWhen) {
  auto a = connect(), b = connect();
  acquire(*a);
  auto refused = acquire_lease(*b, "eve@there", "pgphase up", TakeOver::if_stale);
  ASSERT_FALSE(refused);
  EXPECT_EQ(refused.error().code, Errc::lease_held);
  EXPECT_THAT(refused.error().message, HasSubstr("ada@here: pgphase up"));
  EXPECT_THAT(refused.error().message, HasSubstr("since 20"));
}

TEST_F(LeasePgTest, ReleasedItIsFree) {
  auto a = connect(), b = connect();
  const auto fence = acquire(*a);
  ASSERT_TRUE(release_lease(*a, fence));
  EXPECT_FALSE(*lease_holder(*b));
  EXPECT_GT(acquire(*b).token, fence.token);
}

TEST_F(LeasePgTest, AHolderWhoseHeartbeatIsStaleIsEndedAndMayWriteNothingMore) {
  auto old_control = connect(), old_work = connect(), next = connect();
  const auto old_fence = acquire(*old_control);
  ASSERT_TRUE(register_session(*old_work, old_fence, "work"));
  ASSERT_TRUE(write(*old_work, old_fence));
  db_.exec("UPDATE pgphase.lease SET heartbeat_at = clock_timestamp() - interval '31 s'");

  const auto fence = acquire(*next);
  EXPECT_GT(fence.token, old_fence.token);
  const auto late = write(*old_work, old_fence);
  ASSERT_FALSE(late);
  EXPECT_EQ(late.error().code, Errc::session_lost);

  auto again = connect();
  EXPECT_EQ(write(*again, old_fence).error().code, Errc::lease_lost) << "nor on a new connection with the old token";
  EXPECT_TRUE(write(*again, fence));
}

TEST_F(LeasePgTest, ByForceTakesAFreshLeaseToo) {
  auto a = connect(), b = connect();
  const auto fence = acquire(*a);
  EXPECT_GT(acquire(*b, TakeOver::by_force).token, fence.token);
  EXPECT_FALSE(heartbeat(*a, fence));
}

TEST_F(LeasePgTest, ATakeoverWaitsForATransactionThatHasComparedTheTokenAlready) {
  auto old_control = connect(), old_work = connect(), next = connect();
  const auto old_fence = acquire(*old_control);
  // Not registered: only the fence can keep it from committing after the takeover.
  auto in_flight = begin_fenced(*old_work, old_fence, "test.in_flight");
  ASSERT_TRUE(in_flight);
  ASSERT_TRUE(record_event(*old_work, "ada@here", {}, "plan_test", "in flight"));
  const auto gone = std::to_string(old_control->backend().pid);
  old_control.reset();  // the lease's connection dies; the work's does not
  ASSERT_TRUE(eventually([&] { return db_.value("SELECT count(*) FROM pg_stat_activity WHERE pid = " + gone) == "0"; }));

  std::optional<Result<Fence>> taken;
  std::thread takeover([&] { taken = acquire_lease(*next, "eve@there", "pgphase up", TakeOver::if_stale); });
  EXPECT_TRUE(eventually([&] {
    return db_.value("SELECT count(*) FROM pg_stat_activity WHERE wait_event = 'advisory' AND datname = current_database()") == "1";
  })) << "the takeover waits for the fence";
  ASSERT_TRUE(in_flight->commit());
  takeover.join();
  ASSERT_TRUE(*taken) << taken->error().text();
  EXPECT_EQ(write(*old_work, old_fence).error().code, Errc::lease_lost);
}

TEST_F(LeasePgTest, APidThatBelongsToSomebodyElseByNowIsNotEnded) {
  auto a = connect(), bystander = connect(), next = connect();
  const auto fence = acquire(*a);
  db_.exec("INSERT INTO pgphase.lease_session VALUES (" + std::to_string(bystander->backend().pid) +
           ", now() - interval '1 day', " + std::to_string(fence.token) + ", 'work')");
  acquire(*next, TakeOver::by_force);
  EXPECT_TRUE(bystander->query("SELECT 1"));
}

TEST_F(LeasePgTest, ReadersCreateNothing) {
  TestDatabase empty;
  SessionOptions options;
  options.conninfo = empty.url();
  auto session = Session::open(options);
  ASSERT_TRUE(session);
  EXPECT_FALSE(read_ledger(**session)->exists);
  EXPECT_TRUE(read_events(**session, std::nullopt, 10)->empty());
  EXPECT_TRUE(read_retired(**session, std::nullopt)->empty());
  EXPECT_FALSE(*lease_holder(**session));
  EXPECT_EQ(empty.value("SELECT count(*) FROM pg_namespace WHERE nspname LIKE 'pgphase%'"), "0");
}

TEST_F(LeasePgTest, ANewerLedgerIsRefusedByBothVersions) {
  db_.exec("INSERT INTO pgphase.ledger_version (version, program) VALUES (999, 'later')");
  auto session = connect();
  const auto read = read_ledger(*session);
  ASSERT_FALSE(read);
  EXPECT_EQ(read.error().code, Errc::refused);
  EXPECT_THAT(read.error().message, HasSubstr("999"));
  EXPECT_FALSE(ensure_ledger(*session));
}

}  // namespace
}  // namespace pgphase::testing
