#include "orchestrator/cli/deploy_contract.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "tests/unit/plans/plan_text.hpp"

namespace pgphase::testing {
namespace {

using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::SizeIs;

ContractClause clause_of(const std::string& change) {
  const auto clauses = contract_clauses(plan_of("[[change]]\ntable = \"t\"\n" + change));
  EXPECT_THAT(clauses, SizeIs(1));
  return clauses.empty() ? ContractClause{} : clauses.front();
}

TEST(DeployContractTest, ARenamedColumnWorksUnderBothNamesInBetween) {
  const auto clause = clause_of("op = \"rename_column\"\ncolumn = \"a\"\nto = \"b\"\n");
  EXPECT_EQ(clause.about, "t.a, in whose place comes b");
  EXPECT_THAT(clause.old_code, HasSubstr("until constraint"));
  EXPECT_THAT(clause.new_code, HasSubstr("from the end of backfill"));
}

TEST(DeployContractTest, AColumnThatOnlyGetsWiderLetsOldCodeStay) {
  const std::string wider = "op = \"change_type\"\ncolumn = \"a\"\ntype = \"bigint\"\n";
  const auto clause = clause_of(wider);
  EXPECT_EQ(clause.about, "t.a becomes bigint");
  EXPECT_THAT(clause.old_code, HasSubstr("goes on working"));
  EXPECT_EQ(clause.new_code, "that relies on the new type works from constraint on");
  EXPECT_EQ(deploy_contract(plan_of("[[change]]\ntable = \"t\"\n" + wider)),
            "old code may stay; new code that relies on the new type may ship after constraint");
  EXPECT_THAT(clause_of(wider + "fill = \"a * 100\"\ndown = \"a / 100\"\n").old_code, HasSubstr("until constraint"));
}

TEST(DeployContractTest, ADroppedColumnMayBeLeftOutFromAdditiveOn) {
  const auto clause = clause_of("op = \"drop_column\"\ncolumn = \"a\"\n");
  EXPECT_EQ(clause.about, "t.a goes");
  EXPECT_THAT(clause.old_code, HasSubstr("until constraint"));
  EXPECT_EQ(clause.new_code, "that leaves it out works from additive on");
}

TEST(DeployContractTest, AColumnWithFillBreaksOldCodeOnlyWhereItIsRequired) {
  const std::string filled = "op = \"add_column\"\ncolumn = \"c\"\ntype = \"text\"\nfill = \"a\"\n";
  EXPECT_EQ(clause_of(filled).old_code, "");
  EXPECT_THAT(clause_of(filled + "nullable = false\n").old_code, HasSubstr("leaves it out"));
  EXPECT_EQ(clause_of(filled + "nullable = false\ndefault = \"''\"\n").old_code, "");
}

TEST(DeployContractTest, AConstraintBreaksCodeThatBreaksIt) {
  EXPECT_THAT(clause_of("op = \"set_not_null\"\ncolumn = \"c\"\n").old_code,
              HasSubstr("that breaks it works until constraint"));
}

TEST(DeployContractTest, NoCodeCanTellAnIndex) {
  EXPECT_THAT(
      contract_clauses(plan_of("[[change]]\nop = \"create_index\"\nname = \"i\"\ntable = \"t\"\ncolumns = [\"a\"]\n")),
      IsEmpty());
}

}  // namespace
}  // namespace pgphase::testing
