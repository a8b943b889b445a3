// Going back: each form of the command, what it refuses and why, and the hold that it leaves.
#include <filesystem>

#include "tests/e2e/fixture.hpp"

namespace pgphase::testing {
namespace {

using namespace std::chrono_literals;

class RollbackE2eTest : public ::testing::Test {
 protected:
  RollbackE2eTest() { project.sample_plans(); }

  int run(const std::vector<std::string>& args) {
    last = project.run(args);
    return last.code;
  }
  std::string said() const { return last.out + last.err; }
  void bring_up(std::size_t plans) {
    const std::vector<std::string> ids{"001_initial", "002_task_priority", "003_users", "004_newest_first"};
    for (std::size_t i = 0; i < plans; ++i) ASSERT_EQ(run({"up", ids[i], "--approve"}), 0) << said();
  }
  void expect_refused_and_unchanged(const std::vector<std::string>& args, const std::vector<std::string>& names) {
    const auto before = project.schema_dump();
    EXPECT_EQ(run(args), 21) << said();
    for (const auto& name : names) EXPECT_NE(last.err.find(name), std::string::npos) << name << " in " << last.err;
    EXPECT_EQ(project.schema_dump(), before);
  }
  bool not_null() {
    return project.db().value(
               "SELECT attnotnull FROM pg_attribute WHERE attrelid = 'tasks'::regclass AND attname = "
               "'priority'") == "t";
  }

  Project project;
  Output last;
};

TEST_F(RollbackE2eTest, OnePhaseGoesBackAlone) {
  bring_up(2);
  ASSERT_TRUE(not_null());
  EXPECT_EQ(run({"rollback", "002_task_priority", "--phase", "constraint"}), 0) << said();
  EXPECT_FALSE(not_null());
  EXPECT_EQ(project.phase_state("002_task_priority", "constraint"), "rolled_back");
  EXPECT_EQ(project.phase_state("002_task_priority", "backfill"), "done");
  EXPECT_EQ(project.phase_state("002_task_priority", "additive"), "done");
  EXPECT_EQ(run({"up", "002_task_priority", "--approve"}), 0) << said();
  EXPECT_TRUE(not_null());
}

TEST_F(RollbackE2eTest, AWholePlanGoesBack) {
  bring_up(1);
  const auto before = project.schema_dump();
  bring_up(2);
  EXPECT_EQ(run({"rollback", "002_task_priority"}), 0) << said();
  EXPECT_EQ(project.schema_dump({"pgphase", "pgphase_retired"}), before);
  EXPECT_EQ(project.plan_state("002_task_priority"), "rolled_back");
  EXPECT_EQ(project.run({"current"}).out, "001_initial\n");
}

TEST_F(RollbackE2eTest, TheLastPlansGoBackByTheirNumber) {
  bring_up(2);
  const auto two = project.schema_dump();
  bring_up(4);
  EXPECT_EQ(run({"rollback", "-2"}), 0) << said();
  EXPECT_EQ(project.schema_dump({"pgphase", "pgphase_retired"}), two);
  EXPECT_EQ(run({"rollback", "-1"}), 0) << said();
  EXPECT_EQ(project.run({"current"}).out, "001_initial\n");
  EXPECT_EQ(run({"rollback", "--last", "1"}), 0) << said();
  EXPECT_EQ(project.run({"current"}).out, "");
}

TEST_F(RollbackE2eTest, ALaterPhaseStandsInTheWayAndIsNamed) {
  bring_up(2);
  expect_refused_and_unchanged({"rollback", "002_task_priority", "--phase", "additive"},
                               {"phase backfill", "phase constraint", "--with-later"});
  expect_refused_and_unchanged({"rollback", "002_task_priority", "--phase", "backfill"}, {"phase constraint"});
}

TEST_F(RollbackE2eTest, ALaterPlanStandsInTheWayAndIsNamed) {
  bring_up(4);
  expect_refused_and_unchanged({"rollback", "002_task_priority"}, {"003_users", "004_newest_first", "--with-later"});
  expect_refused_and_unchanged({"rollback", "001_initial"}, {"002_task_priority", "003_users", "004_newest_first"});
}

TEST_F(RollbackE2eTest, WithLaterListsWhatItUndoesFirstAndUndoesItInTheRightOrder) {
  bring_up(1);
  const auto before = project.schema_dump();
  bring_up(4);
  EXPECT_EQ(run({"rollback", "002_task_priority", "--with-later"}), 0) << said();
  EXPECT_EQ(project.schema_dump({"pgphase", "pgphase_retired"}), before);
  const auto first_undone = last.out.find("undone in");
  ASSERT_NE(first_undone, std::string::npos);
  const auto list = last.out.substr(0, first_undone);
  const auto newest = list.find("004_newest_first");
  const auto users = list.find("003_users");
  const auto priority = list.find("002_task_priority");
  EXPECT_NE(newest, std::string::npos) << list;
  EXPECT_NE(users, std::string::npos) << list;
  EXPECT_NE(priority, std::string::npos) << list;
  EXPECT_LT(newest, users);
  EXPECT_LT(users, priority);
  for (const auto* plan : {"002_task_priority", "003_users", "004_newest_first"}) {
    EXPECT_EQ(project.plan_state(plan), "rolled_back");
  }
}

TEST_F(RollbackE2eTest, WithLaterOfOnePhaseTakesTheLaterPhasesAlong) {
  bring_up(2);
  EXPECT_EQ(run({"rollback", "002_task_priority", "--phase", "backfill", "--with-later"}), 0) << said();
  EXPECT_EQ(project.phase_state("002_task_priority", "constraint"), "rolled_back");
  EXPECT_EQ(project.phase_state("002_task_priority", "backfill"), "rolled_back");
  EXPECT_EQ(project.phase_state("002_task_priority", "additive"), "done");
}

TEST_F(RollbackE2eTest, AHoldStopsTheNextUpAndSaysWhoAndWhy) {
  bring_up(2);
  ASSERT_EQ(run({"rollback", "002_task_priority", "--phase", "constraint", "--reason", "errors at checkout"}), 0);
  EXPECT_EQ(project.plan_state("002_task_priority"), "held");
  EXPECT_EQ(run({"up"}), 11) << said();
  EXPECT_NE(said().find("errors at checkout"), std::string::npos) << said();
  EXPECT_NE(said().find("pgphase up 002_task_priority"), std::string::npos) << said();
  EXPECT_FALSE(not_null());
  EXPECT_EQ(project.db().value("SELECT to_regclass('users') IS NULL"), "t") << "a later plan that requires it ran";

  EXPECT_EQ(run({"up", "002_task_priority", "--approve"}), 0) << said();
  EXPECT_TRUE(not_null());
}

TEST_F(RollbackE2eTest, ResumeLiftsTheHoldToo) {
  bring_up(1);
  ASSERT_EQ(run({"rollback", "001_initial"}), 0);
  EXPECT_EQ(run({"up"}), 11) << said();
  EXPECT_EQ(run({"resume"}), 0);
  EXPECT_EQ(run({"up"}), 11) << "resume without a plan lifted a hold";
  EXPECT_EQ(run({"resume", "001_initial"}), 0) << said();
  EXPECT_EQ(project.db().value("SELECT to_regclass('tasks') IS NULL"), "t") << "resume started something";
  EXPECT_EQ(run({"up", "--through", "additive"}), 0) << said();
  EXPECT_EQ(project.db().value("SELECT to_regclass('tasks') IS NULL"), "f");
}

TEST_F(RollbackE2eTest, WhatWasNeverStartedOrIsGoneAlreadyChangesNothing) {
  expect_refused_and_unchanged({"rollback", "001_initial"}, {"never started"});
  bring_up(1);
  ASSERT_EQ(run({"rollback", "001_initial"}), 0);
  EXPECT_EQ(run({"rollback", "001_initial"}), 0) << said();
  EXPECT_NE(said().find("nothing"), std::string::npos) << said();
}

TEST_F(RollbackE2eTest, CommandLinesThatMeanNothingAreUsageErrors) {
  EXPECT_EQ(run({"rollback"}), 2) << said();
  EXPECT_EQ(run({"rollback", "001_initial", "-1"}), 2) << said();
  EXPECT_EQ(run({"rollback", "-1", "--phase", "additive"}), 2) << said();
  EXPECT_EQ(run({"rollback", "001_initial", "--phase", "addition"}), 2) << said();
  EXPECT_EQ(run({"rollback", "-0"}), 2) << said();
}

TEST_F(RollbackE2eTest, AnIrreversibleStepThatHasRunIsRefusedWithItsReason) {
  project.plan("005_gone", R"(format = 1
requires = ["004_newest_first"]
[[additive]]
name = "tidy up"
allow = { drop-view = "no code reads it" }
sql = "DROP VIEW old_tasks"
irreversible = "nobody kept its definition"
[[additive]]
name = "note"
sql = "COMMENT ON TABLE tasks IS 'tidy'"
rollback = "COMMENT ON TABLE tasks IS NULL"
)");
  bring_up(4);
  project.db().exec("CREATE VIEW old_tasks AS SELECT id FROM tasks");
  ASSERT_EQ(run({"up", "005_gone"}), 0) << said();
  expect_refused_and_unchanged({"rollback", "005_gone"}, {"nobody kept its definition", "tidy up"});
  ASSERT_EQ(run({"step", "005_gone", "additive/tidy up", "--skip", "--reason", "not needed"}), 0) << said();
  EXPECT_EQ(run({"rollback", "005_gone"}), 0) << said();
  EXPECT_EQ(project.db().value("SELECT obj_description('tasks'::regclass)"), "NULL");
}

TEST_F(RollbackE2eTest, NoFileIsNeededButTheBinary) {
  bring_up(2);
  std::filesystem::remove_all(project.folder() / "migrations");
  EXPECT_EQ(run({"rollback", "002_task_priority"}), 0) << said();
  EXPECT_EQ(run({"rollback", "-1"}), 0) << said();
  EXPECT_EQ(project.db().value("SELECT to_regclass('tasks') IS NULL"), "t");
}

TEST_F(RollbackE2eTest, AProtectedDatabaseAsksForItsName) {
  bring_up(1);
  project.file("pgphase.toml", "protected = true\n");
  const auto name = project.db().name();
  expect_refused_and_unchanged({"rollback", "001_initial"}, {name, "--confirm"});
  expect_refused_and_unchanged({"rollback", "001_initial", "--confirm", "postgres"}, {name});
  EXPECT_EQ(run({"rollback", "001_initial", "--confirm", name}), 0) << said();
}

TEST_F(RollbackE2eTest, ViewsOnTheTableStandInTheWayAndAreNamed) {
  bring_up(1);
  project.db().exec(
      "INSERT INTO tasks (title, user_id) VALUES ('t', 'u'); CREATE VIEW report AS SELECT title FROM tasks");
  expect_refused_and_unchanged({"rollback", "001_initial"}, {"report"});
}

// --- while `up` runs
// ----------------------------------------------------------------------------------------------------

class RollbackOfARunE2eTest : public ::testing::Test {
 protected:
  Project project;
};

TEST_F(RollbackOfARunE2eTest, ItAsksTheRunToStopAndUndoesWhatItDid) {
  make_slow_table(project.db(), 3000, 0.02);
  const auto before = project.schema_dump();
  project.plan("001_fill", k_slow_plan);
  auto up = project.start({"up"});
  // Not by what its sessions ask: `up` asks what the expression is before it has the lease.
  ASSERT_TRUE(eventually([&] { return project.phase_state("001_fill", "backfill") == "running"; })) << up->out()
                                                                                                      << up->err();
  const auto rollback = project.run({"rollback", "001_fill"}, 40s);
  EXPECT_EQ(rollback.code, 0) << rollback.out << rollback.err;
  EXPECT_NE(rollback.out.find("asking"), std::string::npos) << rollback.out;
  EXPECT_EQ(up->wait(10s), 12) << up->out() << up->err();
  EXPECT_EQ(project.plan_state("001_fill"), "rolled_back");
  EXPECT_EQ(
      project.db().value("SELECT count(*) FROM information_schema.columns WHERE table_name = 'items' AND column_name "
                         "= 'm'"),
      "0");

  set_slowness(project.db(), 0);
  const auto again = project.run({"up", "001_fill"});
  EXPECT_EQ(again.code, 0) << again.out << again.err;
  EXPECT_EQ(project.db().value("SELECT count(*) FROM items WHERE m IS DISTINCT FROM n + 1"), "0");
}

TEST_F(RollbackOfARunE2eTest, ARunThatDoesNotStopIsLeftAloneUnlessTheLeaseIsTakenOver) {
  make_slow_table(project.db(), 50, 120);
  project.plan("001_slow", k_slow_index_plan);
  auto up = project.start({"up", "001_slow"});
  ASSERT_TRUE(somebody_is_slow(project.db())) << up->out() << up->err();

  const auto refused = project.run({"rollback", "001_slow"}, 40s);
  EXPECT_EQ(refused.code, 60) << refused.out << refused.err;
  EXPECT_NE(refused.err.find("--take-over"), std::string::npos) << refused.err;
  EXPECT_TRUE(up->running());

  const auto taken = project.run({"rollback", "001_slow", "--take-over"}, 40s);
  EXPECT_EQ(taken.code, 0) << taken.out << taken.err;
  EXPECT_EQ(project.db().value("SELECT to_regclass('items_slow') IS NULL"), "t");
  EXPECT_EQ(project.plan_state("001_slow"), "rolled_back");
  // Although it names its plan, which lifts a hold: what was undone on purpose is not done again behind one's back.
  EXPECT_EQ(up->wait(30s), 60) << up->out() << up->err();
  EXPECT_EQ(project.plan_state("001_slow"), "rolled_back");
  EXPECT_EQ(project.db().value("SELECT to_regclass('items_slow') IS NULL"), "t");
}

}  // namespace
}  // namespace pgphase::testing
