#include "orchestrator/rehearsal/report.hpp"

#include <gmock/gmock.h>

#include <boost/json/serialize.hpp>

namespace pgphase {
namespace {

using ::testing::HasSubstr;
using ::testing::Not;

Rehearsal example() {
  RehearsedPlan plan;
  plan.plan = {"001_a"};
  plan.description = "Tasks & <more>";
  plan.checks = {{"additive goes forward (1 step)", Check::Outcome::passed, {}},
                 {"additive rolls back", Check::Outcome::failed, {"column t.a: default was '<b>', is \x01"}},
                 {"killed", Check::Outcome::passed_over, {"nothing to kill"}}};
  plan.phases = {{Phase::additive, 0.25, 1.5, 0, 2048}};
  plan.steps = {{Phase::additive, "create_table t", 3.25, 0}};
  Rehearsal rehearsal;
  rehearsal.source = "app on db:5432";
  rehearsal.seconds = 2;
  rehearsal.plans = {plan};
  return rehearsal;
}

TEST(RehearsalReport, OneFailureFailsTheWholeAndWhatWasPassedOverDoesNot) {
  auto rehearsal = example();
  EXPECT_FALSE(rehearsal.ok());
  EXPECT_EQ(verdict(rehearsal), "1 of 3 criteria are not met");
  rehearsal.plans[0].checks.erase(rehearsal.plans[0].checks.begin() + 1);
  EXPECT_TRUE(rehearsal.ok());
  EXPECT_EQ(verdict(rehearsal), "all 2 criteria are met");
}

TEST(RehearsalReport, TextShowsTicksAndDifferences) {
  const auto text = as_text(example(), false);
  EXPECT_THAT(text, HasSubstr("  ✓ additive goes forward (1 step)\n"));
  EXPECT_THAT(text, HasSubstr("  ✗ additive rolls back\n      column t.a"));
  EXPECT_THAT(text, HasSubstr("  – killed\n      nothing to kill\n"));
  EXPECT_THAT(text, HasSubstr("additive: forward 250 ms, back 1.5 s"));
  EXPECT_THAT(text, HasSubstr("strong lock held 3.2 ms"));
  EXPECT_THAT(text, Not(HasSubstr("\033[")));
  EXPECT_THAT(as_text(example(), true), HasSubstr("\033[31m✗"));
}

TEST(RehearsalReport, MarkupHoldsNothingThatBreaksIt) {
  for (const auto& text : {as_html(example()), as_junit(example())}) {
    EXPECT_THAT(text, Not(HasSubstr("<b>")));
    EXPECT_THAT(text, Not(HasSubstr("\x01")));
    EXPECT_THAT(text, HasSubstr("&lt;b&gt;"));
  }
  EXPECT_THAT(as_html(example()), HasSubstr("Tasks &amp; &lt;more&gt;"));
  EXPECT_THAT(as_junit(example()), HasSubstr("tests=\"3\" failures=\"1\" skipped=\"1\""));
}

TEST(RehearsalReport, MarkdownTicksOnlyWhatPassed) {
  const auto text = as_markdown(example());
  EXPECT_THAT(text, HasSubstr("- [x] additive goes forward"));
  EXPECT_THAT(text, HasSubstr("- [ ] additive rolls back"));
  EXPECT_THAT(text, HasSubstr("- [ ] killed (passed over)"));
}

TEST(RehearsalReport, JsonHasEverything) {
  const auto json = as_json(example());
  EXPECT_FALSE(json.at("ok").as_bool());
  const auto& plan = json.at("plans").as_array().at(0).as_object();
  EXPECT_EQ(plan.at("checks").as_array().size(), 3U);
  EXPECT_EQ(plan.at("phases").as_array().at(0).at("wal_bytes").to_number<int>(), 2048);
}

TEST(RehearsalReport, StatementsThatFailedAreToldBySqlstateWithAnExample) {
  auto rehearsal = example();
  rehearsal.plans[0].longest_wait_ms = 3;
  rehearsal.plans[0].failed_statements = {{Phase::constraint, "42703", "column \"a\" does not exist", 12}};
  const auto* words =
      "constraint: 12 of the applications' statements failed with 42703, such as: column \"a\" does not exist";
  EXPECT_THAT(as_text(rehearsal, false), HasSubstr(words));
  EXPECT_THAT(as_markdown(rehearsal), HasSubstr(words));
  EXPECT_THAT(boost::json::serialize(as_json(rehearsal)),
              HasSubstr("\"failed_statements\":[{\"phase\":\"constraint\",\"sqlstate\":\"42703\",\"count\":12"));
}

}  // namespace
}  // namespace pgphase
