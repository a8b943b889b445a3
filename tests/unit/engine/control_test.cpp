#include "orchestrator/engine/control.hpp"

#include <gtest/gtest.h>

#include "orchestrator/engine/gate.hpp"
#include "orchestrator/engine/step_runner.hpp"
#include "phases/gates/conditions.hpp"
#include "tests/unit/engine/plan_records.hpp"

namespace pgphase::testing {
namespace {

RequestRecord request(RequestKind kind, std::optional<PlanId> plan, int minute, bool now = false) {
  auto made = pause_of(std::move(plan), minute);
  made.kind = kind;
  made.cancel_now = now;
  return made;
}

class ControlTest : public ::testing::Test {
 protected:
  ControlTest() { control.plan = {"002"}; }
  Control control;
};

TEST_F(ControlTest, NothingAsksToStop) {
  EXPECT_FALSE(control.reason_to_stop());
  EXPECT_FALSE(control.cancel_wanted());
}

TEST_F(ControlTest, APauseOfThisPlanOrOfAllStopsIt) {
  control.requests = {request(RequestKind::pause, PlanId{"002"}, 1)};
  EXPECT_EQ(control.reason_to_stop(), StopReason::paused);
  control.requests = {request(RequestKind::pause, std::nullopt, 1)};
  EXPECT_EQ(control.reason_to_stop(), StopReason::paused);
  control.requests = {request(RequestKind::pause, PlanId{"003"}, 1)};
  EXPECT_FALSE(control.reason_to_stop());
}

TEST_F(ControlTest, APauseOlderThanTheRollbackDoesNotStopIt) {
  control.pauses_count_from = at_minute(10);
  control.requests = {request(RequestKind::pause, PlanId{"002"}, 5, true)};
  EXPECT_FALSE(control.reason_to_stop());
  EXPECT_FALSE(control.cancel_wanted());
  control.requests = {request(RequestKind::pause, PlanId{"002"}, 11, true)};
  EXPECT_EQ(control.reason_to_stop(), StopReason::paused);
  EXPECT_TRUE(control.cancel_wanted());
}

TEST_F(ControlTest, AStopIsMeantForWhoeverHeldTheLeaseThen) {
  control.requests = {request(RequestKind::stop, std::nullopt, 5)};
  EXPECT_EQ(control.reason_to_stop(), StopReason::interrupted);
  control.stops_count_from = at_minute(6);
  EXPECT_FALSE(control.reason_to_stop());
}

TEST_F(ControlTest, OneSignalStopsASecondCancels) {
  control.signals = 1;
  EXPECT_EQ(control.reason_to_stop(), StopReason::interrupted);
  EXPECT_FALSE(control.cancel_wanted());
  control.signals = 2;
  EXPECT_TRUE(control.cancel_wanted());
}

TEST_F(ControlTest, ADeadlineThatPassedInterrupts) {
  control.deadline = std::chrono::steady_clock::now() - std::chrono::seconds(1);
  EXPECT_EQ(control.reason_to_stop(), StopReason::interrupted);
  control.deadline = std::chrono::steady_clock::now() + std::chrono::hours(1);
  EXPECT_FALSE(control.reason_to_stop());
}

TEST(Gate, WaitCountsFromTheEndOfThePhaseBefore) {
  auto plan = at_the_gate();  // backfill ended at minute 10
  auto& gate = plan.plan[Phase::constraint].gate;
  gate.approve = false;
  gate.wait = std::chrono::minutes(30);
  const auto shut = shut_by_ledger(plan, Phase::constraint, {}, at_minute(39));
  ASSERT_EQ(shut.size(), 1U);
  EXPECT_EQ(shut[0].kind, "wait");
  EXPECT_TRUE(shut_by_ledger(plan, Phase::constraint, {}, at_minute(40)).empty());
}

TEST(Gate, AnApprovalCountsForThisSplitAndGenerationAfterTheGateWasReached) {
  const auto plan = at_the_gate();
  auto approval = request(RequestKind::approve, plan.plan.id, 11);
  approval.phase = Phase::constraint;
  approval.split_sha256 = plan.plan.split_sha256;
  approval.generation = plan.generation;
  const auto open = [&](const RequestRecord& given) {
    return shut_by_ledger(plan, Phase::constraint, {given}, at_minute(12)).empty();
  };
  EXPECT_TRUE(open(approval));

  auto early = approval;
  early.requested_at = at_minute(9);
  EXPECT_FALSE(open(early)) << "given before the backfill was done";
  auto edited = approval;
  edited.split_sha256 = "another";
  EXPECT_FALSE(open(edited));
  auto before_rollback = approval;
  before_rollback.generation = plan.generation - 1;
  EXPECT_FALSE(open(before_rollback));
  auto other_phase = approval;
  other_phase.phase = Phase::backfill;
  EXPECT_FALSE(open(other_phase));
  auto other_plan = approval;
  other_plan.plan = PlanId{"003"};
  EXPECT_FALSE(open(other_plan));
}

Window window(unsigned days, int from, int to) {
  Window made;
  made.days = days;
  made.from = std::chrono::minutes(from);
  made.to = std::chrono::minutes(to);
  return made;
}

constexpr unsigned k_monday_to_friday = 0b0011111;

TEST(GateWindow, WithinADay) {
  const auto day = window(k_monday_to_friday, 9 * 60, 17 * 60);
  EXPECT_FALSE(window_contains(day, 1, 9 * 60 - 1));
  EXPECT_TRUE(window_contains(day, 1, 9 * 60));
  EXPECT_TRUE(window_contains(day, 5, 17 * 60 - 1));
  EXPECT_FALSE(window_contains(day, 5, 17 * 60));
  EXPECT_FALSE(window_contains(day, 6, 12 * 60));
}

TEST(GateWindow, OverMidnightBelongsToTheDayOnWhichItOpens) {
  const auto night = window(k_monday_to_friday, 22 * 60, 6 * 60);
  EXPECT_TRUE(window_contains(night, 5, 23 * 60)) << "Friday night";
  EXPECT_TRUE(window_contains(night, 6, 5 * 60)) << "goes on until Saturday morning";
  EXPECT_FALSE(window_contains(night, 6, 23 * 60)) << "Saturday night";
  EXPECT_FALSE(window_contains(night, 1, 5 * 60)) << "Sunday's night does not open";
  EXPECT_FALSE(window_contains(night, 3, 12 * 60));
}

TEST(GateWindow, AllDay) {
  const auto all = window(0b1100000, 0, 24 * 60);
  EXPECT_TRUE(window_contains(all, 6, 0));
  EXPECT_TRUE(window_contains(all, 7, 24 * 60 - 1));
  EXPECT_FALSE(window_contains(all, 1, 0));
}

TEST(FirstUndoStatement, PairsFromTheEndWhenThereAreAsMany) {
  EXPECT_EQ(first_undo_statement(3, 3, 3), 0U);
  EXPECT_EQ(first_undo_statement(3, 3, 1), 2U);
  EXPECT_EQ(first_undo_statement(3, 3, 0), 3U) << "nothing happened, nothing to undo";
}

TEST(FirstUndoStatement, RunsAllOfADifferentCount) {
  EXPECT_EQ(first_undo_statement(4, 2, 1), 0U);
  EXPECT_EQ(first_undo_statement(4, 2, 4), 0U);
  EXPECT_EQ(first_undo_statement(4, 2, 0), 2U);
}

}  // namespace
}  // namespace pgphase::testing
