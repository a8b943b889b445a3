#include "orchestrator/cli/status_view.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <boost/json.hpp>

#include "tests/unit/engine/plan_records.hpp"

namespace pgphase {
namespace {

using namespace testing;
using ::testing::AllOf;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::Not;

StatusInput input_of(LedgerView ledger) {
  StatusInput input;
  input.target = "app on db:5432 as alice";
  input.ledger = std::move(ledger);
  return input;
}

PlanRecord filling() {
  auto plan = recorded(priority_plan());
  finish(plan, Phase::additive, 1);
  plan[Phase::backfill].state = PhaseState::running;
  plan[Phase::backfill].started_at = at_minute(2);
  plan[Phase::backfill].steps[0].state = StepState::running;
  plan.backfills = {{"fill", "scan", 1000, 250, 300000, 1000000, 10.0}};
  return plan;
}

// What other programs rely on: names, places and kinds of values as the product says them.
TEST(StatusJson, HasTheShapeThatProgramsRelyOn) {
  auto plan = at_the_gate();
  plan.backfills = {{"fill", "done", 1000, 1000, 480000, 1000000, 999.0}};
  plan[Phase::backfill].started_at = at_minute(9);  // a minute before it finished
  const auto json = status_json(input_of(ledger_of({plan})));
  const auto& first = json.at("plans").at(0);
  EXPECT_EQ(first.at("id"), "002_task_priority");
  EXPECT_EQ(first.at("state"), "at_gate");
  const auto& phases = first.at("phases").as_array();
  ASSERT_EQ(phases.size(), 3u);
  EXPECT_EQ(phases[0].at("name"), "additive");
  EXPECT_EQ(phases[0].at("state"), "done");
  EXPECT_EQ(phases[0].at("steps").at(0).at("name"), "add_column tasks.priority");
  EXPECT_EQ(phases[0].at("steps").at(0).at("state"), "done");
  EXPECT_EQ(phases[1].at("progress").at("rows_done"), 480000);
  EXPECT_EQ(phases[1].at("progress").at("rows_total"), 480000);
  EXPECT_EQ(phases[1].at("progress").at("rows_per_second"), 8000.0);
  EXPECT_EQ(phases[1].at("progress").at("eta_seconds"), 0);
  EXPECT_TRUE(phases[1].at("progress").at("throttled_by").is_null());
  EXPECT_EQ(phases[2].at("state"), "waiting");
  EXPECT_EQ(boost::json::serialize(phases[2].at("gate")), R"(["approve"])");
  EXPECT_EQ(json.at("database"), "app on db:5432 as alice");
  EXPECT_TRUE(json.at("lease").is_null());
  EXPECT_TRUE(json.at("retired").as_array().empty());
  EXPECT_TRUE(json.at("pauses").as_array().empty());
}

TEST(StatusJson, ListsPlansOfTheFolderThatHaveNotStartedAfterThoseThatHave) {
  auto input = input_of(ledger_of({finished_plan()}));
  input.folder = {priority_plan(), priority_plan("003_users")};
  const auto json = status_json(input);
  ASSERT_EQ(json.at("plans").as_array().size(), 2u);
  EXPECT_EQ(json.at("plans").at(0).at("state"), "done");
  EXPECT_EQ(json.at("plans").at(1).at("id"), "003_users");
  EXPECT_EQ(json.at("plans").at(1).at("state"), "pending");
  EXPECT_EQ(json.at("plans").at(1).at("phases").at(0).at("steps").at(0).at("state"), "pending");
}

TEST(StatusJson, TellsAnEditedPlan) {
  auto input = input_of(ledger_of({at_the_gate()}));
  input.folder = {priority_plan()};
  EXPECT_EQ(status_json(input).at("plans").at(0).at("edited"), false);
  input.folder[0].split_sha256 = "split-2";
  EXPECT_EQ(status_json(input).at("plans").at(0).at("edited"), true);
}

TEST(Progress, OfARunningBackfillEstimatesByPages) {
  auto ledger = ledger_of({filling()});
  ledger.lease = live_lease();
  const auto progress = progress_of(ledger.plans[0], ledger);
  ASSERT_TRUE(progress);
  EXPECT_EQ(progress->rows_done, 300000);
  EXPECT_EQ(progress->rows_total, 1000000);
  EXPECT_DOUBLE_EQ(*progress->rows_per_second, 30000);
  EXPECT_DOUBLE_EQ(*progress->eta_seconds, 30);  // 10 s for a quarter of the pages
  EXPECT_DOUBLE_EQ(*progress->share, 0.25);
}

TEST(Progress, WhereNobodyWorksHasNoSpeedAndNoEnd) {
  auto ledger = ledger_of({filling()});
  ledger.requests = {pause_of(std::nullopt)};
  const auto progress = progress_of(ledger.plans[0], ledger);
  EXPECT_EQ(progress->rows_per_second, 0);
  EXPECT_FALSE(progress->eta_seconds);
}

TEST(Progress, DoesNotInventATotal) {
  auto ledger = ledger_of({filling()});
  ledger.lease = live_lease();
  ledger.plans[0].backfills[0].rows_estimate = 0;
  EXPECT_FALSE(progress_of(ledger.plans[0], ledger)->rows_total);

  // A second fill that has not begun: nobody knows how large it is.
  auto two = filling();
  two.plan[Phase::backfill].steps.push_back(fill_step("more"));
  EXPECT_FALSE(progress_of(two, ledger)->rows_total);
  EXPECT_FALSE(progress_of(two, ledger)->eta_seconds);
}

TEST(Card, AtAGateSaysHowToGoOnAndWhatGoingBackKeeps) {
  const auto ledger = ledger_of({at_the_gate()});
  const auto card = incident_card(ledger.plans[0], ledger);
  ASSERT_TRUE(card);
  EXPECT_THAT(card->now, AllOf(HasSubstr("at the gate before constraint"), HasSubstr("backfill is done"),
                               HasSubstr("constraint has changed nothing yet")));
  EXPECT_THAT(card->go_on,
              ElementsAre("pgphase approve 002_task_priority --phase constraint", "pgphase up 002_task_priority"));
  EXPECT_EQ(card->go_back, "pgphase rollback 002_task_priority --phase backfill");
  EXPECT_THAT(card->keeps, ::testing::Contains(HasSubstr("the values in tasks")));
}

TEST(Card, AskForNoApprovalThatWasGiven) {
  auto ledger = ledger_of({at_the_gate()});
  ledger.requests = {approval_of(ledger.plans[0], Phase::constraint, 12)};
  EXPECT_THAT(incident_card(ledger.plans[0], ledger)->go_on, ElementsAre("pgphase up 002_task_priority"));
}

TEST(Card, OfAFailedStepGoesBackThroughItsOwnPhase) {
  auto plan = finished_plan();
  plan.finished_at.reset();
  plan[Phase::constraint].state = PhaseState::running;
  plan[Phase::constraint].steps[0].state = StepState::failed;
  plan[Phase::constraint].steps[0].part = 1;
  const auto ledger = ledger_of({plan});
  const auto card = incident_card(plan, ledger);
  EXPECT_THAT(card->now, HasSubstr("step constraint/required failed"));
  EXPECT_THAT(card->go_on, ElementsAre("pgphase up 002_task_priority"));
  EXPECT_EQ(card->go_back, "pgphase rollback 002_task_priority --phase constraint");
}

TEST(Card, OfAFailedUndoNamesBothWays) {
  auto plan = finished_plan();
  plan.finished_at.reset();
  plan.held = true;
  plan[Phase::constraint].state = PhaseState::rolling_back;
  plan[Phase::constraint].steps[0].state = StepState::undo_failed;
  const auto ledger = ledger_of({plan});
  const auto card = incident_card(plan, ledger);
  EXPECT_THAT(card->now, AllOf(HasSubstr("undoing step constraint/required failed"),
                               HasSubstr("constraint is on the way back, 1 of 1 steps stand")));
  EXPECT_THAT(card->go_on, ElementsAre("pgphase up 002_task_priority"));
  EXPECT_EQ(card->go_back, "pgphase rollback 002_task_priority --phase constraint");
}

TEST(Card, LiftsTheVeryPauseThatIsInForce) {
  auto ledger = ledger_of({filling()});
  ledger.requests = {pause_of(PlanId{"002_task_priority"})};
  EXPECT_EQ(incident_card(ledger.plans[0], ledger)->go_on[0], "pgphase resume 002_task_priority");
  ledger.requests = {pause_of(std::nullopt)};  // a freeze: naming a plan would not lift it
  EXPECT_EQ(incident_card(ledger.plans[0], ledger)->go_on[0], "pgphase resume");
}

TEST(Card, OffersNoWayBackThatWouldBeRefused) {
  auto plan = at_the_gate();
  plan.plan[Phase::backfill].steps[1].irreversible = "the old index is of no use";
  const auto ledger = ledger_of({plan});
  const auto card = incident_card(plan, ledger);
  EXPECT_EQ(card->go_back, "");
  EXPECT_THAT(card->keeps, ElementsAre(HasSubstr("the old index is of no use")));
}

TEST(Card, OnlyForPlansThatDoNotGoOnByThemselves) {
  auto ledger = ledger_of({finished_plan(), filling(), recorded(priority_plan("003_users"))});
  ledger.lease = live_lease();
  for (const auto& plan : ledger.plans) EXPECT_FALSE(incident_card(plan, ledger)) << plan.plan.id.value;
}

TEST(StatusText, ShowsErrorAndBlockersOfAFailedStep) {
  auto plan = filling();
  auto& step = plan[Phase::backfill].steps[0];
  step.state = StepState::failed;
  step.error = "invalid input syntax for type integer: \"n/a\" (SQLSTATE 22P02)";
  step.blockers = "pid 4711 (bob, report, idle in transaction for 12 min): SELECT …";
  step.attempts = 30;
  const auto text = status_text(input_of(ledger_of({plan})));
  EXPECT_THAT(text,
              AllOf(HasSubstr("fill  failed: invalid input syntax"), HasSubstr("30 attempts"), HasSubstr("pid 4711")));
}

TEST(StatusText, NamesWhoPausedSinceWhenAndHowToLiftIt) {
  auto ledger = ledger_of({filling()});
  ledger.requests = {pause_of(std::nullopt, 5)};
  EXPECT_THAT(
      status_text(input_of(ledger)),
      HasSubstr("every plan is paused by eve@laptop as ops 25 min ago: replica is behind; lift it: pgphase resume\n"));
}

TEST(StatusText, NamesWhoHoldsAndWhy) {
  auto plan = finished_plan();
  roll_back(plan, Phase::constraint);
  plan.held = true;
  plan.hold_by = "eve@laptop as ops";
  plan.hold_reason = "error rate rose";
  EXPECT_THAT(status_text(input_of(ledger_of({plan}))), HasSubstr("held by eve@laptop as ops: error rate rose"));
}

TEST(StatusText, ShowsPartsOfAGateThatOnlyARunCanAsk) {
  auto plan = at_the_gate();
  plan.plan[Phase::constraint].gate.check = "SELECT true";
  plan.plan[Phase::constraint].gate.wait = std::chrono::minutes(30);
  const auto text = status_text(input_of(ledger_of({plan})));  // 20 minutes after backfill finished
  EXPECT_THAT(text, AllOf(HasSubstr("wait: opens in 10m"), HasSubstr("approve: nobody has approved it"),
                          HasSubstr("check: asked when `pgphase up` runs")));
}

TEST(StatusText, OfADatabaseWithoutALedgerSaysSo) {
  StatusInput input;
  input.target = "app on db:5432 as alice";
  EXPECT_EQ(status_text(input), "database: app on db:5432 as alice, without a ledger: nothing has run\nno plans\n");
}

TEST(StatusText, ListsWhatIsRetiredWithItsSize) {
  auto input = input_of(ledger_of({}));
  RetiredRecord column{1,          {{"002_task_priority"}, Phase::additive, "add"},
                       "column",   {"public", "tasks"},
                       "priority", "_pgphase_retired_1",
                       "{}",       1288490189};
  PurgeCandidate candidate;
  candidate.plan.plan.id = column.key.plan;
  candidate.remains.things = {{column, column.table, {}, {}, column.bytes}};
  candidate.verdict.due = at_minute(0);
  input.retired = {candidate};
  const auto text = status_text(input);
  EXPECT_THAT(text, AllOf(HasSubstr("002_task_priority: kept until 2026-03-01T12:00:00Z, then: pgphase purge"),
                          HasSubstr("column tasks.priority, kept as _pgphase_retired_1, about 1.2 GiB"),
                          Not(HasSubstr("no ledger"))));
  EXPECT_EQ(status_json(input).at("retired").as_array().at(0).at("kept_until").as_string(), "2026-03-01T12:00:00Z");
}

}  // namespace
}  // namespace pgphase
