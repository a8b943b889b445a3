#include "phases/backfill/pacing.hpp"

#include <gtest/gtest.h>

namespace pgphase {
namespace {

using Ms = Pacing::Duration;

// Batches that cost `page` each, until the size no longer changes.
std::int64_t settled(Pacing pacing, Ms page) {
  for (int i = 0; i < 100; ++i) pacing.took(pacing.pages(), page * static_cast<double>(pacing.pages()));
  return pacing.pages();
}

TEST(PacingTest, StartsSmall) {
  EXPECT_EQ(Pacing(Ms(100)).pages(), 16);
}

TEST(PacingTest, GrowsByHalfAtMost) {
  Pacing pacing(Ms(100));
  pacing.took(16, Ms(0.5));
  EXPECT_EQ(pacing.pages(), 24);
  pacing.took(24, Ms(0.0));
  EXPECT_EQ(pacing.pages(), 36);
}

TEST(PacingTest, SettlesWhereABatchLastsAsLongAsItShould) {
  EXPECT_EQ(settled(Pacing(Ms(100)), Ms(1)), 100);
  EXPECT_EQ(settled(Pacing(Ms(100), 5000), Ms(1)), 100);
}

TEST(PacingTest, ShrinksAtOnceWhenFiveTimesTooLong) {
  Pacing pacing(Ms(100), 200);
  pacing.took(200, Ms(1000));
  EXPECT_EQ(pacing.pages(), 20);
}

TEST(PacingTest, EasesOffWhenSomewhatTooLong) {
  Pacing pacing(Ms(100), 200);
  pacing.took(200, Ms(400));
  EXPECT_EQ(pacing.pages(), 100);
}

TEST(PacingTest, ShrinksOnATimeoutAndNeverBelowOnePage) {
  Pacing pacing(Ms(100), 50);
  pacing.timed_out();
  EXPECT_EQ(pacing.pages(), 10);
  pacing.timed_out();
  pacing.timed_out();
  pacing.timed_out();
  EXPECT_EQ(pacing.pages(), 1);
}

TEST(PacingTest, ComesBackFromOnePage) {
  Pacing pacing(Ms(100), 1);
  pacing.took(1, Ms(1));
  EXPECT_EQ(pacing.pages(), 2);
}

TEST(PacingTest, LearnsNothingFromAChunksShortTailUnlessItWasSlow) {
  Pacing pacing(Ms(100), 100);
  pacing.took(2, Ms(10));  // five milliseconds a page, most of them the transaction's own
  EXPECT_EQ(pacing.pages(), 100);
  pacing.took(2, Ms(600));
  EXPECT_EQ(pacing.pages(), 1);
}

TEST(PacingTest, IsBounded) {
  EXPECT_EQ(settled(Pacing(Ms(100)), Ms(0)), Pacing::k_most_pages);
}

}  // namespace
}  // namespace pgphase
