// Stopping a run from another terminal, and by signals; and going on afterwards.
#include "tests/e2e/fixture.hpp"

namespace pgphase::testing {
namespace {

using namespace std::chrono_literals;

constexpr int k_rows = 3000;
const char* const k_plan = "001_fill";

// A backfill that would take a minute: whoever ends sooner has been stopped.
class PauseE2eTest : public ::testing::Test {
 protected:
  PauseE2eTest() {
    make_slow_table(project.db(), k_rows, 0.02);
    project.plan(k_plan, k_slow_plan);
  }

  std::int64_t rows_done() {
    if (project.db().value(
            "SELECT count(*) FROM information_schema.columns WHERE table_name = 'items' AND column_name = "
            "'m'") == "0") {
      return 0;
    }
    return std::stoll(project.db().value("SELECT count(*) FROM items WHERE m IS NOT NULL"));
  }
  std::unique_ptr<Process> up_within_its_backfill(std::vector<std::string> args = {"up"}) {
    auto run = project.start(args);
    EXPECT_TRUE(eventually([&] { return rows_done() > 0; })) << run->out() << run->err();
    return run;
  }
  // An index build that would take longer than the test has.
  std::unique_ptr<Process> up_within_one_long_statement() {
    project.plan(k_plan, k_slow_index_plan);
    set_slowness(project.db(), 120);
    auto run = project.start({"up"});
    EXPECT_TRUE(somebody_is_slow(project.db())) << run->out() << run->err();
    return run;
  }
  void expect_index_is_built() {
    set_slowness(project.db(), 0);
    const auto output = project.run({"up"});
    EXPECT_EQ(output.code, 0) << output.out << output.err;
    EXPECT_EQ(project.db().value("SELECT string_agg(indisvalid::text, ',') FROM pg_index WHERE indexrelid = "
                                 "'items_slow'::regclass"),
              "true");
    EXPECT_EQ(project.db().value("SELECT count(*) FROM pg_index WHERE indrelid = 'items'::regclass"), "2");
  }
  void expect_finishes(const std::vector<std::string>& args = {"up"}) {
    set_slowness(project.db(), 0);
    const auto output = project.run(args);
    EXPECT_EQ(output.code, 0) << output.out << output.err;
    expect_every_row_right();
  }
  void expect_every_row_right() {
    EXPECT_EQ(project.db().value("SELECT count(*) FROM items WHERE m IS DISTINCT FROM n + 1"), "0");
  }

  Project project;
};

TEST_F(PauseE2eTest, PauseFromAnotherProcessStopsTheRunWithinOneBatch) {
  // Every batch leaves its beginning and its end.
  project.db().exec(
      "CREATE TABLE batch (began timestamptz, ended timestamptz);"
      "CREATE FUNCTION note() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN "
      "INSERT INTO public.batch VALUES (now(), clock_timestamp()); RETURN NULL; END $$;"
      "CREATE TRIGGER note AFTER UPDATE ON items FOR EACH STATEMENT EXECUTE FUNCTION note()");
  auto run = up_within_its_backfill();
  const auto paused = project.run({"pause", k_plan, "--reason", "replica is behind"});
  EXPECT_EQ(paused.code, 0) << paused.err;

  EXPECT_EQ(run->wait(20s), 11) << run->out() << run->err();
  const auto said = run->out() + run->err();
  EXPECT_NE(said.find("replica is behind"), std::string::npos) << said;
  EXPECT_NE(said.find("pgphase resume"), std::string::npos) << said;
  EXPECT_LT(rows_done(), k_rows);
  // The one in flight, and at most one that had begun before the request arrived.
  EXPECT_LE(std::stoi(project.db().value("SELECT count(*) FROM batch WHERE ended > (SELECT max(requested_at) FROM "
                                         "pgphase.request WHERE kind = 'pause')")),
            2);
  EXPECT_EQ(project.plan_state(k_plan), "paused");
  EXPECT_FALSE(project.somebody_has_the_lease());
}

TEST_F(PauseE2eTest, AfterResumeTheNextUpFinishesFromWhereItStopped) {
  auto run = up_within_its_backfill();
  ASSERT_EQ(project.run({"pause", k_plan}).code, 0);
  ASSERT_EQ(run->wait(20s), 11);
  const auto done_before = rows_done();
  EXPECT_EQ(project.run({"up"}).code, 11);
  EXPECT_EQ(rows_done(), done_before) << "a paused plan went on";

  EXPECT_EQ(project.run({"resume", k_plan}).code, 0);
  EXPECT_EQ(rows_done(), done_before) << "resume started something";
  expect_finishes();
}

TEST_F(PauseE2eTest, ARunThatWaitsGoesOnWhenThePauseIsLifted) {
  auto run = up_within_its_backfill({"up", "--wait"});
  ASSERT_EQ(project.run({"pause", k_plan}).code, 0);
  EXPECT_TRUE(run->wait_for_output("is paused by", 20s)) << run->out() << run->err();
  EXPECT_TRUE(run->running());
  set_slowness(project.db(), 0);
  ASSERT_EQ(project.run({"resume", k_plan}).code, 0);
  EXPECT_EQ(run->wait(30s), 0) << run->out() << run->err();
  expect_every_row_right();
}

TEST_F(PauseE2eTest, PauseNowCancelsTheStatementInFlight) {
  auto run = up_within_one_long_statement();
  EXPECT_EQ(project.run({"pause", k_plan, "--now"}).code, 0);
  EXPECT_EQ(run->wait(20s), 11) << run->out() << run->err();
  EXPECT_EQ(project.plan_state(k_plan), "paused");
  ASSERT_EQ(project.run({"resume"}).code, 0);
  expect_index_is_built();
}

TEST_F(PauseE2eTest, PauseWithoutNowLetsTheStatementEnd) {
  auto run = up_within_one_long_statement();
  EXPECT_EQ(project.run({"pause", k_plan}).code, 0);
  EXPECT_FALSE(run->wait(1s)) << run->out() << run->err();
  EXPECT_EQ(project.run({"pause", k_plan, "--now"}).code, 0);
  EXPECT_EQ(run->wait(20s), 11) << run->out() << run->err();
}

TEST_F(PauseE2eTest, WithNothingRunningItHoldsTheNextUp) {
  const auto paused = project.run({"pause", k_plan, "--reason", "month end"});
  EXPECT_EQ(paused.code, 0) << paused.err;
  const auto held = project.run({"up"});
  EXPECT_EQ(held.code, 11) << held.out << held.err;
  EXPECT_NE((held.out + held.err).find("month end"), std::string::npos) << held.out << held.err;
  EXPECT_EQ(project.run({"up", k_plan}).code, 11) << "naming a plan lifted its pause";
  EXPECT_EQ(
      project.db().value("SELECT count(*) FROM information_schema.columns WHERE table_name = 'items' AND column_name "
                         "= 'm'"),
      "0");
  EXPECT_EQ(project.run({"resume", k_plan}).code, 0);
  expect_finishes();
}

TEST_F(PauseE2eTest, PauseAllIsAFreezeThatOnlyResumeWithoutAPlanLifts) {
  project.plan("002_other",
               "format = 1\n[[change]]\nop = \"create_table\"\ntable = \"other\"\nprimary_key = \"id\"\n"
               "columns = [{ name = \"id\", type = \"integer\" }]\n");
  auto run = up_within_its_backfill();
  const auto frozen = project.run({"pause", "--all", "--reason", "incident 17"});
  EXPECT_EQ(frozen.code, 0) << frozen.err;
  EXPECT_EQ(run->wait(20s), 11) << run->err();
  for (const std::vector<std::string>& args :
       std::vector<std::vector<std::string>>{{"up"}, {"up", k_plan}, {"up", "002_other"}}) {
    const auto output = project.run(args);
    EXPECT_EQ(output.code, 11) << output.out << output.err;
    EXPECT_NE((output.out + output.err).find("incident 17"), std::string::npos) << output.out << output.err;
  }
  const auto one_plan = project.run({"resume", k_plan});
  EXPECT_NE((one_plan.out + one_plan.err).find("still paused"), std::string::npos) << one_plan.out << one_plan.err;
  EXPECT_EQ(project.run({"up"}).code, 11);
  EXPECT_EQ(project.run({"resume"}).code, 0);
  expect_finishes();
}

TEST_F(PauseE2eTest, PausingAPlanThatNobodyKnowsIsRefused) {
  const auto output = project.run({"pause", "001_fil"});
  EXPECT_EQ(output.code, 21) << output.out << output.err;
  EXPECT_EQ(project.run({"pause", k_plan, "--all"}).code, 2);
}

TEST_F(PauseE2eTest, APauseOfAnotherPlanDoesNotStopThisOne) {
  project.plan("002_other",
               "format = 1\n[[change]]\nop = \"create_table\"\ntable = \"other\"\nprimary_key = \"id\"\n"
               "columns = [{ name = \"id\", type = \"integer\" }]\n");
  auto run = up_within_its_backfill({"up", k_plan});
  ASSERT_EQ(project.run({"pause", "002_other"}).code, 0);
  set_slowness(project.db(), 0);
  EXPECT_EQ(run->wait(30s), 0) << run->out() << run->err();
  EXPECT_EQ(project.run({"up"}).code, 11);
}

// --- signals
// --------------------------------------------------------------------------------------------------------------

class SignalE2eTest : public PauseE2eTest, public ::testing::WithParamInterface<int> {};

TEST_P(SignalE2eTest, FinishesTheBatchRecordsInterruptedAndTheNextUpGoesOn) {
  auto run = up_within_its_backfill();
  run->kill(GetParam());
  EXPECT_EQ(run->wait(20s), 12) << run->out() << run->err();
  const auto done = rows_done();
  EXPECT_GT(done, 0);
  EXPECT_LT(done, k_rows);
  EXPECT_EQ(project.plan_state(k_plan), "interrupted");
  EXPECT_FALSE(project.somebody_has_the_lease());
  expect_finishes();
}

INSTANTIATE_TEST_SUITE_P(Signals, SignalE2eTest, ::testing::Values(SIGTERM, SIGINT),
                         [](const auto& instance) { return instance.param == SIGTERM ? "Term" : "Int"; });

TEST_F(PauseE2eTest, ASecondSignalCancelsTheStatementInFlight) {
  auto run = up_within_one_long_statement();
  run->kill(SIGTERM);
  EXPECT_TRUE(run->wait_for_output("once more", 10s)) << run->err();
  EXPECT_TRUE(run->running());
  run->kill(SIGTERM);
  EXPECT_EQ(run->wait(20s), 12) << run->out() << run->err();
  EXPECT_EQ(project.plan_state(k_plan), "interrupted");
  expect_index_is_built();
}

TEST_F(PauseE2eTest, DeadlineStopsTheRunAndTheNextOneGoesOn) {
  const auto output = project.run({"up", "--deadline", "2s"});
  EXPECT_EQ(output.code, 12) << output.out << output.err;
  EXPECT_LT(rows_done(), k_rows);
  expect_finishes();
}

TEST_F(PauseE2eTest, WaitCommandReturnsWhenThePhaseIsDoneThroughAPause) {
  auto run = up_within_its_backfill();
  auto wait = project.start({"wait", k_plan, "--phase", "backfill"});
  ASSERT_EQ(project.run({"pause", k_plan}).code, 0);
  ASSERT_EQ(run->wait(20s), 11);
  EXPECT_TRUE(wait->running()) << wait->out() << wait->err();
  ASSERT_EQ(project.run({"resume"}).code, 0);
  expect_finishes();
  EXPECT_EQ(wait->wait(10s), 0) << wait->out() << wait->err();
}

}  // namespace
}  // namespace pgphase::testing
