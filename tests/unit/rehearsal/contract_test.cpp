#include "orchestrator/rehearsal/contract.hpp"

#include <gmock/gmock.h>

#include "tests/unit/plans/plan_text.hpp"

namespace pgphase::testing {
namespace {

using ::testing::ElementsAre;
using ::testing::IsEmpty;

const TableName k_tasks{"public", "tasks"};

PhasedPlan renaming() {
  return plan_of("[[change]]\nop = \"rename_column\"\ntable = \"tasks\"\ncolumn = \"title\"\nto = \"name\"\n");
}

FailedStatements failed(Moment moment, const std::string& sqlstate, std::int64_t count = 3) {
  return {moment, k_tasks, sqlstate, "no such thing", count};
}

bool never(const FailedStatements&) {
  return false;
}
bool always(const FailedStatements&) {
  return true;
}

TEST(ContractTest, OldCodeWorksUntilConstraintAndAgainBehindItsRollback) {
  const auto plan = renaming();
  for (const auto phase : {Phase::additive, Phase::backfill}) {
    EXPECT_TRUE(must_work(plan, phase, Knows::before, Moment::done));
    EXPECT_TRUE(must_work(plan, phase, Knows::before, Moment::back));
  }
  EXPECT_FALSE(must_work(plan, Phase::constraint, Knows::before, Moment::done));
  EXPECT_TRUE(must_work(plan, Phase::constraint, Knows::before, Moment::back));
}

TEST(ContractTest, NewCodeWorksFromItsPhaseOnAndInFrontOfConstraint) {
  const auto plan = renaming();
  EXPECT_TRUE(must_work(plan, Phase::additive, Knows::after, Moment::done));
  EXPECT_FALSE(must_work(plan, Phase::additive, Knows::after, Moment::back));
  EXPECT_TRUE(must_work(plan, Phase::constraint, Knows::after, Moment::done));
  EXPECT_TRUE(must_work(plan, Phase::constraint, Knows::after, Moment::back));
  const auto by_hand = plan_of(
      "[[constraint]]\nname = \"r\"\nsql = \"ALTER TABLE tasks RENAME COLUMN a TO b\"\nrollback = \"ALTER TABLE tasks "
      "RENAME COLUMN b TO a\"\n");
  EXPECT_FALSE(must_work(by_hand, Phase::constraint, Knows::after, Moment::back));
}

TEST(ContractTest, WhatIsMissingWhereItMustBeThereIsSaidWithAnExample) {
  const auto plan = renaming();
  EXPECT_THAT(against_the_contract(plan, Phase::constraint, Knows::after, {failed(Moment::done, "42703")}, never),
              ElementsAre("new code, while it is done: 3 statements on tasks failed with 42703: no such thing"));
  EXPECT_THAT(against_the_contract(plan, Phase::constraint, Knows::before, {failed(Moment::back, "42P01", 1)}, never),
              ElementsAre("old code, while it is rolled back: 1 statement on tasks failed with 42P01: no such thing"));
}

TEST(ContractTest, WhatTheContractOrPostgresqlSaysIsNoFault) {
  const auto plan = renaming();
  EXPECT_THAT(against_the_contract(plan, Phase::constraint, Knows::before,
                                   {failed(Moment::done, "42703"), failed(Moment::between, "42703"),
                                    failed(Moment::back, "40001"), failed(Moment::back, "40P01")},
                                   always),
              IsEmpty());
}

TEST(ContractTest, AConstraintIsAFaultOnlyWhereTheApplicationCannotSatisfyIt) {
  const auto plan = renaming();
  const std::vector<FailedStatements> refused{failed(Moment::done, "23514")};
  EXPECT_THAT(against_the_contract(plan, Phase::constraint, Knows::after, refused, never), IsEmpty());
  EXPECT_THAT(against_the_contract(plan, Phase::constraint, Knows::after, refused, always), ::testing::SizeIs(1));
  EXPECT_THAT(against_the_contract(plan, Phase::constraint, Knows::after, {failed(Moment::done, "22003")}, always),
              IsEmpty());
}

}  // namespace
}  // namespace pgphase::testing
