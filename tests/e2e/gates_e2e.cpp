// A gate of each kind stays shut, opens, and is the same gate for the next process.
#include <filesystem>

#include "phases/postgres/server.hpp"
#include "tests/e2e/fixture.hpp"

namespace pgphase::testing {
namespace {

using namespace std::chrono_literals;

// Two phases; what stands between them is the test's.
std::string plan_with_gate(const std::string& gate) {
  return R"(format = 1
[[change]]
op = "create_table"
table = "notes"
primary_key = "id"
columns = [ { name = "id", type = "integer" }, { name = "body", type = "text" } ]

[[constraint]]
name = "body required"
sql = "ALTER TABLE notes ADD CONSTRAINT body_given CHECK (body IS NOT NULL) NOT VALID"
rollback = "ALTER TABLE notes DROP CONSTRAINT body_given"

[gate.constraint]
)" + gate +
         "\n";
}

const char* const k_plan = "001_notes";

class GatesE2eTest : public ::testing::Test {
 protected:
  void write_plan(const std::string& gate) { project.plan(k_plan, plan_with_gate(gate)); }

  int up() {
    last = project.run({"up"});
    return last.code;
  }
  std::string said() const { return last.out + last.err; }
  bool constraint_ran() {
    return project.db().value("SELECT count(*) FROM pg_constraint WHERE conname = 'body_given'") == "1";
  }
  Output approve() { return project.run({"approve", k_plan, "--phase", "constraint"}); }

  // A run that stays at the gate, with the gate's line already printed.
  std::unique_ptr<Process> waiting_up() {
    auto run = project.start({"up", "--wait"});
    EXPECT_TRUE(run->wait_for_output("waits at the gate before constraint", 20s)) << run->out() << run->err();
    return run;
  }
  void expect_goes_on(Process& run) {
    EXPECT_EQ(run.wait(20s), 0) << run.out() << run.err();
    EXPECT_TRUE(constraint_ran());
  }

  Project project;
  Output last;
};

TEST_F(GatesE2eTest, ApproveIsShutUntilSomebodyApproves) {
  write_plan("approve = true");
  EXPECT_EQ(up(), 10) << said();
  EXPECT_NE(said().find("pgphase approve 001_notes --phase constraint"), std::string::npos) << said();
  EXPECT_EQ(project.plan_state(k_plan), "at_gate");
  EXPECT_EQ(up(), 10);
  EXPECT_FALSE(constraint_ran());

  EXPECT_EQ(approve().code, 0);
  EXPECT_EQ(up(), 0) << said();
  EXPECT_TRUE(constraint_ran());
}

TEST_F(GatesE2eTest, TheGateBeforeConstraintNeedsApprovalWhateverElseItHolds) {
  write_plan("check = \"SELECT true\"");
  EXPECT_EQ(up(), 10) << said();
  EXPECT_EQ(project.run({"up", k_plan, "--approve"}).code, 0);
  EXPECT_TRUE(constraint_ran());
}

TEST_F(GatesE2eTest, WaitCountsFromTheEndOfThePhaseBeforeAndOnWhileNothingRuns) {
  write_plan("approve = false\nwait = \"1h\"");
  EXPECT_EQ(up(), 10) << said();
  EXPECT_NE(said().find("opens in"), std::string::npos) << said();
  EXPECT_EQ(up(), 10) << "asking twice opened it";
  EXPECT_FALSE(constraint_ran());

  // As if the rest of the hour had passed with no process running.
  project.db().exec("UPDATE pgphase.phase SET finished_at = finished_at - interval '59 min 55 s'");
  auto run = waiting_up();
  expect_goes_on(*run);
}

TEST_F(GatesE2eTest, ApproveFlagDoesNotOpenAWait) {
  write_plan("approve = true\nwait = \"1h\"");
  EXPECT_EQ(project.run({"up", k_plan, "--approve"}).code, 10);
  EXPECT_EQ(project.run({"up", k_plan, "--approve"}).code, 10);
  EXPECT_FALSE(constraint_ran());
}

TEST_F(GatesE2eTest, CheckIsShutUntilItsQueryReturnsTrue) {
  project.db().exec("CREATE TABLE errors (at timestamptz); INSERT INTO errors VALUES (now())");
  write_plan("approve = false\ncheck = \"SELECT count(*) = 0 FROM errors\"");
  EXPECT_EQ(up(), 10) << said();
  EXPECT_NE(said().find("check"), std::string::npos) << said();
  auto run = waiting_up();
  EXPECT_FALSE(constraint_ran());
  project.db().exec("DELETE FROM errors");
  expect_goes_on(*run);
}

TEST_F(GatesE2eTest, CheckCannotWrite) {
  project.db().exec(
      "CREATE TABLE asked (at timestamptz);"
      "CREATE FUNCTION ask() RETURNS boolean LANGUAGE sql AS 'INSERT INTO asked VALUES (now()) RETURNING true'");
  write_plan("approve = false\ncheck = \"SELECT ask()\"");
  EXPECT_NE(up(), 0) << said();
  EXPECT_EQ(project.db().value("SELECT count(*) FROM asked"), "0");
  EXPECT_FALSE(constraint_ran());
}

TEST_F(GatesE2eTest, CommandIsShutUntilItExitsWithZero) {
  write_plan("approve = false\ncommand = [\"test\", \"-e\", \"deployed\"]");
  EXPECT_EQ(up(), 10) << said();
  EXPECT_NE(said().find("exit 1"), std::string::npos) << said();
  auto run = waiting_up();
  EXPECT_FALSE(constraint_ran());
  project.file("deployed", "");
  expect_goes_on(*run);
}

TEST_F(GatesE2eTest, CommandThatDoesNotExistKeepsItShutAndIsNamed) {
  write_plan("approve = false\ncommand = [\"no-such-program-here\"]");
  EXPECT_EQ(up(), 10) << said();
  EXPECT_NE(said().find("no-such-program-here"), std::string::npos) << said();
}

TEST_F(GatesE2eTest, CommandsOutputDoesNotMixWithTheJsonAnswer) {
  write_plan("approve = false\ncommand = [\"echo\", \"hello\"]");
  const auto output = project.run({"up", "--json"});
  EXPECT_EQ(output.code, 0) << output.err;
  EXPECT_NO_THROW(the_one_object(output.out)) << output.out;
  EXPECT_NE(output.err.find("hello"), std::string::npos);
}

TEST_F(GatesE2eTest, WindowIsDecidedByTheServersClock) {
  // One hour that begins two hours from now, whatever the time is, and all the day.
  const auto shut = project.db().value(
      "SELECT to_char((now() AT TIME ZONE 'UTC') + interval '2 h', 'HH24:MI') || '-' || "
      "to_char((now() AT TIME ZONE 'UTC') + interval '3 h', 'HH24:MI') || ' UTC'");
  write_plan("approve = false\nwindow = \"" + shut + "\"");
  EXPECT_EQ(up(), 10) << said();
  EXPECT_NE(said().find("window"), std::string::npos) << said();
  EXPECT_FALSE(constraint_ran());

  write_plan("approve = false\nwindow = \"00:00-24:00\"");
  last = project.run({"up", k_plan, "--accept-edit"});
  EXPECT_EQ(last.code, 0) << said();
  EXPECT_TRUE(constraint_ran());
}

TEST_F(GatesE2eTest, EveryPartMustHold) {
  write_plan("approve = true\ncheck = \"SELECT true\"\ncommand = [\"test\", \"-e\", \"deployed\"]");
  EXPECT_EQ(up(), 10);
  EXPECT_EQ(approve().code, 0);
  EXPECT_EQ(up(), 10) << said();
  EXPECT_EQ(said().find("nobody has approved"), std::string::npos) << said();
  project.file("deployed", "");
  EXPECT_EQ(up(), 0) << said();
}

TEST_F(GatesE2eTest, GateBeforeTheFirstPhaseHoldsThePlanBack) {
  project.plan(k_plan, plan_with_gate("approve = false") + "\n[gate.additive]\napprove = true\n");
  EXPECT_EQ(up(), 10) << said();
  EXPECT_EQ(project.db().value("SELECT to_regclass('notes') IS NULL"), "t");
  EXPECT_EQ(project.run({"approve", k_plan, "--phase", "additive"}).code, 0);
  EXPECT_EQ(up(), 0) << said();
}

// --- a restart while waiting
// ----------------------------------------------------------------------------------------------

TEST_F(GatesE2eTest, AKilledRunThatWaitedLeavesTheGateAsItWas) {
  write_plan("approve = true");
  auto killed = waiting_up();
  killed->kill(SIGKILL);
  killed->wait(5s);
  EXPECT_EQ(project.plan_state(k_plan), "at_gate");
  EXPECT_FALSE(constraint_ran());

  auto next = waiting_up();
  EXPECT_EQ(approve().code, 0);
  expect_goes_on(*next);
}

TEST_F(GatesE2eTest, AnApprovalGivenWhileNothingRunsIsThereForTheNextRun) {
  write_plan("approve = true");
  auto killed = waiting_up();
  EXPECT_EQ(approve().code, 0);
  killed->kill(SIGKILL);
  killed->wait(5s);
  EXPECT_EQ(up(), 0) << said();
}

TEST_F(GatesE2eTest, AWaitingRunGoesOnAfterTheServerWasRestarted) {
  auto server = LocalServer::start();
  ASSERT_TRUE(server) << server.error().text();
  project.env["DATABASE_URL"] = server->url();
  write_plan("approve = true");
  auto run = waiting_up();
  ASSERT_TRUE(server->restart(Shutdown::fast));
  EXPECT_TRUE(run->wait_for_output("connecting again", 20s)) << run->err();
  EXPECT_TRUE(eventually([&] { return approve().code == 0; }));
  EXPECT_EQ(run->wait(30s), 0) << run->out() << run->err();
  EXPECT_EQ(PgClient(server->url()).value("SELECT count(*) FROM pg_constraint WHERE conname = 'body_given'"), "1");
}

// --- approvals that open nothing
// --------------------------------------------------------------------------------------------

TEST_F(GatesE2eTest, ApprovalBeforeThePlanHasStartedIsRefusedAndOpensNothing) {
  write_plan("approve = true");
  const auto early = approve();
  EXPECT_EQ(early.code, 21) << early.out << early.err;
  EXPECT_EQ(up(), 10) << said();
}

TEST_F(GatesE2eTest, ApprovalBeforeTheGateIsReachedIsRefusedAndOpensNothing) {
  project.plan(k_plan, plan_with_gate("approve = true") + "\n[gate.additive]\napprove = true\n");
  EXPECT_EQ(up(), 10) << said();
  const auto early = approve();
  EXPECT_EQ(early.code, 21) << early.out << early.err;
  EXPECT_NE(early.err.find("not reached"), std::string::npos) << early.err;
  EXPECT_EQ(project.run({"approve", k_plan, "--phase", "additive"}).code, 0);
  EXPECT_EQ(up(), 10) << "the early approval opened the second gate";
  EXPECT_FALSE(constraint_ran());
}

TEST_F(GatesE2eTest, AnEditMakesAnApprovalVoid) {
  write_plan("approve = true");
  EXPECT_EQ(up(), 10);
  EXPECT_EQ(approve().code, 0);
  auto edited = plan_with_gate("approve = true");
  edited.replace(edited.find("body IS NOT NULL"), 16, "body <> ''");
  project.plan(k_plan, edited);
  last = project.run({"up", k_plan, "--accept-edit"});
  EXPECT_EQ(last.code, 10) << said();
  EXPECT_FALSE(constraint_ran());
  EXPECT_EQ(approve().code, 0);
  EXPECT_EQ(up(), 0) << said();
}

TEST_F(GatesE2eTest, ARollbackMakesAnApprovalVoid) {
  write_plan("approve = true");
  EXPECT_EQ(up(), 10);
  EXPECT_EQ(approve().code, 0);
  EXPECT_EQ(project.run({"rollback", k_plan, "--phase", "additive"}).code, 0);
  last = project.run({"up", k_plan});
  EXPECT_EQ(last.code, 10) << said();
  EXPECT_FALSE(constraint_ran());
}

TEST_F(GatesE2eTest, ARollbackOfTheApprovedPhaseAsksForANewApproval) {
  write_plan("approve = true");
  EXPECT_EQ(project.run({"up", k_plan, "--approve"}).code, 0);
  EXPECT_EQ(project.run({"rollback", k_plan, "--phase", "constraint"}).code, 0);
  last = project.run({"up", k_plan});
  EXPECT_EQ(last.code, 10) << said();
  EXPECT_FALSE(constraint_ran());
}

TEST_F(GatesE2eTest, ApprovingWhatNeedsNoApprovalOrIsDoneIsRefused) {
  write_plan("approve = true");
  EXPECT_EQ(up(), 10);
  EXPECT_EQ(project.run({"approve", k_plan, "--phase", "additive"}).code, 21);
  EXPECT_EQ(approve().code, 0);
  EXPECT_EQ(up(), 0);
  EXPECT_EQ(approve().code, 21);
  EXPECT_EQ(project.run({"approve", "009_unknown", "--phase", "constraint"}).code, 21);
  EXPECT_EQ(project.run({"approve", k_plan, "--phase", "constrain"}).code, 2);
}

TEST_F(GatesE2eTest, StopWhileWaitingAtAGateIsAnInterruption) {
  write_plan("approve = true");
  auto run = waiting_up();
  run->kill(SIGTERM);
  EXPECT_EQ(run->wait(10s), 12) << run->err();
  EXPECT_EQ(approve().code, 0);
  EXPECT_EQ(up(), 0) << said();
}

TEST_F(GatesE2eTest, DeadlineEndsTheWaitAtAGate) {
  write_plan("approve = true");
  const auto output = project.run({"up", "--wait", "--deadline", "1s"});
  EXPECT_EQ(output.code, 12) << output.out << output.err;
  EXPECT_FALSE(constraint_ran());
}

}  // namespace
}  // namespace pgphase::testing
