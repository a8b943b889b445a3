#include "phases/throttle/lsn_memory.hpp"

#include <gtest/gtest.h>

#include "phases/throttle/wal_backlog.hpp"

namespace pgphase::testing {
namespace {

using namespace std::chrono_literals;

class LsnMemoryTest : public ::testing::Test {
 protected:
  void saw(std::chrono::milliseconds at, std::uint64_t lsn) { memory_.saw(k_begin + at, lsn); }
  double lag(std::chrono::milliseconds at, std::uint64_t lsn) const {
    return memory_.lag_at(k_begin + at, lsn).time.count();
  }
  static constexpr LsnMemory::TimePoint k_begin{1h};
  LsnMemory memory_;
};

TEST_F(LsnMemoryTest, WhoHasEverythingIsNotBehindHoweverLongNothingWasWritten) {
  saw(0s, 1000);
  EXPECT_EQ(lag(10s, 1000), 0);
  EXPECT_EQ(lag(10s, 1001), 0);
  saw(3600s, 1000);
  EXPECT_EQ(lag(3600s, 1000), 0);
}

TEST_F(LsnMemoryTest, WhoStandsStillFallsBehindByASecondASecond) {
  saw(0s, 1000);
  saw(1s, 2000);
  EXPECT_EQ(lag(1s, 1000), 1000);
  saw(2s, 3000);
  EXPECT_EQ(lag(2s, 1000), 2000);
  EXPECT_EQ(lag(9s, 1000), 9000);
}

TEST_F(LsnMemoryTest, AfterAQuietHourABurstIsNotAnHourOfLag) {
  for (int second = 0; second <= 3600; ++second) saw(std::chrono::seconds(second), 1000);
  saw(3601s, 2000);
  EXPECT_EQ(lag(3601s, 1000), 1000);
  EXPECT_LE(memory_.size(), 4U);
}

TEST_F(LsnMemoryTest, AFewBytesAreAFewMilliseconds) {
  saw(0s, 1000);
  saw(1s, 2000);
  EXPECT_NEAR(lag(1s, 1990), 10, 0.001);
  EXPECT_NEAR(lag(1s, 1500), 500, 0.001);
}

TEST_F(LsnMemoryTest, BeforeAllThatIsRememberedItIsAtLeastThat) {
  EXPECT_FALSE(memory_.lag_at(k_begin, 5).at_least);
  saw(0s, 1000);
  saw(1s, 2000);
  const auto lag = memory_.lag_at(k_begin + 4s, 10);
  EXPECT_TRUE(lag.at_least);
  EXPECT_EQ(lag.time, 4s);
}

TEST_F(LsnMemoryTest, AServerWithLessWalIsAnotherServer) {
  saw(0s, 1000);
  saw(1s, 2000);
  saw(2s, 500);
  EXPECT_EQ(lag(2s, 500), 0);
  EXPECT_EQ(memory_.size(), 1U);
}

TEST_F(LsnMemoryTest, ADayIsRememberedInBoundedSpaceAndTheLastMinutesPrecisely) {
  for (int second = 0; second <= 86'400; ++second) saw(std::chrono::seconds(second), 1000U * (second + 1U));
  EXPECT_LE(memory_.size(), LsnMemory::k_most);
  EXPECT_NEAR(lag(86'400s, 1000U * 86'391U), 10'000, 1);
  EXPECT_NEAR(lag(86'400s, 1000U * 43'201U), 43'200'000, 1);
}

TEST(WalSegmentTest, NumbersTheFilesOfATimeline) {
  constexpr std::uint64_t k_16mib = 16ULL << 20;
  EXPECT_EQ(wal_segment_number("000000010000000000000003", k_16mib), 3U);
  EXPECT_EQ(wal_segment_number("000000020000000100000000", k_16mib), 256U);
  EXPECT_EQ(wal_segment_number("0000000100000001000000FF", k_16mib), 511U);
  EXPECT_EQ(wal_segment_number("000000010000000100000001", 1ULL << 30), 5U);
  for (const char* other : {"", "00000002.history", "000000010000000000000003.00000028.backup",
                            "00000001000000000000000g", "000000010000000000000003.partial"}) {
    EXPECT_FALSE(wal_segment_number(other, k_16mib)) << other;
  }
}

}  // namespace
}  // namespace pgphase::testing
