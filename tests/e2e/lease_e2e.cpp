// One orchestrator a database: what a second one is told, and what happens to the lease of one that is gone or stuck.
#include "phases/ledger/lease.hpp"
#include "tests/e2e/fixture.hpp"

namespace pgphase::testing {
namespace {

using namespace std::chrono_literals;

const char* const k_plan = "001_slow";

// The first run hangs in a statement for as long as the test wants.
class LeaseE2eTest : public ::testing::Test {
 protected:
  LeaseE2eTest() {
    make_slow_table(project.db(), 50, 120);
    project.plan(k_plan, k_slow_index_plan);
  }

  std::unique_ptr<Process> hanging_up() {
    auto run = project.start({"up"});
    EXPECT_TRUE(somebody_is_slow(project.db())) << run->out() << run->err();
    return run;
  }
  std::string ghost() {
    return project.db().value(
        "SELECT pid FROM pg_stat_activity WHERE datname = current_database() AND wait_event = 'PgSleep'");
  }
  bool backend_exists(const std::string& pid) {
    return project.db().value("SELECT count(*) FROM pg_stat_activity WHERE pid = " + pid) == "1";
  }
  void age_the_heartbeat() {
    project.db().exec("UPDATE pgphase.lease SET heartbeat_at = heartbeat_at - interval '1 min'");
  }
  // One of that name, valid, and no other but the primary key: nothing is left of a build that was cut short.
  void expect_index_is_built() {
    EXPECT_EQ(project.db().value("SELECT indisvalid FROM pg_index WHERE indexrelid = to_regclass('items_slow')"), "t");
    EXPECT_EQ(project.db().value("SELECT count(*) FROM pg_index WHERE indrelid = 'items'::regclass"), "2");
  }

  Project project;
};

TEST_F(LeaseE2eTest, ASecondUpExitsAtOnceAndSaysWhoHoldsTheLeaseSinceWhen) {
  auto first = hanging_up();
  const auto dump = project.schema_dump({});
  const auto second = project.run({"up"}, 5s);
  EXPECT_EQ(second.code, 60) << second.out << second.err;
  const auto owner = project.db().value("SELECT owner FROM pgphase.lease");
  const auto since =
      project.db().value("SELECT to_char(acquired_at AT TIME ZONE 'UTC', 'YYYY-MM-DD HH24:MI:SS') FROM pgphase.lease");
  EXPECT_NE(owner.find("pgphase up"), std::string::npos) << owner;
  EXPECT_NE(second.err.find(owner), std::string::npos) << second.err;
  EXPECT_NE(second.err.find("since " + since), std::string::npos) << second.err;
  EXPECT_EQ(project.schema_dump({}), dump);
  EXPECT_TRUE(first->running());
}

TEST_F(LeaseE2eTest, OfTwoStartedTogetherOneWorksAndTheOtherExits) {
  set_slowness(project.db(), 0.05);
  auto one = project.start({"up"});
  auto other = project.start({"up"});
  const auto first = one->wait(60s);
  const auto second = other->wait(60s);
  EXPECT_TRUE((first == 0 && second == 60) || (first == 60 && second == 0))
      << one->out() << one->err() << other->out() << other->err();
  expect_index_is_built();
}

TEST_F(LeaseE2eTest, CommandsThatWriteThroughTheLeaseAreRefusedToo) {
  auto first = hanging_up();
  EXPECT_EQ(project.run({"step", k_plan, "additive/create_index items_slow", "--skip", "--reason", "no"}).code, 60);
  EXPECT_EQ(project.run({"stamp", k_plan}).code, 60);
  EXPECT_EQ(project.run({"status"}).code, 0);
}

TEST_F(LeaseE2eTest, AKilledHolderLeavesAGhostThatTheNextRunEnds) {
  auto first = hanging_up();
  const auto pid = ghost();
  first->kill(SIGKILL);
  first->wait(5s);
  ASSERT_TRUE(backend_exists(pid)) << "the server noticed the kill: there is no ghost to test with";
  ASSERT_EQ(project.plan_state(k_plan), "interrupted");

  set_slowness(project.db(), 0);
  const auto next = project.run({"up"});
  EXPECT_EQ(next.code, 0) << next.out << next.err;
  EXPECT_FALSE(backend_exists(pid));
  expect_index_is_built();
}

TEST_F(LeaseE2eTest, AStuckHolderIsNotTakenOverWhileItsHeartbeatIsFresh) {
  auto first = hanging_up();
  first->kill(SIGSTOP);
  const auto second = project.run({"up"}, 5s);
  EXPECT_EQ(second.code, 60) << second.out << second.err;
  first->kill(SIGCONT);
}

TEST_F(LeaseE2eTest, AStuckHolderIsTakenOverOnceItsHeartbeatIsStaleAndWritesNothingMore) {
  auto first = hanging_up();
  first->kill(SIGSTOP);
  age_the_heartbeat();
  auto second = project.start({"up"});
  ASSERT_TRUE(eventually([&] { return project.db().value("SELECT token FROM pgphase.lease") == "2"; }))
      << second->out() << second->err();
  ASSERT_TRUE(somebody_is_slow(project.db())) << second->out() << second->err();
  const auto pid = ghost();

  first->kill(SIGCONT);
  EXPECT_EQ(first->wait(20s), 60) << first->out() << first->err();
  EXPECT_EQ(project.db().value("SELECT token FROM pgphase.lease"), "2") << "the stopped run took the lease back";
  EXPECT_EQ(ghost(), pid) << "the stopped run ended the statement of the one that took over";
  EXPECT_TRUE(second->running()) << second->err();

  set_slowness(project.db(), 0);
  project.db().exec("SELECT pg_terminate_backend(" + pid + ")");  // within its sleep it does not look at the knob
  EXPECT_EQ(second->wait(30s), 0) << second->out() << second->err();
  expect_index_is_built();
}

TEST_F(LeaseE2eTest, AStuckHolderThatWakesUpAfterAnotherRunFinishedDoesNothingEither) {
  auto first = hanging_up();
  first->kill(SIGSTOP);
  age_the_heartbeat();
  set_slowness(project.db(), 0);
  const auto second = project.run({"up"});
  EXPECT_EQ(second.code, 0) << second.out << second.err;
  const auto events = project.db().value("SELECT count(*) FROM pgphase.event");
  first->kill(SIGCONT);
  EXPECT_EQ(first->wait(20s), 60) << first->out() << first->err();
  EXPECT_EQ(project.db().value("SELECT count(*) FROM pgphase.event"), events);
  EXPECT_EQ(project.db().value("SELECT owner FROM pgphase.lease"), "NULL");
  expect_index_is_built();
}

TEST_F(LeaseE2eTest, ARunWhoseSessionsWereEndedByAnAdministratorGoesOn) {
  auto run = hanging_up();
  set_slowness(project.db(), 0);
  project.db().exec(
      "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = current_database() AND "
      "application_name LIKE 'pgphase/%'");
  EXPECT_EQ(run->wait(30s), 0) << run->out() << run->err();
  expect_index_is_built();
}

}  // namespace
}  // namespace pgphase::testing
