#include "orchestrator/throttle/governor.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "tests/unit/throttle/limits.hpp"

namespace pgphase::testing {
namespace {

using namespace std::chrono_literals;
using ::testing::HasSubstr;

// A governor whose clock is moved by hand.
class GovernorTest : public ::testing::Test {
 protected:
  void make(const ThrottleLimits& limits) { governor_.emplace(limits, now_); }
  void see(Signal signal, double value) { governor_->see({signal, value, "words"}, now_); }
  void fails(Signal signal) { governor_->see(unreadable(signal, "of a test"), now_); }
  Verdict after(std::chrono::milliseconds time) {
    now_ += time;
    return governor_->verdict(now_);
  }
  // A second a reading, and the last verdict.
  Verdict seconds_with(int seconds, Signal signal, double value) {
    Verdict last;
    for (int i = 0; i < seconds; ++i) {
      see(signal, value);
      last = after(1s);
    }
    return last;
  }

  Governor::TimePoint now_{1h};
  std::optional<Governor> governor_;
};

TEST_F(GovernorTest, NothingToWatchIsFullSpeed) {
  make({});
  const auto verdict = after(0ms);
  EXPECT_EQ(verdict.duty, 1);
  EXPECT_FALSE(verdict.hold);
  EXPECT_EQ(verdict.why, "");
  EXPECT_TRUE(verdict.signals.empty());
}

struct Level {
  Signal signal;
  double limit;
  double value;
  double duty;  // where it settles; 0: held
  const char* why;
};

class LevelTest : public GovernorTest, public ::testing::WithParamInterface<Level> {};

TEST_P(LevelTest, TheDutySettlesWhereTheSignalLeavesIt) {
  const auto& level = GetParam();
  make(limits_with(level.signal, level.limit));
  const auto verdict = seconds_with(20, level.signal, level.value);
  EXPECT_NEAR(verdict.duty, level.duty, 0.001);
  EXPECT_EQ(verdict.hold, level.duty == 0);
  EXPECT_EQ(verdict.why, level.why);
}

constexpr double k_gib = 1024.0 * 1024 * 1024;

INSTANTIATE_TEST_SUITE_P(
    Levels, LevelTest,
    ::testing::Values(
        Level{Signal::replica_lag, 10'000, 0, 1, ""}, Level{Signal::replica_lag, 10'000, 6'000, 1, ""},
        Level{Signal::replica_lag, 10'000, 8'000, 0.5, "replica_lag 8 s, limit 10 s"},
        Level{Signal::replica_lag, 10'000, 9'990, 0.05, "replica_lag 10 s, limit 10 s"},
        Level{Signal::replica_lag, 10'000, 12'300, 0, "replica_lag 12.3 s, limit 10 s"},
        Level{Signal::slot_wal, 10 * k_gib, 9 * k_gib, 0.25, "slot_wal 9.0 GiB, limit 10.0 GiB"},
        Level{Signal::archive_backlog, 64, 70, 0, "archive_backlog 70 files, limit 64 files"},
        Level{Signal::blocked_by_us, 500, 400, 0.5, "blocked_by_us 400 ms, limit 500 ms"},
        Level{Signal::active_sessions, 40, 20, 1, ""},
        Level{Signal::dead_tuples, 0.3, 0.31, 0, "dead_tuples 31 %, limit 30 %"},
        // Here the limit is the least.
        Level{Signal::free_space_query, 20 * k_gib, 100 * k_gib, 1, ""},
        Level{Signal::free_space_query, 20 * k_gib, 25 * k_gib, 0.5, "free_space_query 25.0 GiB, at least 20.0 GiB"},
        Level{Signal::free_space_query, 20 * k_gib, 19 * k_gib, 0, "free_space_query 19.0 GiB, at least 20.0 GiB"},
        Level{Signal::free_space_query, 20 * k_gib, 0, 0, "free_space_query 0 B, at least 20.0 GiB"},
        Level{Signal::custom, 1000, 1000, 0, "custom 1000, limit 1000"},
        // Nothing can be approached evenly: over it, or not.
        Level{Signal::custom, 0, 0, 1, ""}, Level{Signal::custom, 0, 1, 0, "custom 1, limit 0"},
        Level{Signal::custom, -5, -6, 1, ""}, Level{Signal::custom, -5, -4, 0, "custom -4, limit -5"}));

TEST_F(GovernorTest, TheWorstSignalDecides) {
  auto limits = limits_with(Signal::replica_lag, 10'000);
  limits[Signal::archive_backlog].on = true;
  limits[Signal::archive_backlog].limit = 100;
  make(limits);
  for (int i = 0; i < 20; ++i) {
    see(Signal::replica_lag, 7'000);
    see(Signal::archive_backlog, 90);
    after(1s);
  }
  const auto verdict = after(0ms);
  EXPECT_NEAR(verdict.duty, 0.25, 0.001);
  EXPECT_EQ(verdict.why, "archive_backlog 90 files, limit 100 files");
  ASSERT_EQ(verdict.signals.size(), 2U);
  EXPECT_EQ(verdict.signals[0].signal, Signal::replica_lag);
  EXPECT_EQ(verdict.signals[0].value, 7'000);
  EXPECT_EQ(verdict.signals[0].limit, 10'000);
}

TEST_F(GovernorTest, NobodyBeginsBeforeTheFirstLook) {
  make(limits_with(Signal::replica_lag, 10'000));
  auto verdict = after(10ms);
  EXPECT_TRUE(verdict.hold);
  EXPECT_EQ(verdict.why, "replica_lag is being read for the first time");
  see(Signal::replica_lag, 100);
  verdict = after(10ms);
  EXPECT_FALSE(verdict.hold);
  EXPECT_EQ(verdict.duty, 1) << "the first verdict goes all the way";
}

TEST_F(GovernorTest, TheFirstVerdictGoesAllTheWayDownToo) {
  make(limits_with(Signal::replica_lag, 10'000));
  see(Signal::replica_lag, 9'000);
  EXPECT_NEAR(after(10ms).duty, 0.25, 0.001);
}

TEST_F(GovernorTest, AServerThatDoesNotAnswerIsUnreadableAfterTwoSeconds) {
  make(limits_with(Signal::replica_lag, 10'000, WhenUnreadable::go_on));
  EXPECT_TRUE(after(1'900ms).hold);
  EXPECT_EQ(after(200ms).duty, 1);
  make(limits_with(Signal::replica_lag, 10'000, WhenUnreadable::hold));
  const auto verdict = after(2'100ms);
  EXPECT_TRUE(verdict.hold);
  EXPECT_EQ(verdict.why, "replica_lag cannot be read, because the server has not answered in time");
}

TEST_F(GovernorTest, TheDutyHalvesWithinASecondAndRisesByATenth) {
  make(limits_with(Signal::replica_lag, 10'000));
  EXPECT_EQ(seconds_with(3, Signal::replica_lag, 0).duty, 1);
  EXPECT_NEAR(seconds_with(1, Signal::replica_lag, 9'900).duty, 0.5, 0.001);
  EXPECT_NEAR(seconds_with(1, Signal::replica_lag, 9'900).duty, 0.25, 0.001);
  auto rising = seconds_with(1, Signal::replica_lag, 0);
  EXPECT_NEAR(rising.duty, 0.35, 0.001);
  EXPECT_EQ(rising.why, "speeding up again after replica_lag");
  rising = seconds_with(7, Signal::replica_lag, 0);
  EXPECT_EQ(rising.duty, 1);
  EXPECT_EQ(rising.why, "");
}

TEST_F(GovernorTest, WhatIsHeldIsLetGoAtNinetyPercentOnly) {
  make(limits_with(Signal::replica_lag, 10'000));
  EXPECT_TRUE(seconds_with(1, Signal::replica_lag, 10'000).hold);
  EXPECT_TRUE(seconds_with(1, Signal::replica_lag, 9'500).hold);
  const auto verdict = seconds_with(1, Signal::replica_lag, 8'900);
  EXPECT_FALSE(verdict.hold);
  EXPECT_NEAR(verdict.duty, 0.1, 0.001);
}

TEST_F(GovernorTest, AHoldComesAtOnceAndNotWithTheNextStep) {
  make(limits_with(Signal::blocked_by_us, 500));
  seconds_with(3, Signal::blocked_by_us, 0);
  see(Signal::blocked_by_us, 700);
  const auto verdict = after(10ms);
  EXPECT_TRUE(verdict.hold);
  EXPECT_EQ(verdict.duty, 0);
}

TEST_F(GovernorTest, OneFailedReadingChangesNothingButStopsTheRise) {
  make(limits_with(Signal::replica_lag, 10'000, WhenUnreadable::hold));
  seconds_with(3, Signal::replica_lag, 9'990);
  const double before = seconds_with(1, Signal::replica_lag, 0).duty;
  fails(Signal::replica_lag);
  auto verdict = after(1s);
  EXPECT_FALSE(verdict.hold);
  EXPECT_EQ(verdict.duty, before);
  fails(Signal::replica_lag);
  verdict = after(5s);
  EXPECT_TRUE(verdict.hold);
  EXPECT_EQ(verdict.why, "replica_lag cannot be read, because of a test");
  ASSERT_EQ(verdict.signals.size(), 1U);
  EXPECT_FALSE(verdict.signals[0].value);
}

TEST_F(GovernorTest, AnUnreadableSignalThatMayBePassedOverIsShownAndSlowsNothing) {
  make(limits_with(Signal::replica_lag, 10'000, WhenUnreadable::go_on));
  fails(Signal::replica_lag);
  const auto verdict = after(10ms);
  EXPECT_EQ(verdict.duty, 1);
  EXPECT_EQ(verdict.why, "");
  ASSERT_EQ(verdict.signals.size(), 1U);
  EXPECT_EQ(verdict.signals[0].words, "cannot be read, because of a test");
}

TEST_F(GovernorTest, AHeldSignalThatGoesSilentIsHeldAsLongAsItsValueCounts) {
  make(limits_with(Signal::replica_lag, 10'000, WhenUnreadable::go_on));
  EXPECT_TRUE(seconds_with(2, Signal::replica_lag, 20'000).hold);
  EXPECT_TRUE(after(3s).hold);
  EXPECT_FALSE(after(3s).hold) << "then it is unreadable, and may be passed over";
}

TEST_F(GovernorTest, ALongSilenceOfTheCallerIsNotMadeUpFor) {
  make(limits_with(Signal::replica_lag, 10'000));
  seconds_with(5, Signal::replica_lag, 9'990);
  now_ += 1h;
  see(Signal::replica_lag, 0);
  EXPECT_LE(governor_->verdict(now_).duty, 1);
  EXPECT_EQ(after(500ms).duty, governor_->verdict(now_).duty);
}

TEST_F(GovernorTest, ASignalThatIsOffIsIgnored) {
  make(limits_with(Signal::replica_lag, 10'000));
  see(Signal::slot_wal, 1e15);
  see(Signal::replica_lag, 0);
  EXPECT_EQ(after(10ms).duty, 1);
}

// A standby that replays half of what full speed writes: lag is what piles up. Nobody may swing between full speed and
// hold there.
TEST_F(GovernorTest, BesideAStandbyOfHalfTheSpeedTheDutySettlesAtAHalf) {
  make(limits_with(Signal::replica_lag, 10'000));
  double lag = 0, duty = 1, least = 1, most = 0;
  int held = 0;
  for (int second = 0; second < 300; ++second) {
    lag = std::max(0.0, lag + (duty - 0.5) / 0.5 * 1000);
    see(Signal::replica_lag, lag);
    const auto verdict = after(1s);
    duty = verdict.duty;
    if (second < 100) continue;
    least = std::min(least, duty);
    most = std::max(most, duty);
    held += verdict.hold ? 1 : 0;
  }
  EXPECT_EQ(held, 0);
  EXPECT_GT(least, 0.4);
  EXPECT_LT(most, 0.6);
  EXPECT_LT(lag, 10'000);
}

struct Pause {
  int worked_ms;
  double duty;
  bool hold;
  int pause_ms;
};

TEST(PauseAfterTest, WorksThatPartOfTheTime) {
  for (const Pause& c : {Pause{100, 1, false, 0}, Pause{100, 0.5, false, 100}, Pause{100, 0.25, false, 300},
                         Pause{100, 0.05, false, 1900}, Pause{100, 0, false, 1900}, Pause{1000, 0.05, false, 5000},
                         Pause{0, 0.5, false, 0}, Pause{100, 0, true, 250}}) {
    Verdict verdict;
    verdict.duty = c.duty;
    verdict.hold = c.hold;
    EXPECT_EQ(pause_after(std::chrono::milliseconds(c.worked_ms), verdict).count(), c.pause_ms) << c.duty;
  }
}

TEST(PauseAfterTest, TheFirstLookIsNotWaitedForLonger) {
  Verdict verdict;
  verdict.hold = verdict.first_look = true;
  EXPECT_EQ(pause_after(std::chrono::milliseconds(0), verdict).count(), 10);
}

}  // namespace
}  // namespace pgphase::testing
