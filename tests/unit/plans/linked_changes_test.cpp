// Changes whose new columns are kept in step with old ones.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "plans/split/phased_plan_json.hpp"
#include "tests/unit/plans/plan_text.hpp"

namespace pgphase::testing {
namespace {

using ::testing::HasSubstr;

std::string filled(const std::string& keys) {
  return "[[change]]\nop = \"add_column\"\ntable = \"t\"\ncolumn = \"c\"\ntype = \"int\"\n" + keys;
}

TEST(AddFilledColumnTest, ComesEmptyIsFilledAndStandsForItself) {
  const auto plan = plan_of(filled("fill = \"a + b\"\nnullable = false\ndefault = 3\n"));
  const auto link = body_of_step<LinkColumnsBody>(plan, Phase::additive);
  ASSERT_EQ(link.targets.size(), 1U);
  EXPECT_EQ(link.targets[0].name, "c");
  EXPECT_EQ(link.targets[0].type, "int");
  EXPECT_EQ(link.targets[0].expression, "a + b");
  ASSERT_EQ(link.sources.size(), 2U);
  EXPECT_EQ(link.sources[0].name + link.sources[1].name, "ab");
  EXPECT_TRUE(link.sources[0].expression.empty());

  const auto fill = body_of_step<BackfillBody>(plan, Phase::backfill);
  EXPECT_EQ(fill.todo, Todo::fill_empty);
  EXPECT_EQ(fill.link_step, plan[Phase::additive].steps[0].name);

  ASSERT_EQ(plan[Phase::constraint].steps.size(), 2U);
  EXPECT_EQ(plan[Phase::constraint].steps[0].name, "set_not_null t.c");
  const auto end = body_of_step<HandOverBody>(plan, Phase::constraint, 1);
  EXPECT_EQ(end.link_step, fill.link_step);
  ASSERT_EQ(end.defaults.size(), 1U);
  EXPECT_EQ(end.defaults[0].expression, "3");
}

TEST(AddFilledColumnTest, ComesBackFromTheLedgerAsItWas) {
  const auto plan = plan_of(filled("fill = \"a\"\ndown = \"c\"\nnull_means = \"absent\"\non_error = \"null\"\n"));
  const auto back = phased_plan_from_json(to_json(plan)).value();
  const auto link = body_of_step<LinkColumnsBody>(back, Phase::additive);
  EXPECT_EQ(link.sources[0].expression, "c");
  EXPECT_TRUE(link.null_is_absent);
  EXPECT_TRUE(link.errors_become_null);
  EXPECT_EQ(split_hash(back), plan.split_sha256);
}

TEST(AddFilledColumnTest, SaysWhatIsWrong) {
  EXPECT_THAT(problems_of(filled("fill = \"to_jsonb(t)\"\n")), HasSubstr("reads the whole row"));
  EXPECT_THAT(problems_of(filled("fill = \"a\"\ndown = { z = \"c\" }\n")), HasSubstr("leads back to z"));
  EXPECT_THAT(problems_of(filled("fill = \"a\"\nnull_means = \"nothing\"\n")), HasSubstr("not \"nothing\""));
  EXPECT_THAT(problems_of(filled("fill = \"a\"\nnull_means = \"null\"\n")), HasSubstr("would be filled like one"));
  EXPECT_THAT(problems_of(filled("down = \"c\"\n")), HasSubstr("belongs to a column that has a `fill`"));
}

}  // namespace
}  // namespace pgphase::testing
