#include "orchestrator/cli/drift_view.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <boost/json.hpp>

namespace pgphase {
namespace {

using Kind = Difference::Kind;
using ::testing::HasSubstr;
using ::testing::Not;

class DriftView : public ::testing::Test {
 protected:
  DriftView() {
    since.plan = PlanId{"002_task_priority"};
    since.phase = Phase::constraint;
    since.taken_at = ServerTime(std::chrono::seconds(1772366400));
    since.server_version = 150004;
  }
  DriftInput input() const { return {since, ledger, differences, server_version}; }
  std::string text(DriftLength length = DriftLength::a_screenful) const { return drift_text(input(), length); }

  void index_is_missing(const std::string& name, const std::string& table) {
    differences.push_back({Kind::missing, {"index", "public." + name}, "", "", "", "public." + table});
  }

  Baseline since;
  LedgerView ledger;
  std::vector<Difference> differences;
  int server_version = 150004;
};

TEST_F(DriftView, SaysSinceWhenNothingHasChanged) {
  EXPECT_EQ(text(), "no drift since constraint of 002_task_priority at 2026-03-01T12:00:00Z\n");
  since.moment = BaselineMoment::back;
  EXPECT_EQ(text(), "no drift since the rollback of constraint of 002_task_priority at 2026-03-01T12:00:00Z\n");
  since.moment = BaselineMoment::stamped;
  EXPECT_EQ(text(), "no drift since 002_task_priority was stamped at 2026-03-01T12:00:00Z\n");
}

TEST_F(DriftView, ListsDifferencesTableByTable) {
  index_is_missing("a_1", "a");
  index_is_missing("a_2", "a");
  index_is_missing("b_1", "b");
  EXPECT_EQ(text(),
            "3 differences since constraint of 002_task_priority at 2026-03-01T12:00:00Z\n"
            "\n"
            "  index a_1 on a is missing\n"
            "  index a_2 on a is missing\n"
            "\n"
            "  index b_1 on b is missing\n");
}

TEST_F(DriftView, CutsAfterAScreenful) {
  for (int i = 0; i < 41; ++i) index_is_missing("i" + std::to_string(i), "a");
  EXPECT_THAT(text(), HasSubstr("41 differences since"));
  EXPECT_THAT(text(), Not(HasSubstr("index i40 on a")));
  EXPECT_THAT(text(), HasSubstr("\n  and 1 more: pgphase drift --all\n"));
  EXPECT_THAT(text(DriftLength::all), HasSubstr("index i40 on a"));
  EXPECT_EQ(drift_json(input()).at("differences").as_array().size(), 41U);
}

TEST_F(DriftView, NamesThePhaseThatIsHalfWay) {
  PlanRecord plan;
  plan.plan.id = PlanId{"003_users"};
  plan[Phase::additive].state = PhaseState::done;
  plan[Phase::backfill].state = PhaseState::rolling_back;
  ledger.plans.push_back(plan);
  EXPECT_THAT(text(), HasSubstr("\nbackfill of 003_users is not finished ("));
  EXPECT_THAT(text(), Not(HasSubstr("additive of 003_users")));
  const auto unfinished = drift_json(input()).at("unfinished").as_array();
  ASSERT_EQ(unfinished.size(), 1U);
  EXPECT_EQ(unfinished[0].at("plan").as_string(), "003_users");
  EXPECT_EQ(unfinished[0].at("phase").as_string(), "backfill");
}

TEST_F(DriftView, SaysWhenTheServerIsAnotherVersion) {
  EXPECT_THAT(text(), Not(HasSubstr("PostgreSQL")));
  server_version = 150009;
  EXPECT_THAT(text(), Not(HasSubstr("PostgreSQL")));
  server_version = 180001;
  EXPECT_THAT(text(), HasSubstr("the snapshot is of PostgreSQL 15, this is 18"));
}

}  // namespace
}  // namespace pgphase
