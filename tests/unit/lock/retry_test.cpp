#include "phases/lock/retry.hpp"

#include <gtest/gtest.h>

namespace pgphase {
namespace {

using std::chrono::milliseconds;
using std::chrono::seconds;

LockLimits limits(int attempts, seconds budget, milliseconds pause = milliseconds(1000)) {
  LockLimits made;
  made.attempts = attempts;
  made.budget = budget;
  made.pause = pause;
  return made;
}

TEST(LockRetry, GivesUpAfterTheLastAttempt) {
  LockRetry retry(limits(3, seconds(600)), 1);
  EXPECT_TRUE(retry.next_pause(milliseconds(10)));
  EXPECT_TRUE(retry.next_pause(milliseconds(10)));
  EXPECT_FALSE(retry.next_pause(milliseconds(10)));
  EXPECT_EQ(retry.failed(), 3);
}

TEST(LockRetry, GivesUpWhenTheBudgetIsSpent) {
  LockRetry retry(limits(1000, seconds(5)), 1);
  milliseconds total{0};
  while (auto pause = retry.next_pause(milliseconds(500))) total += *pause + milliseconds(500);
  EXPECT_LT(total, seconds(5));
  EXPECT_GE(retry.spent(), milliseconds(500));
}

TEST(LockRetry, LeavesOthersAtLeastThreeTimesTheAttempt) {
  for (std::uint64_t seed = 0; seed < 200; ++seed) {
    LockRetry retry(limits(5, seconds(600)), seed);
    const auto pause = retry.next_pause(milliseconds(500));
    ASSERT_TRUE(pause);
    EXPECT_GE(*pause, milliseconds(1500)) << "seed " << seed;
  }
}

TEST(LockRetry, JitterCoversTheWholeWindowAndTheWindowDoublesUpTo30Seconds) {
  milliseconds smallest{1'000'000}, largest{0}, largest_late{0};
  for (std::uint64_t seed = 0; seed < 500; ++seed) {
    LockRetry retry(limits(100, seconds(100'000)), seed);
    const auto first = *retry.next_pause(milliseconds(1));
    smallest = std::min(smallest, first);
    largest = std::max(largest, first);
    for (int i = 0; i < 20; ++i) largest_late = std::max(largest_late, *retry.next_pause(milliseconds(1)));
  }
  EXPECT_LT(smallest, milliseconds(100));
  EXPECT_GT(largest, milliseconds(900));
  EXPECT_LE(largest, milliseconds(1000));
  EXPECT_GT(largest_late, seconds(25));
  EXPECT_LE(largest_late, seconds(30));
}

TEST(LockRetry, TheSameSeedPausesTheSame) {
  LockRetry a(limits(10, seconds(600)), 42), b(limits(10, seconds(600)), 42);
  for (int i = 0; i < 5; ++i) EXPECT_EQ(a.next_pause(milliseconds(7)), b.next_pause(milliseconds(7)));
}

}  // namespace
}  // namespace pgphase
