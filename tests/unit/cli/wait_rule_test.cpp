#include "orchestrator/cli/wait_rule.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "tests/unit/engine/plan_records.hpp"

namespace pgphase {
namespace {

using namespace testing;
using ::testing::HasSubstr;

const PlanId k_id{"002_task_priority"};

PlanRecord failed() {
  auto plan = recorded(priority_plan());
  finish(plan, Phase::additive, 1);
  plan[Phase::backfill].state = PhaseState::running;
  plan[Phase::backfill].steps[0].state = StepState::failed;
  plan[Phase::backfill].steps[0].error = "division by zero";
  return plan;
}

TEST(WaitRule, EndsWhenThePhaseIsDone) {
  EXPECT_EQ(wait_verdict(ledger_of({at_the_gate()}), k_id, Phase::backfill).exit, ExitCode::done);
}

TEST(WaitRule, WaitsThroughGatesAndPausesAndForPlansThatHaveNotStarted) {
  auto ledger = ledger_of({at_the_gate()});
  EXPECT_EQ(wait_verdict(ledger, k_id, Phase::constraint).exit, std::nullopt);
  EXPECT_EQ(wait_verdict(ledger, k_id, Phase::constraint).state, "waiting");
  ledger.requests = {pause_of(std::nullopt)};
  EXPECT_EQ(wait_verdict(ledger, k_id, Phase::constraint).exit, std::nullopt);
  EXPECT_EQ(wait_verdict(ledger, PlanId{"003_users"}, Phase::additive).exit, std::nullopt);
}

TEST(WaitRule, NamesTheStepThatFailed) {
  const auto verdict = wait_verdict(ledger_of({failed()}), k_id, Phase::constraint);
  EXPECT_EQ(verdict.exit, ExitCode::step_failed);
  EXPECT_THAT(verdict.why, HasSubstr("backfill/fill failed: division by zero"));
}

TEST(WaitRule, GivesWhoeverRunsItAgainAChance) {
  auto ledger = ledger_of({failed()});
  ledger.lease = live_lease();
  EXPECT_EQ(wait_verdict(ledger, k_id, Phase::backfill).exit, std::nullopt);
}

TEST(WaitRule, APhaseThatIsDoneIsDoneEvenIfALaterOneFailed) {
  EXPECT_EQ(wait_verdict(ledger_of({failed()}), k_id, Phase::additive).exit, ExitCode::done);
}

TEST(WaitRule, EndsAtAHoldAndNamesWhoHolds) {
  auto plan = finished_plan();
  roll_back(plan, Phase::constraint);
  plan.held = true;
  plan.hold_by = "eve@laptop as ops";
  plan.hold_reason = "error rate rose";
  const auto verdict = wait_verdict(ledger_of({plan}), k_id, Phase::constraint);
  EXPECT_EQ(verdict.exit, ExitCode::paused);
  EXPECT_THAT(verdict.why, HasSubstr("eve@laptop as ops: error rate rose"));
  plan.held = false;  // resumed: the next up does it
  EXPECT_EQ(wait_verdict(ledger_of({plan}), k_id, Phase::constraint).exit, std::nullopt);
}

}  // namespace
}  // namespace pgphase
