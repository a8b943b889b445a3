#include <gmock/gmock.h>

#include <filesystem>

#include "plans/catalogue/catalogue.hpp"
#include "tests/support/paths.hpp"
#include "tests/support/temp_dir.hpp"

namespace pgphase {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;

std::string plan_text(const std::string& requires_list, const std::string& table) {
  return "format = 1\nrequires = [" + requires_list + "]\n[[additive]]\nname = \"s\"\nsql = \"COMMENT ON TABLE " +
         table + " IS 'x'\"\nirreversible = \"a test\"\n";
}

class PlanFolderTest : public ::testing::Test {
 protected:
  void plan(const std::string& id, const std::string& requires_list = "", const std::string& table = "t") {
    folder_.write(id + ".toml", plan_text(requires_list, table));
  }
  std::vector<std::string> order() const {
    std::vector<std::string> out;
    for (const auto& found : load_plans(folder_.path()).plans) out.push_back(found.id.value);
    return out;
  }
  std::string problems() const { return render(load_plans(folder_.path()).problems); }

  testing::TempDir folder_;
};

TEST_F(PlanFolderTest, OrdersByNumberThenByName) {
  for (const char* id : {"10_b", "2_a", "002_b", "zebra", "20240101120000_stamp", "99999999999999999999999_late"}) {
    plan(id, "", std::string("t_") + id);
  }
  EXPECT_THAT(order(),
              ElementsAre("002_b", "2_a", "10_b", "20240101120000_stamp", "99999999999999999999999_late", "zebra"));
}

TEST_F(PlanFolderTest, PassesOverOtherFilesAndRefusesOddNames) {
  plan("001_a");
  folder_.write(".hidden.toml", "x");
  folder_.write("README.md", "x");
  folder_.write("001_a.toml~", "x");
  EXPECT_EQ(problems(), "");
  folder_.write("a b.toml", plan_text("", "t"));
  EXPECT_THAT(problems(), HasSubstr("a b.toml: error: a plan's file name"));
}

TEST_F(PlanFolderTest, AnEmptyFolderIsNoProblemAMissingOneIs) {
  EXPECT_TRUE(load_plans(folder_.path()).ok());
  EXPECT_THAT(render(load_plans(folder_ / "none").problems), HasSubstr("cannot be read: No such file"));
}

TEST_F(PlanFolderTest, TellsOfAllFilesAtOnceAndKeepsThoseThatAreRight) {
  plan("001_a");
  folder_.write("002_bad.toml", "format = 1\n[[change]]\nop = \"x\"\n");
  folder_.write("003_empty.toml", "");
  std::filesystem::create_directory(folder_ / "004_folder.toml");
  plan("005_b", "\"002_bad\"");
  const auto loaded = load_plans(folder_.path());
  EXPECT_EQ(loaded.plans.size(), 2U);
  const std::string found = render(loaded.problems);
  EXPECT_THAT(found, HasSubstr("002_bad.toml:3:6"));
  EXPECT_THAT(found, HasSubstr("003_empty.toml: error: the file is empty"));
  EXPECT_THAT(found, HasSubstr("004_folder.toml: error: is a directory"));
  EXPECT_THAT(found, ::testing::Not(HasSubstr("there is no plan"))) << "002_bad is there, only wrong";
  EXPECT_NE(loaded.find({"005_b"}), nullptr);
}

TEST_F(PlanFolderTest, PointsAtARequirementThatDoesNotExist) {
  plan("001_initial");
  plan("002_b", "\"001_intial\"");
  const std::string found = problems();
  EXPECT_THAT(found, HasSubstr("002_b.toml:2:13: error: there is no plan \"001_intial\""));
  EXPECT_THAT(found, HasSubstr("did you mean \"001_initial\"?"));
}

TEST_F(PlanFolderTest, NamesTheCircle) {
  plan("001_a", "\"003_c\"");
  plan("002_b", "\"001_a\"");
  plan("003_c", "\"002_b\"");
  const auto found = load_plans(folder_.path()).problems;
  ASSERT_EQ(found.size(), 1U) << render(found);
  EXPECT_THAT(found[0].message, HasSubstr("001_a → 003_c → 002_b → 001_a"));
}

TEST_F(PlanFolderTest, RefusesARequirementThatRunsLater) {
  plan("001_a", "\"002_b\"");
  plan("002_b");
  EXPECT_THAT(problems(), HasSubstr("001_a requires 002_b, which runs after it"));
}

TEST_F(PlanFolderTest, TwoPlansThatFollowTheSameOneCollideOnACommonTable) {
  plan("001_a");
  plan("002_b", "\"001_a\"");
  plan("003_c", "\"001_a\"");
  EXPECT_THAT(problems(), HasSubstr("both claim to follow 001_a, and both touch t"));
  EXPECT_THAT(problems(), HasSubstr("`requires = [\"002_b\"]` in 003_c"));
  plan("003_c", "\"001_a\"", "other");
  EXPECT_EQ(problems(), "");
  plan("003_c", "\"001_a\", \"002_b\"");
  EXPECT_EQ(problems(), "");
  plan("002_b");
  plan("003_c");
  EXPECT_EQ(problems(), "") << "without `requires` the numbers decide";
}

TEST_F(PlanFolderTest, OneNumberTwiceIsAnErrorOnlyWhereItIsAmbiguous) {
  plan("001_a");
  plan("001_b");
  EXPECT_THAT(problems(), HasSubstr("have the same number and both touch t"));
  plan("001_b", "", "other");
  EXPECT_EQ(problems(), "");
  plan("001_b", "\"001_a\"");
  EXPECT_EQ(problems(), "");
}

TEST_F(PlanFolderTest, GivesEverythingThatAPlanRequires) {
  plan("001_a");
  plan("002_b", "\"001_a\"");
  plan("003_c", "", "other");
  plan("004_d", "\"002_b\"");
  const auto plans = load_plans(folder_.path()).plans;
  EXPECT_THAT(requires_closure(plans, {"004_d"}), ElementsAre(PlanId{"001_a"}, PlanId{"002_b"}));
  EXPECT_THAT(requires_closure(plans, {"003_c"}), IsEmpty());
}

TEST(PlanDiffersTest, SaysWhichStepsDiffer) {
  const std::string text = plan_text("", "t");
  EXPECT_EQ(plan_differs(text, text), "");
  EXPECT_EQ(plan_differs(text, "# x\n" + text), "only comments or layout");
  EXPECT_EQ(plan_differs(text, plan_text("", "u")), "changed additive/s");
  std::string renamed = text;
  renamed.replace(renamed.find("\"s\""), 3, "\"z\"");
  EXPECT_EQ(plan_differs(text, renamed), "removed additive/s; added additive/z");
  EXPECT_EQ(plan_differs(text, text + "[gate.additive]\napprove = true\n"), "changed the gate of additive");
  EXPECT_EQ(plan_differs(text, plan_text("\"000_a\"", "t")), "changed `requires`");
  EXPECT_THAT(plan_differs(text, "format = "), HasSubstr("cannot be read any more: not valid TOML"));
}

TEST(SamplePlansTest, AreReadAndSplitAsTheirCommentsSay) {
  const auto loaded = load_plans(testing::source_folder() / "migrations");
  ASSERT_TRUE(loaded.ok()) << render(loaded.problems);
  const auto steps = [&](const char* id, Phase phase) {
    std::vector<std::string> out;
    for (const auto& step : (*loaded.find({id}))[phase].steps) out.push_back(step.name);
    return out;
  };
  EXPECT_THAT(steps("001_initial", Phase::additive),
              ElementsAre("create_table tasks", "create_index idx_tasks_user_id", "create_index idx_tasks_created_at"));
  EXPECT_THAT(steps("001_initial", Phase::constraint), IsEmpty());
  EXPECT_THAT(steps("002_task_priority", Phase::additive), ElementsAre("add_column tasks.priority", "new rows"));
  EXPECT_THAT(steps("002_task_priority", Phase::backfill),
              ElementsAre("fill priority", "create_index idx_tasks_user_priority"));
  EXPECT_THAT(steps("002_task_priority", Phase::constraint), ElementsAre("priority required"));
  const auto& fill = (*loaded.find({"002_task_priority"}))[Phase::backfill].steps[0];
  EXPECT_EQ(std::get<BackfillBody>(fill.body).todo, Todo::fill_empty);
  EXPECT_THAT(steps("003_users", Phase::backfill), IsEmpty());
  EXPECT_THAT(steps("004_newest_first", Phase::constraint), ElementsAre("drop_index idx_tasks_user_id"));
}

}  // namespace
}  // namespace pgphase
