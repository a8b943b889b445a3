#include "phases/purge/verdict.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "tests/unit/engine/plan_records.hpp"

namespace pgphase::testing {
namespace {

using namespace std::chrono_literals;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using Kind = Verdict::Kind;

RetiredThing column_retired_by(Phase phase, ServerTime at) {
  RetiredThing thing;
  thing.record = {7,          {{"002_task_priority"}, phase, "drop"},
                  "column",   {"public", "tasks"},
                  "priority", "_pgphase_retired_7",
                  "{}",       0,
                  at};
  thing.place = thing.record.table;
  return thing;
}

StoredLink link_at_work() {
  StoredLink stored;
  stored.table = {"public", "tasks"};
  stored.link.flow = SyncLink::Flow::to_sources;
  return stored;
}

PlanRecord rolled_back_plan() {
  auto plan = finished_plan();
  for (auto& phase : plan.phases) phase.state = PhaseState::rolled_back;
  plan.finished_at.reset();
  return plan;
}

Remains remains_of(std::vector<RetiredThing> things) {
  return {{"002_task_priority"}, std::move(things), {}, {}};
}

TEST(PurgeVerdict, TheRetentionCountsFromWhenThePlanWasDone) {
  auto plan = finished_plan();
  plan.finished_at = at_minute(30);
  const auto remains = remains_of({column_retired_by(Phase::constraint, at_minute(10))});
  const auto early = verdict_on(plan, remains, at_minute(89), 1h);
  EXPECT_EQ(early.kind, Kind::too_young);
  EXPECT_EQ(early.due, at_minute(90));
  EXPECT_EQ(verdict_on(plan, remains, at_minute(90), 1h).kind, Kind::may_go);
}

TEST(PurgeVerdict, WhatAnotherPlanStillFollowsWaitsForIt) {
  auto thing = column_retired_by(Phase::constraint, at_minute(10));
  thing.followed_by = "005_later";
  const auto verdict = verdict_on(finished_plan(), remains_of({thing}), at_minute(500), 1h);
  EXPECT_EQ(verdict.kind, Kind::in_the_way);
  EXPECT_THAT(verdict.why, HasSubstr("pgphase purge 005_later"));
}

TEST(PurgeVerdict, OfARolledBackPlanTheYoungestDecides) {
  const auto remains = remains_of(
      {column_retired_by(Phase::additive, at_minute(10)), column_retired_by(Phase::additive, at_minute(40))});
  EXPECT_EQ(verdict_on(rolled_back_plan(), remains, at_minute(99), 1h).kind, Kind::too_young);
  const auto due = verdict_on(rolled_back_plan(), remains, at_minute(100), 1h);
  EXPECT_EQ(due.kind, Kind::may_go);
  EXPECT_TRUE(due.forgets);
  EXPECT_THAT(due.seals, IsEmpty()) << "there is nothing to roll back";
}

TEST(PurgeVerdict, APlanUnderWayIsLeftAlone) {
  for (const auto state :
       {PhaseState::pending, PhaseState::running, PhaseState::rolling_back, PhaseState::rolled_back}) {
    auto plan = finished_plan();
    plan[Phase::constraint].state = state;
    const auto verdict =
        verdict_on(plan, remains_of({column_retired_by(Phase::additive, at_minute(0))}), at_minute(99), 0ms);
    EXPECT_EQ(verdict.kind, Kind::in_the_way) << static_cast<int>(state);
    EXPECT_THAT(verdict.why, HasSubstr("is under way"));
  }
}

TEST(PurgeVerdict, ASealedPhaseCountsAsDone) {
  auto plan = finished_plan();
  plan[Phase::constraint].state = PhaseState::sealed;
  const auto remains = remains_of({column_retired_by(Phase::constraint, at_minute(0))});
  EXPECT_EQ(verdict_on(plan, remains, at_minute(99), 0ms).kind, Kind::may_go) << "what a cut-off purge has left";
}

TEST(PurgeVerdict, SealsThePhaseThatRetiredItAndThoseBefore) {
  const auto of_additive = remains_of({column_retired_by(Phase::additive, at_minute(0))});
  EXPECT_THAT(verdict_on(finished_plan(), of_additive, at_minute(99), 0ms).seals, ElementsAre(Phase::additive));
  const auto of_constraint = remains_of({column_retired_by(Phase::constraint, at_minute(0))});
  EXPECT_THAT(verdict_on(finished_plan(), of_constraint, at_minute(99), 0ms).seals,
              ElementsAre(Phase::additive, Phase::backfill, Phase::constraint));
}

TEST(PurgeVerdict, TriggersThatGoOnBehindAPlanAreForTheWayBackOfItsConstraints) {
  auto remains = remains_of({});
  remains.links = {link_at_work()};
  EXPECT_THAT(verdict_on(finished_plan(), remains, at_minute(99), 0ms).seals,
              ElementsAre(Phase::additive, Phase::backfill, Phase::constraint));
}

TEST(PurgeVerdict, WhatWentOutOfSightWithItsTableWaitsForIt) {
  auto column = column_retired_by(Phase::constraint, at_minute(0));
  column.place = TableName{"pgphase_retired", "_pgphase_9_tasks"};
  column.retired_with = "005_drop_tasks";
  const auto verdict = verdict_on(finished_plan(), remains_of({column}), at_minute(99), 0ms);
  EXPECT_EQ(verdict.kind, Kind::in_the_way);
  EXPECT_THAT(verdict.why, HasSubstr("005_drop_tasks"));

  auto linked = remains_of({});
  linked.links = {link_at_work()};
  linked.links_retired_with = "005_drop_tasks";
  EXPECT_EQ(verdict_on(finished_plan(), linked, at_minute(99), 0ms).kind, Kind::in_the_way);
}

}  // namespace
}  // namespace pgphase::testing
