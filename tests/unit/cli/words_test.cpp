#include "orchestrator/cli/words.hpp"

#include <gtest/gtest.h>

namespace pgphase {
namespace {

TEST(Words, CountsInGroupsOfThree) {
  EXPECT_EQ(words::count(0), "0");
  EXPECT_EQ(words::count(999), "999");
  EXPECT_EQ(words::count(1000), "1,000");
  EXPECT_EQ(words::count(-123456), "-123,456");
  EXPECT_EQ(words::count(1234567), "1,234,567");
}

TEST(Words, SizesInTheUnitThatFits) {
  EXPECT_EQ(words::size(1023), "1023 B");
  EXPECT_EQ(words::size(1024), "1.0 KiB");
  EXPECT_EQ(words::size(std::int64_t{5} << 40), "5.0 TiB");
}

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
