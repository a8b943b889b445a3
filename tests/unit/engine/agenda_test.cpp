#include "orchestrator/engine/agenda.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "plans/split/split.hpp"
#include "tests/unit/engine/plan_records.hpp"

namespace pgphase::testing {
namespace {

using ::testing::HasSubstr;

PhasedPlan plan_from(const std::string& id, const std::string& text) {
  auto plan = read_phased_plan({id}, text, id + ".toml");
  if (!plan) throw std::runtime_error(to_error(plan.error()).text());
  return *plan;
}

std::string column_plan(const std::string& type, const std::string& second = "") {
  std::string text = "format = 1\ndescription = \"d\"\n[[additive]]\nname = \"a\"\nsql = \"ALTER TABLE t ADD COLUMN a " + type +
                     "\"\nrollback = \"ALTER TABLE t DROP COLUMN a\"\n";
  if (!second.empty()) {
    text += "[[additive]]\nname = \"b\"\nsql = \"ALTER TABLE t ADD COLUMN b " + second +
            "\"\nrollback = \"ALTER TABLE t DROP COLUMN b\"\n";
  }
  return text;
}

std::vector<std::string> ids(const std::vector<AgendaItem>& agenda) {
  std::vector<std::string> names;
  for (const auto& item : agenda) names.push_back(item.id.value);
  return names;
}

class AgendaTest : public ::testing::Test {
 protected:
  const PhasedPlan one = plan_from("001", column_plan("int"));
  const PhasedPlan two = plan_from("002", "format = 1\ndescription = \"d\"\nrequires = [\"001\"]\n" +
                                              column_plan("int").substr(std::string("format = 1\ndescription = \"d\"\n").size()));

  static PlanRecord done(const PhasedPlan& plan) {
    auto record = recorded(plan);
    for (const auto phase : k_phases) finish(record, phase, 1);
    record.finished_at = at_minute(1);
    return record;
  }

  // The additive phase runs; its first `steps` steps are done.
  static PlanRecord begun(const PhasedPlan& plan, std::size_t steps) {
    auto record = recorded(plan);
    record[Phase::additive].state = PhaseState::running;
    for (std::size_t i = 0; i < steps; ++i) record[Phase::additive].steps[i].state = StepState::done;
    return record;
  }
};

TEST_F(AgendaTest, NewPlansAreRecordedInTheFoldersOrder) {
  const std::vector<PhasedPlan> folder{one, two};
  const auto agenda = make_agenda(folder, LedgerView{}, {});
  ASSERT_TRUE(agenda);
  EXPECT_THAT(ids(*agenda), ::testing::ElementsAre("001", "002"));
  EXPECT_EQ((*agenda)[0].record, &folder[0]);
}

TEST_F(AgendaTest, FinishedPlansAreLeftOut) {
  const std::vector<PhasedPlan> folder{one, two};
  const auto agenda = make_agenda(folder, ledger_of({done(one)}), {});
  ASSERT_TRUE(agenda);
  EXPECT_THAT(ids(*agenda), ::testing::ElementsAre("002"));
}

TEST_F(AgendaTest, AStartedPlanThatTheFolderLacksGoesOnFromTheLedger) {
  const std::vector<PhasedPlan> folder{two};
  const auto agenda = make_agenda(folder, ledger_of({begun(one, 1)}), {});
  ASSERT_TRUE(agenda);
  ASSERT_THAT(ids(*agenda), ::testing::ElementsAre("001", "002"));
  EXPECT_EQ((*agenda)[0].record, nullptr);
}

TEST_F(AgendaTest, APlanOfWhichNothingStandsAndWhoseFileIsGoneRunsOnlyWhenNamed) {
  auto undone = begun(one, 1);
  roll_back(undone, Phase::additive);
  undone.held = true;
  const auto ledger = ledger_of({undone});
  const auto all = make_agenda({}, ledger, {});
  ASSERT_TRUE(all);
  EXPECT_TRUE(all->empty());
  const auto named = make_agenda({}, ledger, {PlanId{"001"}, false});
  ASSERT_TRUE(named);
  EXPECT_THAT(ids(*named), ::testing::ElementsAre("001"));
  const std::vector<PhasedPlan> folder{one};
  const auto with_its_file = make_agenda(folder, ledger, {});
  ASSERT_TRUE(with_its_file);
  EXPECT_THAT(ids(*with_its_file), ::testing::ElementsAre("001"));
}

TEST_F(AgendaTest, ANamedPlanWhoseRequirementIsNotDoneIsRefused) {
  const std::vector<PhasedPlan> folder{one, two};
  const auto agenda = make_agenda(folder, LedgerView{}, {PlanId{"002"}, false});
  ASSERT_FALSE(agenda);
  EXPECT_EQ(agenda.error().code, Errc::refused);
  EXPECT_THAT(agenda.error().message, HasSubstr("requires 001"));
}

TEST_F(AgendaTest, AnUnknownPlanIsRefused) {
  EXPECT_EQ(make_agenda({}, LedgerView{}, {PlanId{"nope"}, false}).error().code, Errc::refused);
}

TEST_F(AgendaTest, CommentsMayChangeAtAnyTime) {
  const std::vector<PhasedPlan> folder{plan_from("001", "# explained\n" + column_plan("int"))};
  EXPECT_TRUE(make_agenda(folder, ledger_of({done(one)}), {}));
}

TEST_F(AgendaTest, APlanThatHasNotRunTakesItsNewText) {
  const std::vector<PhasedPlan> folder{plan_from("001", column_plan("bigint"))};
  const auto agenda = make_agenda(folder, ledger_of({recorded(one)}), {});
  ASSERT_TRUE(agenda);
  EXPECT_EQ((*agenda)[0].record, &folder[0]);
}

TEST_F(AgendaTest, AnEditAfterItStartedIsRejectedAndSaysWhatDiffers) {
  const std::vector<PhasedPlan> folder{plan_from("001", column_plan("bigint"))};
  const auto agenda = make_agenda(folder, ledger_of({begun(one, 1)}), {});
  ASSERT_FALSE(agenda);
  EXPECT_EQ(agenda.error().code, Errc::plan_rejected);
  EXPECT_THAT(agenda.error().message, HasSubstr("additive/a"));
  EXPECT_THAT(agenda.error().next, HasSubstr("--accept-edit"));
}

TEST_F(AgendaTest, AnEditOfAFinishedPlanIsRejectedEvenIfAccepted) {
  const std::vector<PhasedPlan> folder{plan_from("001", column_plan("bigint"))};
  EXPECT_FALSE(make_agenda(folder, ledger_of({done(one)}), {PlanId{"001"}, true}));
}

TEST_F(AgendaTest, AnAcceptedEditMayChangeWhatHasNotRunOnly) {
  const auto started = plan_from("001", column_plan("int", "int"));
  const std::vector<PhasedPlan> later_step_edited{plan_from("001", column_plan("int", "bigint"))};
  EXPECT_TRUE(make_agenda(later_step_edited, ledger_of({begun(started, 1)}), {PlanId{"001"}, true}));
  const std::vector<PhasedPlan> finished_step_edited{plan_from("001", column_plan("bigint", "int"))};
  const auto refused = make_agenda(finished_step_edited, ledger_of({begun(started, 1)}), {PlanId{"001"}, true});
  ASSERT_FALSE(refused);
  EXPECT_THAT(refused.error().next, HasSubstr("additive/a"));
}

TEST_F(AgendaTest, OnlyRequirementsAndCommonTablesBuildOnAPlan) {
  EXPECT_TRUE(builds_on(two, one));
  auto apart = plan_from("003", "format = 1\ndescription = \"d\"\n[[additive]]\nname = \"x\"\nsql = \"ALTER TABLE other ADD "
                                "COLUMN x int\"\nrollback = \"ALTER TABLE other DROP COLUMN x\"\n");
  EXPECT_FALSE(builds_on(apart, one));
}

}  // namespace
}  // namespace pgphase::testing
