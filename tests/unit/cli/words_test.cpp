#include "orchestrator/cli/words.hpp"

#include <gtest/gtest.h>

namespace pgphase {
namespace {

TEST(Words, DurationsInAtMostTwoUnits) {
  using namespace std::chrono_literals;
  EXPECT_EQ(words::duration(59s), "59 s");
  EXPECT_EQ(words::duration(12min), "12 min");
  EXPECT_EQ(words::duration(3h + 5min), "3 h 5 min");
  EXPECT_EQ(words::duration(52h), "2 d 4 h");
}

TEST(Words, TimesInUtcToTheSecond) {
  const auto day = std::chrono::sys_days(std::chrono::year(2026) / 1 / 31);
  EXPECT_EQ(words::time(ServerTime(day + std::chrono::hours(18) + std::chrono::microseconds(999999))),
            "2026-01-31T18:00:00Z");
}

TEST(Words, FirstLineSaysThatThereIsMore) {
  EXPECT_EQ(words::first_line("SELECT 1"), "SELECT 1");
  EXPECT_EQ(words::first_line("SELECT\n1"), "SELECT …");
}

}  // namespace
}  // namespace pgphase
