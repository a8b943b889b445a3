// Changes that take an old column out of sight: how they split, and what their authors are told.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "plans/base/hidden_names.hpp"
#include "plans/split/phased_plan_json.hpp"
#include "tests/unit/plans/plan_text.hpp"

namespace pgphase::testing {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;

std::string change(const std::string& op, const std::string& keys) {
  return "[[change]]\nop = \"" + op + "\"\ntable = \"t\"\n" + keys;
}

std::vector<std::string> names(const PhasedPlan& plan, Phase phase) {
  std::vector<std::string> out;
  for (const auto& step : plan[phase].steps) out.push_back(step.name);
  return out;
}

TEST(DropColumnTest, LetsItBeLeftOutAndThenRetiresIt) {
  const auto plan = plan_of(change("drop_column", "column = \"c\"\nrestore = 7\n"));
  const auto off = body_of_step<DropNotNullBody>(plan, Phase::additive);
  EXPECT_EQ(off.restore, "7");
  EXPECT_TRUE(off.unless_there_is_a_default);
  EXPECT_THAT(names(plan, Phase::backfill), IsEmpty());
  const auto out = body_of_step<HandOverBody>(plan, Phase::constraint);
  EXPECT_THAT(out.retire, ElementsAre("c"));
  EXPECT_EQ(out.link_step, "");
}

TEST(DropNotNullTest, IsOneStepThatAsksForNoDefault) {
  const auto plan = plan_of(change("drop_not_null", "column = \"c\"\n"));
  EXPECT_FALSE(body_of_step<DropNotNullBody>(plan, Phase::additive).unless_there_is_a_default);
  EXPECT_THAT(names(plan, Phase::constraint), IsEmpty());
}

TEST(RenameColumnTest, TheColumnItselfTakesTheNewNameAndTheCopyGoes) {
  const auto plan = plan_of(change("rename_column", "column = \"a b\"\nto = \"select\"\n"));
  const auto link = body_of_step<LinkColumnsBody>(plan, Phase::additive);
  EXPECT_EQ(link.targets[0].like, "a b");
  EXPECT_EQ(link.targets[0].expression, "\"a b\"");
  EXPECT_EQ(link.sources[0].expression, "\"select\"");
  EXPECT_TRUE(link.one_is_the_other);
  const auto out = body_of_step<HandOverBody>(plan, Phase::constraint);
  EXPECT_THAT(out.retire, ElementsAre("select"));
  ASSERT_EQ(out.rename.size(), 1U);
  EXPECT_EQ(out.rename[0].from + " > " + out.rename[0].to, "a b > select");
}

TEST(ChangeTypeTest, ConvertsByAssignmentUnlessTheAuthorSaysHow) {
  const auto plan =
      plan_of(change("change_type", "column = \"a\"\nto = \"b\"\ntype = \"bigint\"\nnullable = false\ndefault = 1\n"));
  const auto link = body_of_step<LinkColumnsBody>(plan, Phase::additive);
  EXPECT_EQ(link.targets[0].expression, "a");
  EXPECT_EQ(link.sources[0].expression, "b");
  EXPECT_THAT(names(plan, Phase::additive), ElementsAre("change_type t.a"));
  EXPECT_THAT(names(plan, Phase::constraint), ElementsAre("set_not_null t.b", "retire t.a"));
  const auto out = body_of_step<HandOverBody>(plan, Phase::constraint, 1);
  EXPECT_THAT(out.retire, ElementsAre("a"));
  ASSERT_EQ(out.defaults.size(), 1U);
  EXPECT_EQ(out.defaults[0].column, "b");
}

TEST(ChangeTypeInPlaceTest, AHiddenColumnFollowsAndThenTakesThePlace) {
  const auto plan = plan_of(change("change_type", "column = \"a b\"\ntype = \"bigint\"\n"));
  const auto hidden = new_column_name({"public", "t"}, "a b");
  const auto link = body_of_step<LinkColumnsBody>(plan, Phase::additive);
  ASSERT_EQ(link.targets.size(), 1U);
  EXPECT_EQ(link.targets[0].name, hidden);
  EXPECT_EQ(link.targets[0].called, "a b");
  EXPECT_EQ(link.targets[0].expression, "\"a b\"");
  EXPECT_EQ(link.sources[0].expression, "\"a b\"");
  EXPECT_FALSE(link.errors_become_null);
  EXPECT_THAT(names(plan, Phase::additive), ElementsAre("change_type t.a b"));
  EXPECT_THAT(names(plan, Phase::backfill), ElementsAre("fill t.a b", "index t.a b"));
  EXPECT_EQ(body_of_step<BackfillBody>(plan, Phase::backfill).set[0].column, hidden);
  EXPECT_EQ(body_of_step<RetypeBody>(plan, Phase::backfill, 1).part, RetypeBody::Part::twins);
  EXPECT_THAT(names(plan, Phase::constraint), ElementsAre("change_type t.a b"));
  const auto swap = body_of_step<RetypeBody>(plan, Phase::constraint);
  EXPECT_EQ(swap.part, RetypeBody::Part::swap);
  EXPECT_EQ(swap.link_step, "change_type t.a b");
  EXPECT_TRUE(swap.converts_by_itself());
}

TEST(ChangeTypeInPlaceTest, FillAndDownCallTheColumnByItsOneName) {
  const auto plan = plan_of(change("change_type",
                                   "column = \"c\"\ntype = \"integer\"\nfill = \"d + substr(c, 2)::int\"\n"
                                   "down = \"'n' || c\"\non_error = \"null\"\ndefault = 7\n"));
  const auto link = body_of_step<LinkColumnsBody>(plan, Phase::additive);
  EXPECT_TRUE(link.errors_become_null);
  ASSERT_EQ(link.sources.size(), 2U);
  EXPECT_EQ(link.sources[0].expression, "'n' || c");
  EXPECT_EQ(link.sources[1].name, "d");
  const auto swap = body_of_step<RetypeBody>(plan, Phase::constraint);
  EXPECT_EQ(swap.default_sql, "7");
  EXPECT_FALSE(swap.converts_by_itself());
  const auto back = phased_plan_from_json(to_json(plan)).value();
  EXPECT_EQ(split_hash(back), plan.split_sha256);
  const auto read = body_of_step<RetypeBody>(back, Phase::constraint);
  EXPECT_EQ(read.type + read.fill + read.down + read.default_sql, swap.type + swap.fill + swap.down + swap.default_sql);
}

TEST(ChangeTypeInPlaceTest, SaysWhatIsWrong) {
  EXPECT_THAT(problems_of(change("change_type", "column = \"a\"\ntype = \"bigserial\"\n")), HasSubstr("use bigint"));
  EXPECT_THAT(problems_of(change("change_type", "column = \"a\"\ntype = \"int\"\nnullable = false\n")),
              HasSubstr("keeps its NOT NULL"));
  EXPECT_THAT(problems_of(change("change_type", "column = \"a\"\ntype = \"int\"\nnull_means = \"null\"\n")),
              HasSubstr("a NULL is a NULL"));
  EXPECT_THAT(problems_of(change("change_type", "column = \"a\"\n")), HasSubstr("`type`"));
}

TEST(SplitColumnTest, WithoutAWayBackTheOldColumnMayBeLeftOutFromTheBeginning) {
  const std::string into =
      "into = [{ column = \"x\", type = \"text\", fill = \"split_part(a, ' ', 1)\" }, { column = \"y\", type = "
      "\"text\", "
      "fill = \"b\" }]\n";
  const auto plan = plan_of(change("split_column", "column = \"a\"\n" + into));
  EXPECT_THAT(names(plan, Phase::additive), ElementsAre("drop_not_null t.a", "split_column t.a"));
  const auto link = body_of_step<LinkColumnsBody>(plan, Phase::additive, 1);
  ASSERT_EQ(link.sources.size(), 2U);
  EXPECT_EQ(link.sources[1].name, "b");
  EXPECT_THAT(body_of_step<HandOverBody>(plan, Phase::constraint).retire, ElementsAre("a"));
  const auto with_way_back = plan_of(change("split_column", "column = \"a\"\ndown = \"x || y\"\n" + into));
  EXPECT_THAT(names(with_way_back, Phase::additive), ElementsAre("split_column t.a"));
}

TEST(MergeColumnsTest, RetiresAllThatItIsMadeOf) {
  const auto plan = plan_of(change("merge_columns",
                                   "columns = [\"a\", \"b\"]\ninto = \"c\"\ntype = \"text\"\nfill = \"a || b\"\n"
                                   "down = { a = \"left(c, 1)\" }\n"));
  EXPECT_THAT(names(plan, Phase::additive), ElementsAre("drop_not_null t.b", "merge_columns t.c"));
  EXPECT_THAT(body_of_step<HandOverBody>(plan, Phase::constraint).retire, ElementsAre("a", "b"));
}

TEST(ReplacingChangesTest, ComeBackFromTheLedgerAsTheyWere) {
  const auto plan = plan_of(change("rename_column", "column = \"a\"\nto = \"b\"\nnull_means = \"absent\"\n") +
                            change("drop_column", "column = \"c\"\nrestore = \"'x'\"\n"));
  const auto back = phased_plan_from_json(to_json(plan)).value();
  EXPECT_EQ(split_hash(back), plan.split_sha256);
  EXPECT_TRUE(body_of_step<LinkColumnsBody>(back, Phase::additive).null_is_absent);
  EXPECT_EQ(body_of_step<DropNotNullBody>(back, Phase::additive, 1).restore, "'x'");
  EXPECT_EQ(body_of_step<HandOverBody>(back, Phase::constraint).rename[0].to, "b");
}

TEST(ReplacingChangesTest, SayWhatIsWrong) {
  EXPECT_THAT(problems_of(change("rename_column", "column = \"a\"\nto = \"a\"\n")), HasSubstr("has that name already"));
  EXPECT_THAT(problems_of(change("rename_column", "column = \"a\"\nto = \"_pgphase_x\"\n")),
              HasSubstr("keeps for itself"));
  EXPECT_THAT(problems_of(change("change_type", "column = \"a\"\nto = \"a\"\ntype = \"int\"\n")),
              HasSubstr("a name of its own"));
  EXPECT_THAT(problems_of(change("drop_column", "column = \"a\"\ncascade = true\n")),
              HasSubstr("`cascade` is not a key"));
  EXPECT_THAT(problems_of(change("split_column", "column = \"a\"\ninto = []\n")), HasSubstr("two at least"));
  EXPECT_THAT(problems_of(change("merge_columns", "columns = [\"a\"]\ninto = \"a\"\ntype = \"int\"\nfill = \"a\"\n")),
              HasSubstr("a name of its own"));
}

}  // namespace
}  // namespace pgphase::testing
