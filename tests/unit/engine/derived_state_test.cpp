#include "orchestrator/engine/derived_state.hpp"

#include <gtest/gtest.h>

#include "tests/unit/engine/plan_records.hpp"

namespace pgphase {
namespace {

using namespace testing;

struct Case {
  const char* claim;
  PlanRecord plan;
  std::vector<RequestRecord> requests;
  bool live;  // somebody holds the lease
  PlanStatus expected;
  Phase phase;
  PhaseStatus expected_phase;
};

class DerivedStateTable : public ::testing::TestWithParam<Case> {};

TEST_P(DerivedStateTable, Holds) {
  const auto& test = GetParam();
  auto ledger = ledger_of({test.plan});
  ledger.requests = test.requests;
  if (test.live) ledger.lease = live_lease();
  EXPECT_STREQ(to_string(status_of(test.plan, ledger)), to_string(test.expected)) << test.claim;
  EXPECT_STREQ(to_string(status_of(test.plan, test.phase, ledger)), to_string(test.expected_phase)) << test.claim;
}

template <class Change>
PlanRecord with(PlanRecord plan, Change change) {
  change(plan);
  return plan;
}

PlanRecord filling(StepState step = StepState::running) {
  auto plan = recorded(priority_plan());
  finish(plan, Phase::additive, 1);
  plan[Phase::backfill].state = PhaseState::running;
  plan[Phase::backfill].steps[0].state = step;
  return plan;
}

PlanRecord going_back(StepState step = StepState::undoing) {
  auto plan = finished_plan();
  plan.finished_at.reset();
  plan.held = true;
  plan[Phase::constraint].state = PhaseState::rolling_back;
  plan[Phase::constraint].steps[0].state = step;
  return plan;
}

const PlanId k_id{"002_task_priority"};
constexpr auto k_additive = Phase::additive;
constexpr auto k_backfill = Phase::backfill;
constexpr auto k_constraint = Phase::constraint;

INSTANTIATE_TEST_SUITE_P(
    All, DerivedStateTable,
    ::testing::Values(
        Case{"recorded and no more",
             recorded(priority_plan()),
             {},
             false,
             PlanStatus::pending,
             k_additive,
             PhaseStatus::pending},
        Case{"a phase runs and somebody is at work",
             filling(),
             {},
             true,
             PlanStatus::running,
             k_backfill,
             PhaseStatus::running},
        Case{"a phase runs and nobody is at work: its process is gone",
             filling(),
             {},
             false,
             PlanStatus::interrupted,
             k_backfill,
             PhaseStatus::interrupted},
        Case{"stopped by a signal between two phases",
             with(recorded(priority_plan()), [](PlanRecord& p) { finish(p, k_additive, 1), p.interrupted = true; }),
             {},
             false,
             PlanStatus::interrupted,
             k_backfill,
             PhaseStatus::pending},
        Case{"paused", filling(), {pause_of(k_id)}, false, PlanStatus::paused, k_backfill, PhaseStatus::paused},
        Case{"paused with a run that waits for the end of the pause",
             filling(),
             {pause_of(k_id)},
             true,
             PlanStatus::paused,
             k_backfill,
             PhaseStatus::paused},
        Case{"frozen", filling(), {pause_of(std::nullopt)}, false, PlanStatus::paused, k_backfill, PhaseStatus::paused},
        Case{"the pause of another plan is none of ours",
             filling(),
             {pause_of(PlanId{"003_other"})},
             true,
             PlanStatus::running,
             k_backfill,
             PhaseStatus::running},
        Case{"failed", filling(StepState::failed), {}, false, PlanStatus::failed, k_backfill, PhaseStatus::failed},
        Case{"a failure counts for more than a pause",
             filling(StepState::failed),
             {pause_of(k_id)},
             false,
             PlanStatus::failed,
             k_backfill,
             PhaseStatus::failed},
        Case{"at its gate", at_the_gate(), {}, false, PlanStatus::at_gate, k_constraint, PhaseStatus::waiting},
        Case{"at its gate, with a run that waits there",
             at_the_gate(),
             {},
             true,
             PlanStatus::at_gate,
             k_constraint,
             PhaseStatus::waiting},
        Case{"at its gate although the run that waited there was stopped",
             with(at_the_gate(), [](PlanRecord& p) { p.interrupted = true; }),
             {},
             false,
             PlanStatus::at_gate,
             k_constraint,
             PhaseStatus::waiting},
        Case{"paused at its gate",
             at_the_gate(),
             {pause_of(k_id)},
             false,
             PlanStatus::paused,
             k_constraint,
             PhaseStatus::waiting},
        Case{"a later gate is not waited at yet",
             filling(),
             {},
             true,
             PlanStatus::running,
             k_constraint,
             PhaseStatus::pending},
        Case{"at the gate of the first phase",
             with(recorded(priority_plan()), [](PlanRecord& p) { p.plan[k_additive].gate.approve = true; }),
             {},
             false,
             PlanStatus::at_gate,
             k_additive,
             PhaseStatus::waiting},
        Case{
            "done", finished_plan(), {pause_of(std::nullopt)}, true, PlanStatus::done, k_constraint, PhaseStatus::done},
        Case{"sealed",
             with(finished_plan(), [](PlanRecord& p) { p[k_constraint].state = PhaseState::sealed; }),
             {},
             false,
             PlanStatus::done,
             k_constraint,
             PhaseStatus::sealed},
        Case{"on the way back",
             going_back(),
             {},
             true,
             PlanStatus::rolling_back,
             k_constraint,
             PhaseStatus::rolling_back},
        Case{"on the way back under a pause that is older",
             going_back(),
             {pause_of(k_id)},
             true,
             PlanStatus::rolling_back,
             k_constraint,
             PhaseStatus::rolling_back},
        Case{"the rollback's process is gone",
             going_back(),
             {},
             false,
             PlanStatus::interrupted,
             k_constraint,
             PhaseStatus::interrupted},
        Case{"the rollback was paused",
             going_back(),
             {pause_of(k_id)},
             false,
             PlanStatus::paused,
             k_constraint,
             PhaseStatus::paused},
        Case{"an undo failed",
             going_back(StepState::undo_failed),
             {},
             false,
             PlanStatus::failed,
             k_constraint,
             PhaseStatus::failed},
        Case{"one phase rolled back: held",
             with(finished_plan(), [](PlanRecord& p) { roll_back(p, k_constraint), p.held = true; }),
             {},
             false,
             PlanStatus::held,
             k_constraint,
             PhaseStatus::rolled_back},
        Case{"held counts for more than paused: lifting the pause alone would not let it go on",
             with(finished_plan(), [](PlanRecord& p) { roll_back(p, k_constraint), p.held = true; }),
             {pause_of(k_id)},
             false,
             PlanStatus::held,
             k_constraint,
             PhaseStatus::rolled_back},
        Case{"the hold lifted: it waits at its gate again",
             with(finished_plan(), [](PlanRecord& p) { roll_back(p, k_constraint); }),
             {},
             false,
             PlanStatus::at_gate,
             k_constraint,
             PhaseStatus::waiting},
        Case{"every phase rolled back",
             with(finished_plan(),
                  [](PlanRecord& p) {
                    for (const auto phase : k_phases) roll_back(p, phase);
                    p.held = true;
                  }),
             {},
             false,
             PlanStatus::rolled_back,
             k_backfill,
             PhaseStatus::rolled_back},
        Case{"the only phase with steps rolled back; the empty ones count for nothing",
             with(recorded(priority_plan()),
                  [](PlanRecord& p) {
                    for (const auto phase : {k_backfill, k_constraint})
                      p.plan[phase] = {}, p[phase] = {}, p[phase].state = PhaseState::done;
                    roll_back(p, k_additive);
                  }),
             {},
             false,
             PlanStatus::rolled_back,
             k_additive,
             PhaseStatus::rolled_back}));

TEST(DerivedState, ALeaseWhoseHolderIsGoneIsNobodyAtWork) {
  auto ledger = ledger_of({filling()});
  ledger.lease = live_lease();
  ledger.lease->live = false;
  EXPECT_EQ(status_of(ledger.plans[0], ledger), PlanStatus::interrupted);
}

}  // namespace
}  // namespace pgphase
