#include "tests/bench/layout.hpp"

#include <gtest/gtest.h>

#include "tests/bench/bars.hpp"

namespace pgphase::bench {
namespace {

TEST(BenchBars, ABarIsMetAtItsLimitAndOnTheRightSideOfIt) {
  Bar faster{"speed", Wanted::at_least, 1.4, Unit::ratio, 1.4};
  EXPECT_EQ(faster.verdict(), "met");
  faster.figure = 1.39;
  EXPECT_EQ(faster.verdict(), "not met");
  EXPECT_EQ(with_verdict(faster), "1.39x, not met");
  EXPECT_EQ(faster.wanted_text(), ">= 1.40x");
  Bar less{"max", Wanted::at_most, 150, Unit::ms, 150};
  EXPECT_EQ(with_verdict(less), "150.0 ms, met");
  less.figure = 150.1;
  EXPECT_EQ(less.verdict(), "not met");
}

TEST(BenchBars, WhatWasNotMeasuredIsNeitherMetNorMissed) {
  const Bar bar{"2 workers", Wanted::at_least, 2.3, Unit::ratio, {}};
  EXPECT_FALSE(bar.met());
  EXPECT_EQ(bar.verdict(), "no figure");
  EXPECT_EQ(with_verdict(bar), "–");
}

TEST(BenchLayout, ColumnsStandBelowEachOther) {
  const Grid grid{{"way", "time"}, {{"blocking", "20.0 s"}, {"keyset – 1000", "9 s"}}};
  EXPECT_EQ(as_text(grid),
            "way              time\n"
            "blocking       20.0 s\n"
            "keyset – 1000     9 s\n");
}

TEST(BenchLayout, MarkdownKeepsABarInACellInItsCell) {
  EXPECT_EQ(as_markdown({{"way", "time"}, {{"a|b", "1 s"}}}),
            "| way | time |\n"
            "| --- | ---: |\n"
            "| a\\|b | 1 s |\n");
}

TEST(BenchLayout, ASectionReplacesTheOneOfItsNameAndNothingElse) {
  const std::string page = "# Page\n\n<!-- a -->\nold\n<!-- /a -->\n\nbetween\n\n<!-- b -->\n<!-- /b -->\nend\n";
  EXPECT_EQ(with_section(page, "a", "new\n"),
            "# Page\n\n<!-- a -->\nnew\n<!-- /a -->\n\nbetween\n\n<!-- b -->\n<!-- /b -->\nend\n");
  EXPECT_EQ(with_section(page, "b", "new\n"),
            "# Page\n\n<!-- a -->\nold\n<!-- /a -->\n\nbetween\n\n<!-- b -->\nnew\n<!-- /b -->\nend\n");
  EXPECT_EQ(with_section("x\n", "c", "new\n"), "x\n\n<!-- c -->\nnew\n<!-- /c -->\n");
  EXPECT_EQ(with_section("", "c", "new\n"), "<!-- c -->\nnew\n<!-- /c -->\n");
}

}  // namespace
}  // namespace pgphase::bench
