// With --json exactly one object is on stdout, with the fields that other programs may rely on.
#include <sstream>

#include "tests/e2e/fixture.hpp"

namespace pgphase::testing {
namespace {

namespace json = boost::json;

class JsonE2eTest : public ::testing::Test {
 protected:
  JsonE2eTest() { project.sample_plans(); }

  static std::set<std::string> keys(const json::value& object) {
    std::set<std::string> names;
    for (const auto& member : object.as_object()) names.insert(std::string(member.key()));
    return names;
  }
  static void expect_keys(const json::value& object, const std::set<std::string>& wanted) {
    const auto present = keys(object);
    EXPECT_TRUE(std::includes(present.begin(), present.end(), wanted.begin(), wanted.end())) << json::serialize(object);
  }
  Project project;
};

TEST_F(JsonE2eTest, StatusOfADatabaseThatNobodyHasTouched) {
  const auto status = project.json({"status"});
  expect_keys(status, {"database", "ledger", "lease", "pauses", "plans", "retired"});
  EXPECT_EQ(status.at("ledger"), json::value(false));
  EXPECT_TRUE(status.at("lease").is_null());
  ASSERT_EQ(status.at("plans").as_array().size(), 4U);
  for (const auto& plan : status.at("plans").as_array()) {
    EXPECT_EQ(plan.at("state").as_string(), "pending");
    EXPECT_EQ(plan.at("phases").as_array().size(), 3U);
  }
}

TEST_F(JsonE2eTest, StatusOfAPlanAtAGateIsAsTheDesignShowsIt) {
  ASSERT_EQ(project.run({"up", "001_initial"}).code, 0);
  project.db().exec("INSERT INTO tasks (title, user_id) SELECT 't', 'u' FROM generate_series(1, 1000)");
  ASSERT_EQ(project.run({"up"}).code, 10);
  const auto plan = project.plan_status("002_task_priority");
  EXPECT_EQ(plan.at("state").as_string(), "at_gate");
  const auto& phases = plan.at("phases").as_array();
  ASSERT_EQ(phases.size(), 3U);
  EXPECT_EQ(phases[0].at("name").as_string(), "additive");
  EXPECT_EQ(phases[0].at("state").as_string(), "done");
  expect_keys(phases[0].at("steps").at(0), {"name", "state"});
  EXPECT_EQ(phases[1].at("name").as_string(), "backfill");
  const auto& progress = phases[1].at("progress");
  EXPECT_EQ(progress.at("rows_done").to_number<std::int64_t>(), 1000);
  EXPECT_EQ(progress.at("rows_total").to_number<std::int64_t>(), 1000);
  expect_keys(progress, {"rows_per_second", "eta_seconds", "throttled_by"});
  EXPECT_EQ(phases[2].at("state").as_string(), "waiting");
  EXPECT_EQ(phases[2].at("gate"), (json::value{"approve"}));
  EXPECT_EQ(plan.at("next").at("go_back").as_string(), "pgphase rollback 002_task_priority --phase backfill");
}

TEST_F(JsonE2eTest, TheWayBackThatTheCardNamesWorks) {
  ASSERT_EQ(project.run({"up"}).code, 10);
  const auto card = project.plan_status("002_task_priority").at("next").as_object();
  std::istringstream words(std::string(card.at("go_back").as_string()));
  std::vector<std::string> args;
  for (std::string word; words >> word;) args.push_back(word);
  ASSERT_EQ(args.at(0), "pgphase");
  args.erase(args.begin());
  const auto output = project.run(args);
  EXPECT_EQ(output.code, 0) << output.out << output.err;
  EXPECT_EQ(project.phase_state("002_task_priority", "backfill"), "rolled_back");
}

TEST_F(JsonE2eTest, UpTellsWhatIsNotFinishedAndLogsToStderr) {
  const auto output = project.run({"up", "--json"});
  EXPECT_EQ(output.code, 10);
  const auto answer = the_one_object(output.out);
  EXPECT_EQ(answer.at("exit").as_int64(), 10);
  ASSERT_EQ(answer.at("unfinished").as_array().size(), 1U) << output.out;
  const auto& unfinished = answer.at("unfinished").at(0);
  EXPECT_EQ(unfinished.at("plan").as_string(), "002_task_priority");
  EXPECT_EQ(unfinished.at("phase").as_string(), "constraint");
  EXPECT_EQ(unfinished.at("reason").as_string(), "at_gate");
  EXPECT_EQ(unfinished.at("gate"), (json::value{"approve"}));
  EXPECT_NE(output.err.find("database: " + project.db().name()), std::string::npos) << output.err;
}

TEST_F(JsonE2eTest, UpThatIsDoneHasNothingUnfinished) {
  const auto answer = project.json({"up", "001_initial"});
  EXPECT_TRUE(answer.at("unfinished").as_array().empty());
  EXPECT_EQ(answer.at("exit").as_int64(), 0);
}

TEST_F(JsonE2eTest, CurrentIsNullOrTheId) {
  EXPECT_TRUE(project.json({"current"}).at("current").is_null());
  ASSERT_EQ(project.run({"up", "001_initial"}).code, 0);
  EXPECT_EQ(project.json({"current"}).at("current").as_string(), "001_initial");
}

TEST_F(JsonE2eTest, HistoryHasTheLatestEventLastWithWhoAndWhen) {
  EXPECT_TRUE(project.json({"history"}).at("events").as_array().empty());
  ASSERT_EQ(project.run({"up", "001_initial"}).code, 0);
  const auto events = project.json({"history"}).at("events").as_array();
  ASSERT_GT(events.size(), 4U);
  for (const auto& event : events) {
    expect_keys(event, {"at", "plan", "phase", "step", "kind", "message", "by"});
    EXPECT_NE(event.at("by").as_string().find("postgres"), json::string::npos) << json::serialize(event);
  }
  EXPECT_EQ(events.front().at("kind").as_string(), "plan_recorded");
  EXPECT_EQ(events.back().at("kind").as_string(), "plan_done");
  EXPECT_EQ(project.json({"history", "--limit", "2"}).at("events").as_array().size(), 2U);
  EXPECT_TRUE(project.json({"history", "002_task_priority"}).at("events").as_array().empty());
}

TEST_F(JsonE2eTest, EveryCommandAnswersWithOneObject) {
  const std::vector<std::pair<std::vector<std::string>, std::set<std::string>>> commands{
      {{"explain"}, {"plans"}},
      {{"pause", "--all"}, {"paused", "running", "now"}},
      {{"up"}, {"unfinished", "exit"}},
      {{"resume"}, {"pauses_lifted", "hold_lifted", "frozen"}},
      {{"up", "001_initial"}, {"unfinished", "exit"}},
      {{"wait", "001_initial", "--phase", "additive"}, {"plan", "phase", "state", "exit"}},
      {{"up"}, {"unfinished", "exit"}},
      {{"approve", "002_task_priority", "--phase", "constraint"}, {"plan", "phase", "approved", "new"}},
      {{"step", "002_task_priority", "constraint/priority required", "--skip", "--reason", "r"},
       {"plan", "step", "state"}},
      {{"rollback", "002_task_priority"}, {"rolled_back", "exit"}},
      {{"stamp", "002_task_priority"}, {"stamped"}},
      {{"new", "next one"}, {"plan", "path"}},
      {{"init", "elsewhere"}, {"folder", "made"}},
      {{"status"}, {"plans"}},
  };
  project.file("elsewhere/README", "");
  for (const auto& [args, wanted] : commands) {
    SCOPED_TRACE(args[0]);
    expect_keys(project.json(args), wanted);
  }
}

TEST_F(JsonE2eTest, AnErrorIsAnObjectToo) {
  const auto refused = project.json({"rollback", "001_initial"});
  expect_keys(refused.at("error"), {"code", "message", "detail", "sqlstate", "statement", "next"});
  EXPECT_EQ(refused.at("error").at("code").as_string(), "refused");
  EXPECT_EQ(refused.at("exit").as_int64(), 21);
  project.plan("009_bad", "format = 1\nnonsense = 1\n");
  EXPECT_EQ(project.json({"up"}).at("error").at("code").as_string(), "plan_rejected");
}

TEST_F(JsonE2eTest, ACommandLineThatCannotBeReadIsAnErrorObjectToo) {
  for (const std::vector<std::string>& args :
       {std::vector<std::string>{"statsu", "--json"}, {"--json", "up", "--nope"}}) {
    const auto output = project.run(args);
    EXPECT_EQ(output.code, 2) << output.err;
    const auto answer = the_one_object(output.out);
    EXPECT_EQ(answer.at("exit"), json::value(2));
    EXPECT_EQ(answer.at("error").at("code").as_string(), "usage");
  }
  const auto misspelt = project.run({"statsu"});
  EXPECT_EQ(misspelt.code, 2);
  EXPECT_EQ(misspelt.out, "");
  EXPECT_NE(misspelt.err.find("there is no command 'statsu'; did you mean `status`?"), std::string::npos)
      << misspelt.err;
}

}  // namespace
}  // namespace pgphase::testing
