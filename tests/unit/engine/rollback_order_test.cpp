#include "orchestrator/engine/rollback_order.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "tests/unit/engine/plan_records.hpp"

namespace pgphase::testing {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;

PlanRecord standing(const std::string& id, std::int64_t position, const std::string& required = "") {
  auto plan = finished_plan();
  plan.plan.id = {id};
  plan.plan.requires_plans.clear();
  if (!required.empty()) plan.plan.requires_plans.push_back({required});
  plan.position = position;
  return plan;
}

// Works on a table of its own.
PlanRecord elsewhere(PlanRecord plan) {
  for (const auto phase : k_phases) {
    for (auto& step : plan.plan[phase].steps) step.touches = {{"public", "elsewhere"}};
  }
  return plan;
}

RollbackWishes phase_of(const std::string& plan, Phase phase) {
  RollbackWishes wishes;
  wishes.plan = PlanId{plan};
  wishes.phase = phase;
  return wishes;
}

RollbackWishes all_of(const std::string& plan) {
  RollbackWishes wishes;
  wishes.plan = PlanId{plan};
  return wishes;
}

TEST(RollbackOrder, OnePhaseAlone) {
  const auto order = rollback_order(ledger_of({standing("002", 1)}), phase_of("002", Phase::constraint));
  ASSERT_TRUE(order);
  EXPECT_THAT(*order, ElementsAre(PhaseToUndo{{"002"}, Phase::constraint}));
}

TEST(RollbackOrder, APhaseWithALaterOneOnItIsRefusedByName) {
  const auto order = rollback_order(ledger_of({standing("002", 1)}), phase_of("002", Phase::additive));
  ASSERT_FALSE(order);
  EXPECT_EQ(order.error().code, Errc::refused);
  EXPECT_THAT(order.error().message, HasSubstr("phase backfill"));
  EXPECT_THAT(order.error().message, HasSubstr("phase constraint"));
  EXPECT_THAT(order.error().next, HasSubstr("--with-later"));
}

TEST(RollbackOrder, WithLaterTakesThemLatestFirst) {
  auto wishes = phase_of("002", Phase::additive);
  wishes.with_later = true;
  const auto order = rollback_order(ledger_of({standing("002", 1), standing("003", 2, "002")}), wishes);
  ASSERT_TRUE(order);
  EXPECT_THAT(*order, ElementsAre(PhaseToUndo{{"003"}, Phase::constraint}, PhaseToUndo{{"003"}, Phase::backfill},
                                  PhaseToUndo{{"003"}, Phase::additive}, PhaseToUndo{{"002"}, Phase::constraint},
                                  PhaseToUndo{{"002"}, Phase::backfill}, PhaseToUndo{{"002"}, Phase::additive}));
}

TEST(RollbackOrder, AWholePlanNeedsNoWithLaterForItsOwnPhases) {
  const auto order = rollback_order(ledger_of({standing("002", 1)}), all_of("002"));
  ASSERT_TRUE(order);
  EXPECT_EQ(order->size(), 3U);
}

TEST(RollbackOrder, ALaterPlanThatTouchesTheTableStandsInTheWay) {
  const auto order = rollback_order(ledger_of({standing("002", 1), standing("003", 2)}), all_of("002"));
  ASSERT_FALSE(order);
  EXPECT_THAT(order.error().message, HasSubstr("plan 003"));
}

TEST(RollbackOrder, ALaterPlanThatHasNothingToDoWithItDoesNot) {
  EXPECT_TRUE(rollback_order(ledger_of({standing("002", 1), elsewhere(standing("003", 2))}), all_of("002")));
}

TEST(RollbackOrder, WhatBuildsOnAPlanThroughAnotherStandsInTheWayToo) {
  const auto middle = elsewhere(standing("003", 2, "002"));
  const auto last = elsewhere(standing("004", 3));  // shares its table with 003 only
  const auto order = rollback_order(ledger_of({standing("002", 1), middle, last}), all_of("002"));
  ASSERT_FALSE(order);
  EXPECT_THAT(order.error().message, HasSubstr("plan 004"));
}

TEST(RollbackOrder, ARolledBackLaterPlanIsNoObstacle) {
  auto later = standing("003", 2);
  for (const auto phase : k_phases) roll_back(later, phase);
  EXPECT_TRUE(rollback_order(ledger_of({standing("002", 1), later}), all_of("002")));
}

TEST(RollbackOrder, TheLastNCountsOnlyWhatStands) {
  auto last = standing("004", 3);
  for (const auto phase : k_phases) roll_back(last, phase);
  RollbackWishes wishes;
  wishes.last = 1;
  const auto order = rollback_order(ledger_of({standing("002", 1), standing("003", 2), last}), wishes);
  ASSERT_TRUE(order);
  ASSERT_FALSE(order->empty());
  for (const auto& item : *order) EXPECT_EQ(item.plan, PlanId{"003"});
}

TEST(RollbackOrder, NothingStandsIsNoError) {
  auto plan = standing("002", 1);
  for (const auto phase : k_phases) roll_back(plan, phase);
  const auto order = rollback_order(ledger_of({plan}), all_of("002"));
  ASSERT_TRUE(order);
  EXPECT_TRUE(order->empty());
}

TEST(RollbackOrder, AnUnknownPlanIsRefused) {
  EXPECT_EQ(rollback_order(ledger_of({}), all_of("009")).error().code, Errc::refused);
}

TEST(RollbackOrder, AnIrreversibleStepThatRanIsRefusedBeforeAnythingIsTouched) {
  auto plan = standing("002", 1);
  plan.plan[Phase::backfill].steps[0].irreversible = "old values are gone";
  auto order = rollback_order(ledger_of({plan}), all_of("002"));
  ASSERT_FALSE(order);
  EXPECT_THAT(order.error().message, HasSubstr("old values are gone"));

  plan[Phase::backfill].steps[0].state = StepState::skipped;
  EXPECT_TRUE(rollback_order(ledger_of({plan}), all_of("002"))) << "skipped by hand: it is left as it is";
}

TEST(RollbackOrder, PhasesWithoutStepsAreEndedToo) {
  auto plan = standing("002", 1);
  plan.plan[Phase::additive].steps.clear();
  plan[Phase::additive].steps.clear();
  plan[Phase::backfill].state = plan[Phase::constraint].state = PhaseState::rolled_back;
  for (const auto state : {PhaseState::done, PhaseState::rolling_back}) {
    plan[Phase::additive].state = state;
    plan.held = false;
    EXPECT_TRUE(rollback_order(ledger_of({plan}), all_of("002"))->empty()) << "nobody has begun to";
    plan.held = true;
    EXPECT_THAT(*rollback_order(ledger_of({plan}), all_of("002")), ElementsAre(PhaseToUndo{{"002"}, Phase::additive}));
  }
}

TEST(RollbackOrder, ASealedPhaseIsRefused) {
  auto plan = standing("002", 1);
  plan[Phase::constraint].state = PhaseState::sealed;
  plan[Phase::constraint].sealed_at = at_minute(0);
  plan[Phase::constraint].sealed_by = "ada@build-7";
  plan[Phase::constraint].sealed_what = "column tasks.priority (12 MiB)";
  const auto error = rollback_order(ledger_of({plan}), all_of("002")).error();
  EXPECT_EQ(error.message,
            "phase constraint of 002 is sealed: ada@build-7 purged column tasks.priority (12 MiB) at "
            "2026-03-01T12:00:00Z");
  EXPECT_THAT(error.next, HasSubstr("backups"));
}

}  // namespace
}  // namespace pgphase::testing
