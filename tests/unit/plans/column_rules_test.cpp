// Two changes of one plan that speak of one column: what is refused when the plan is read, and what is not.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "tests/unit/plans/plan_text.hpp"

namespace pgphase::testing {
namespace {

using ::testing::AllOf;
using ::testing::HasSubstr;

std::string change(const std::string& op, const std::string& keys) {
  return "[[change]]\nop = \"" + op + "\"\ntable = \"t\"\n" + keys;
}
const std::string k_renamed = change("rename_column", "column = \"k\"\nto = \"kk\"\n");
const std::string k_retyped = change("change_type", "column = \"k\"\ntype = \"bigint\"\n");
const std::string k_replaced = change("change_type", "column = \"k\"\nto = \"n\"\ntype = \"bigint\"\n");
const std::string k_dropped = change("drop_column", "column = \"k\"\n");
const std::string k_table = change("rename_table", "to = \"u\"\n");
std::string derived(const std::string& from, const std::string& down) {
  return change("add_column", "column = \"d\"\ntype = \"bigint\"\nfill = \"" + from + " * 2\"\n" +
                                  (down.empty() ? "" : "down = \"" + down + "\"\n"));
}

class OneColumnTwiceTest : public ::testing::TestWithParam<std::pair<std::string, std::string>> {};

TEST_P(OneColumnTwiceTest, IsRefusedWithBothLinesWhicheverComesFirst) {
  const auto& [one, other] = GetParam();
  const auto second = [](const std::string& first) { return 2 + std::count(first.begin(), first.end(), '\n'); };
  EXPECT_THAT(problems_of(one + other), AllOf(HasSubstr("001_test.toml:" + std::to_string(second(one))),
                                              HasSubstr("in line 2"), HasSubstr("make two plans of it")));
  EXPECT_THAT(problems_of(other + one),
              AllOf(HasSubstr("001_test.toml:" + std::to_string(second(other))), HasSubstr("in line 2")));
}
INSTANTIATE_TEST_SUITE_P(Of, OneColumnTwiceTest,
                         ::testing::Values(std::pair(k_renamed, derived("k", "(d / 2)::int")),
                                           std::pair(k_dropped, derived("k", "(d / 2)::int")),
                                           std::pair(k_retyped, derived("k", "(d / 2)::int")),
                                           std::pair(k_renamed, k_retyped), std::pair(k_renamed, k_dropped),
                                           std::pair(k_retyped, k_dropped), std::pair(k_replaced, k_dropped),
                                           std::pair(k_renamed, k_table), std::pair(k_dropped, k_table),
                                           std::pair(k_retyped, k_table)));

TEST(ColumnRulesTest, APairIsNamedOnce) {
  const auto text = problems_of(k_renamed + k_dropped);
  const auto first = text.find("error:");
  ASSERT_NE(first, std::string::npos);
  EXPECT_EQ(text.find("error:", first + 1), std::string::npos) << text;
}

TEST(ColumnRulesTest, WhatIsMadeOfAColumnWithoutAWayBackIsDoneWithItBeforeItGoes) {
  EXPECT_EQ(problems_of(derived("k", "") + k_dropped), "");
  EXPECT_THAT(problems_of(k_dropped + derived("k", "")), HasSubstr("keeps it in step with others"));
}

TEST(ColumnRulesTest, AColumnMayBeDerivedFromTheNewNameOfAnother) {
  EXPECT_EQ(problems_of(k_renamed + derived("kk", "(d / 2)::int")), "");
}

TEST(ColumnRulesTest, OtherColumnsAndOtherTablesAreNoneOfIt) {
  EXPECT_EQ(problems_of(k_renamed + derived("m", "(d / 2)::int")), "");
  EXPECT_EQ(problems_of(k_renamed + "[[change]]\nop = \"drop_column\"\ntable = \"v\"\ncolumn = \"k\"\n"), "");
  EXPECT_EQ(problems_of(k_table + derived("k", "(d / 2)::int")), "");
}

}  // namespace
}  // namespace pgphase::testing
