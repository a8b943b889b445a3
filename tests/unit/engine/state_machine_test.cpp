// The state machine as a table of transitions: what the ledger says, what people asked, and the one action that
// follows.
#include "orchestrator/engine/state_machine.hpp"

#include <gtest/gtest.h>

#include "tests/unit/engine/plan_records.hpp"

namespace pgphase {

// For gtest's messages.
static void PrintTo(const NextAction& action, std::ostream* out) {
  *out << "verb " << static_cast<int>(action.verb) << " " << to_string(action.phase) << "[" << action.step
       << "] reason " << static_cast<int>(action.reason);
}

namespace {

using namespace testing;

NextAction act(Verb verb, Phase phase, std::size_t step = 0) {
  return {verb, phase, step, StopReason::done};
}
NextAction stops(Phase phase, StopReason reason) {
  return {Verb::stop, phase, 0, reason};
}

PlanRecord running(Phase phase) {
  auto plan = recorded(priority_plan());
  for (const auto earlier : k_phases) {
    if (earlier < phase) finish(plan, earlier, 1 + static_cast<int>(earlier));
  }
  plan[phase].state = PhaseState::running;
  return plan;
}

TEST(NextForward, AnUndisturbedPlanGoesThroughEveryStepOfEveryPhaseOnce) {
  auto plan = recorded(priority_plan());
  const std::vector<RequestRecord> nobody;
  std::vector<NextAction> story;
  int minute = 0;
  for (int i = 0; i < 50; ++i) {
    const auto action = next_forward(plan, nobody, {});
    story.push_back(action);
    auto& phase = plan[action.phase];
    if (action.verb == Verb::stop) break;
    if (action.verb == Verb::start_phase || action.verb == Verb::pass_gate) phase.state = PhaseState::running;
    if (action.verb == Verb::run_step) phase.steps[action.step].state = StepState::done;
    if (action.verb == Verb::finish_phase) phase.state = PhaseState::done, phase.finished_at = at_minute(++minute);
    if (action.verb == Verb::finish_plan) plan.finished_at = at_minute(++minute);
  }
  const std::vector<NextAction> expected{
      act(Verb::start_phase, Phase::additive),   act(Verb::run_step, Phase::additive, 0),
      act(Verb::finish_phase, Phase::additive),  act(Verb::start_phase, Phase::backfill),
      act(Verb::run_step, Phase::backfill, 0),   act(Verb::run_step, Phase::backfill, 1),
      act(Verb::finish_phase, Phase::backfill),  act(Verb::pass_gate, Phase::constraint),
      act(Verb::run_step, Phase::constraint, 0), act(Verb::finish_phase, Phase::constraint),
      act(Verb::finish_plan, Phase::constraint), stops(Phase::constraint, StopReason::done),
  };
  EXPECT_EQ(story, expected);
}

struct ForwardCase {
  const char* claim;
  PlanRecord plan;
  std::vector<RequestRecord> requests;
  ForwardLimits limits;
  NextAction expected;
};

class NextForwardTable : public ::testing::TestWithParam<ForwardCase> {};

TEST_P(NextForwardTable, Holds) {
  const auto& [claim, plan, requests, limits, expected] = GetParam();
  EXPECT_EQ(next_forward(plan, requests, limits), expected) << claim;
}

template <class Change>
PlanRecord with(PlanRecord plan, Change change) {
  change(plan);
  return plan;
}

const PlanId k_id{"002_task_priority"};

INSTANTIATE_TEST_SUITE_P(
    All, NextForwardTable,
    ::testing::Values(
        ForwardCase{"a phase without steps is over at once, and its gate is not asked",
                    with(recorded(priority_plan()),
                         [](PlanRecord& p) {
                           p.plan[Phase::additive].steps.clear();
                           p[Phase::additive].steps.clear();
                         }),
                    {},
                    {},
                    act(Verb::finish_phase, Phase::additive)},
        ForwardCase{"a rolled-back phase passes its gate again",
                    with(finished_plan(), [](PlanRecord& p) { roll_back(p, Phase::constraint); }),
                    {},
                    {},
                    act(Verb::pass_gate, Phase::constraint)},
        ForwardCase{"a rolled-back phase without a gate starts again",
                    with(recorded(priority_plan()), [](PlanRecord& p) { roll_back(p, Phase::additive); }),
                    {},
                    {},
                    act(Verb::start_phase, Phase::additive)},
        ForwardCase{"a rollback that was left half way asks the gate again before it goes forward",
                    with(finished_plan(), [](PlanRecord& p) { p[Phase::constraint].state = PhaseState::rolling_back; }),
                    {},
                    {},
                    act(Verb::pass_gate, Phase::constraint)},
        ForwardCase{"a step whose undo has begun is undone to its end first",
                    with(running(Phase::constraint),
                         [](PlanRecord& p) {
                           p[Phase::constraint].steps[0].state = StepState::undo_failed;
                           p[Phase::constraint].steps[0].undo_part = 1;
                         }),
                    {},
                    {},
                    act(Verb::undo_step, Phase::constraint)},
        ForwardCase{"so is one whose undo was begun outside a transaction and may have happened",
                    with(running(Phase::constraint),
                         [](PlanRecord& p) {
                           p[Phase::constraint].steps[0].state = StepState::undoing;
                           p[Phase::constraint].steps[0].intent = "DROP INDEX CONCURRENTLY public.i";
                         }),
                    {},
                    {},
                    act(Verb::undo_step, Phase::constraint)},
        ForwardCase{"a step whose undo has done nothing yet goes forward",
                    with(running(Phase::constraint),
                         [](PlanRecord& p) { p[Phase::constraint].steps[0].state = StepState::undo_failed; }),
                    {},
                    {},
                    act(Verb::run_step, Phase::constraint)},
        ForwardCase{"a failed step is run again",
                    with(running(Phase::backfill),
                         [](PlanRecord& p) { p[Phase::backfill].steps[0].state = StepState::failed; }),
                    {},
                    {},
                    act(Verb::run_step, Phase::backfill, 0)},
        ForwardCase{"a skipped step is passed over",
                    with(running(Phase::backfill),
                         [](PlanRecord& p) { p[Phase::backfill].steps[0].state = StepState::skipped; }),
                    {},
                    {},
                    act(Verb::run_step, Phase::backfill, 1)},
        ForwardCase{"--through stops before the next phase, even when that is shut, held or paused",
                    with(at_the_gate(), [](PlanRecord& p) { p.held = true; }),
                    {pause_of(k_id)},
                    {Phase::backfill, false},
                    stops(Phase::constraint, StopReason::through)},
        ForwardCase{"--through only limits: earlier phases are run",
                    running(Phase::additive),
                    {},
                    {Phase::backfill, false},
                    act(Verb::run_step, Phase::additive)},
        ForwardCase{"a hold stops",
                    with(at_the_gate(), [](PlanRecord& p) { p.held = true; }),
                    {},
                    {},
                    stops(Phase::constraint, StopReason::held)},
        ForwardCase{"a hold does not stop who names the plan",
                    with(at_the_gate(), [](PlanRecord& p) { p.held = true; }),
                    {},
                    {std::nullopt, true},
                    act(Verb::pass_gate, Phase::constraint)},
        ForwardCase{"naming the plan lifts no pause",
                    at_the_gate(),
                    {pause_of(k_id)},
                    {std::nullopt, true},
                    stops(Phase::constraint, StopReason::paused)},
        ForwardCase{"a pause of every plan stops this one",
                    running(Phase::backfill),
                    {pause_of(std::nullopt)},
                    {},
                    stops(Phase::backfill, StopReason::paused)},
        ForwardCase{"a pause of another plan does not",
                    running(Phase::backfill),
                    {pause_of(PlanId{"003_other"})},
                    {},
                    act(Verb::run_step, Phase::backfill)},
        ForwardCase{"a finished plan is not stopped by a pause: there is nothing to pause",
                    finished_plan(),
                    {pause_of(std::nullopt)},
                    {},
                    stops(Phase::constraint, StopReason::done)},
        ForwardCase{"three phases done and the plan not recorded as such: a crash between the two",
                    with(finished_plan(), [](PlanRecord& p) { p.finished_at.reset(); }),
                    {},
                    {},
                    act(Verb::finish_plan, Phase::constraint)},
        ForwardCase{"a sealed phase counts as done",
                    with(finished_plan(), [](PlanRecord& p) { p[Phase::constraint].state = PhaseState::sealed; }),
                    {},
                    {},
                    stops(Phase::constraint, StopReason::done)}));

struct BackCase {
  const char* claim;
  PlanRecord plan;
  Phase phase;
  std::vector<RequestRecord> requests;
  NextAction expected;
};

class NextBackTable : public ::testing::TestWithParam<BackCase> {};

TEST_P(NextBackTable, Holds) {
  const auto& [claim, plan, phase, requests, expected] = GetParam();
  EXPECT_EQ(next_back(plan, phase, requests, at_minute(25)), expected) << claim;
}

PlanRecord undoing(Phase phase, std::vector<StepState> states) {
  auto plan = at_the_gate();
  plan[phase].state = PhaseState::rolling_back;
  for (std::size_t i = 0; i < states.size(); ++i) plan[phase].steps[i].state = states[i];
  return plan;
}

INSTANTIATE_TEST_SUITE_P(
    All, NextBackTable,
    ::testing::Values(
        BackCase{
            "a done phase begins its undo", at_the_gate(), Phase::backfill, {}, act(Verb::start_undo, Phase::backfill)},
        BackCase{"so does a running one",
                 running(Phase::backfill),
                 Phase::backfill,
                 {},
                 act(Verb::start_undo, Phase::backfill)},
        BackCase{"nothing to do where nothing has begun",
                 at_the_gate(),
                 Phase::constraint,
                 {},
                 stops(Phase::constraint, StopReason::done)},
        BackCase{"or all is undone",
                 with(finished_plan(), [](PlanRecord& p) { roll_back(p, Phase::constraint); }),
                 Phase::constraint,
                 {},
                 stops(Phase::constraint, StopReason::done)},
        BackCase{"a sealed phase stays",
                 with(finished_plan(), [](PlanRecord& p) { p[Phase::constraint].state = PhaseState::sealed; }),
                 Phase::constraint,
                 {},
                 stops(Phase::constraint, StopReason::sealed)},
        BackCase{"the last step goes first",
                 undoing(Phase::backfill, {StepState::done, StepState::done}),
                 Phase::backfill,
                 {},
                 act(Verb::undo_step, Phase::backfill, 1)},
        BackCase{"steps that never ran are passed over",
                 undoing(Phase::backfill, {StepState::done, StepState::pending}),
                 Phase::backfill,
                 {},
                 act(Verb::undo_step, Phase::backfill, 0)},
        BackCase{"an old pause does not hide one that was given while it runs",
                 undoing(Phase::backfill, {StepState::done, StepState::done}),
                 Phase::backfill,
                 {pause_of(std::nullopt, 5), pause_of(std::nullopt, 26)},
                 stops(Phase::backfill, StopReason::paused)},
        BackCase{"so are skipped and undone ones",
                 undoing(Phase::backfill, {StepState::skipped, StepState::undone}),
                 Phase::backfill,
                 {},
                 act(Verb::finish_undo, Phase::backfill)},
        BackCase{"a failed step may have done something",
                 undoing(Phase::backfill, {StepState::done, StepState::failed}),
                 Phase::backfill,
                 {},
                 act(Verb::undo_step, Phase::backfill, 1)},
        BackCase{"an undo that failed is tried again",
                 undoing(Phase::backfill, {StepState::done, StepState::undo_failed}),
                 Phase::backfill,
                 {},
                 act(Verb::undo_step, Phase::backfill, 1)},
        BackCase{"a pause that is older than the rollback does not stop it",
                 undoing(Phase::backfill, {StepState::done, StepState::done}),
                 Phase::backfill,
                 {pause_of(k_id, 24)},
                 act(Verb::undo_step, Phase::backfill, 1)},
        BackCase{"a pause given since then does",
                 undoing(Phase::backfill, {StepState::done, StepState::done}),
                 Phase::backfill,
                 {pause_of(k_id, 26)},
                 stops(Phase::backfill, StopReason::paused)},
        BackCase{
            "a hold does not stop a rollback: every rollback leaves one",
            with(undoing(Phase::backfill, {StepState::done, StepState::undone}), [](PlanRecord& p) { p.held = true; }),
            Phase::backfill,
            {},
            act(Verb::undo_step, Phase::backfill, 0)}));

TEST(Approval, CountsFromTheMomentAtWhichTheGateWasReached) {
  const auto plan = at_the_gate();  // backfill finished in minute 10
  EXPECT_EQ(approval_in_force({approval_of(plan, Phase::constraint, 9)}, plan, Phase::constraint), nullptr);
  EXPECT_NE(approval_in_force({approval_of(plan, Phase::constraint, 10)}, plan, Phase::constraint), nullptr);
}

TEST(Approval, OpensOnlyTheGateThatItNames) {
  const auto plan = at_the_gate();
  const std::vector<RequestRecord> given{approval_of(plan, Phase::backfill, 11)};
  EXPECT_EQ(approval_in_force(given, plan, Phase::constraint), nullptr);
  EXPECT_NE(approval_in_force(given, plan, Phase::backfill), nullptr);
}

TEST(Approval, IsVoidAfterAnEditAndAfterARollback) {
  auto plan = at_the_gate();
  const std::vector<RequestRecord> given{approval_of(plan, Phase::constraint, 11)};
  auto edited = plan;
  edited.plan.split_sha256 = "split-2";
  EXPECT_EQ(approval_in_force(given, edited, Phase::constraint), nullptr);
  auto rolled_back = plan;
  ++rolled_back.generation;
  EXPECT_EQ(approval_in_force(given, rolled_back, Phase::constraint), nullptr);
  EXPECT_NE(approval_in_force(given, plan, Phase::constraint), nullptr);
}

TEST(Approval, OfAPlanIsNoneOfAnother) {
  const auto plan = at_the_gate();
  auto other = plan;
  other.plan.id = {"003_other"};
  EXPECT_EQ(approval_in_force({approval_of(other, Phase::constraint, 11)}, plan, Phase::constraint), nullptr);
}

TEST(GateReached, WhenThePhaseBeforeHasFinished) {
  auto plan = at_the_gate();
  EXPECT_EQ(gate_reached_at(plan, Phase::additive), at_minute(0));
  EXPECT_EQ(gate_reached_at(plan, Phase::constraint), at_minute(10));
  roll_back(plan, Phase::backfill);
  EXPECT_EQ(gate_reached_at(plan, Phase::constraint), std::nullopt);
}

}  // namespace
}  // namespace pgphase
