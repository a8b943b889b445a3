#include "orchestrator/engine/old_code.hpp"

#include <gtest/gtest.h>

#include "tests/unit/engine/plan_records.hpp"

namespace pgphase::testing {
namespace {

const TableName k_people{"public", "people"};

Step step_of(std::string name, decltype(Step::body) body) {
  Step step;
  step.name = std::move(name);
  step.body = std::move(body);
  step.touches = {k_people};
  return step;
}

PlanRecord with(Phase phase, Step step, StepState state, int undo_part = 0) {
  PhasedPlan plan;
  plan.id = {"001_change"};
  plan[phase].steps = {std::move(step)};
  auto record = recorded(std::move(plan));
  record[phase].steps[0].state = state;
  record[phase].steps[0].undo_part = undo_part;
  return record;
}

bool out(Phase phase, Step step, StepState state = StepState::done, int undo_part = 0) {
  return keeps_old_code_out(with(phase, std::move(step), state, undo_part), phase);
}

Step hand_over() {
  return step_of("drop_column people.email", HandOverBody{k_people, "", {"email"}, {}, {}});
}

TEST(OldCode, AColumnThatWentKeepsItOutUntilTheFirstAttemptBack) {
  EXPECT_TRUE(out(Phase::constraint, hand_over()));
  EXPECT_TRUE(out(Phase::constraint, hand_over(), StepState::undoing));
  EXPECT_FALSE(out(Phase::constraint, hand_over(), StepState::undoing, 1)) << "a foreign key is still to be validated";
  EXPECT_FALSE(out(Phase::constraint, hand_over(), StepState::undo_failed, 1));
  EXPECT_FALSE(out(Phase::constraint, hand_over(), StepState::undone));
  EXPECT_FALSE(out(Phase::constraint, hand_over(), StepState::pending));
}

TEST(OldCode, ATableThatWentKeepsItOutUntilTheFirstAttemptBack) {
  const auto step = step_of("drop_table people", RetireTableBody{k_people});
  EXPECT_TRUE(out(Phase::constraint, step));
  EXPECT_FALSE(out(Phase::constraint, step, StepState::undoing, 1));
}

TEST(OldCode, OfARenamedTableOnlyTheRenamingKeepsItOut) {
  const RenameTableBody view{k_people, "persons", RenameTableBody::Part::view};
  const RenameTableBody rename{k_people, "persons", RenameTableBody::Part::rename};
  EXPECT_FALSE(out(Phase::additive, step_of("view", view)));
  EXPECT_TRUE(out(Phase::constraint, step_of("rename", rename)));
  EXPECT_TRUE(out(Phase::constraint, step_of("rename", rename), StepState::undoing, 1));
}

TEST(OldCode, AColumnOfAnotherTypeKeepsItOutOnlyWhereItsValuesMeanSomethingElse) {
  RetypeBody wider{k_people, "id", "bigint", "change_type people.id", "", "", "", RetypeBody::Part::swap};
  EXPECT_FALSE(out(Phase::constraint, step_of("wider", wider)));
  auto cents = wider;
  cents.fill = "id * 100";
  EXPECT_TRUE(out(Phase::constraint, step_of("cents", cents)));
  EXPECT_FALSE(out(Phase::constraint, step_of("cents", cents), StepState::undoing, 1));
  cents.part = RetypeBody::Part::twins;
  EXPECT_FALSE(out(Phase::backfill, step_of("indexes", cents)));
}

TEST(OldCode, SqlByHandKeepsItOutInConstraintOnly) {
  EXPECT_TRUE(out(Phase::constraint, sql_step("required")));
  EXPECT_FALSE(out(Phase::additive, sql_step("column")));
}

TEST(OldCode, AnIndexThatIsGoneOnlyMakesItSlower) {
  SqlBody body;
  Statement drop;
  drop.kind = StatementKind::drop_index_concurrently;
  body.forward = {drop};
  Statement rebuild;
  rebuild.kind = StatementKind::rebuild_index;
  body.undo = {rebuild};
  EXPECT_FALSE(out(Phase::constraint, step_of("drop_index", body)));
}

TEST(OldCode, ValuesThatABackfillHasOverwrittenKeepItOut) {
  auto overwrites = fill_step("normalise");
  std::get<BackfillBody>(overwrites.body).keep_step = "keep normalise";
  EXPECT_TRUE(out(Phase::backfill, overwrites));
  EXPECT_FALSE(out(Phase::backfill, fill_step("fill")));
}

TEST(OldCode, ANullWhereItKnowsOfNoneKeepsItOut) {
  EXPECT_TRUE(out(Phase::additive, step_of("drop_not_null", DropNotNullBody{k_people, "email", "", false})));
  EXPECT_FALSE(out(Phase::additive, step_of("part of drop_column", DropNotNullBody{k_people, "email", "", true})));
}

TEST(OldCode, OneStepThatStandsIsEnough) {
  PhasedPlan plan;
  plan.id = {"001_change"};
  plan[Phase::constraint].steps = {sql_step("first"), hand_over()};
  auto record = recorded(std::move(plan));
  record[Phase::constraint].steps[0].state = StepState::done;
  record[Phase::constraint].steps[1].state = StepState::undone;
  EXPECT_TRUE(keeps_old_code_out(record, Phase::constraint));
  record[Phase::constraint].steps[0].state = StepState::undone;
  EXPECT_FALSE(keeps_old_code_out(record, Phase::constraint));
}

TEST(OldCode, OneThatGoesOnBehindACrashKnowsWhatItHasTakenBack) {
  const auto kept = [](StepState state) {
    return has_kept_old_code_out(with(Phase::constraint, hand_over(), state), Phase::constraint);
  };
  EXPECT_TRUE(kept(StepState::undone));
  EXPECT_TRUE(kept(StepState::undoing));
  EXPECT_FALSE(kept(StepState::pending)) << "never carried out";
  EXPECT_FALSE(kept(StepState::skipped));
  EXPECT_FALSE(has_kept_old_code_out(with(Phase::additive, sql_step("column"), StepState::undone), Phase::additive));
}

}  // namespace
}  // namespace pgphase::testing
