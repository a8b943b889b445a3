// The governor against a simulated server, whose latency depends on how hard it is worked.
#include <gtest/gtest.h>

#include <cmath>
#include <random>

#include "orchestrator/throttle/governor.hpp"
#include "orchestrator/throttle/latency_window.hpp"
#include "tests/unit/throttle/limits.hpp"

namespace pgphase::testing {
namespace {

using namespace std::chrono_literals;

TEST(LatencyWindowTest, TheP95IsByNearestRankOverTheLastFiveSeconds) {
  LatencyWindow window;
  const LatencyWindow::TimePoint begin{1h};
  EXPECT_FALSE(window.p95(begin));
  window.add(begin, 1);
  window.add(begin, 2);
  EXPECT_FALSE(window.p95(begin)) << "two say nothing";
  window.add(begin, 3);
  EXPECT_EQ(window.p95(begin), 3);
  for (int i = 4; i <= 100; ++i) window.add(begin, i);
  EXPECT_EQ(window.p95(begin), 95);
  for (int i = 0; i < 20; ++i) window.add(begin + 4s, 7);
  EXPECT_EQ(window.p95(begin + 5s), 7) << "the hundred are five seconds old";
  EXPECT_FALSE(window.p95(begin + 10s));
}

// Latency at a duty: how the median grows, with noise around it.
struct Server {
  const char* name;
  double rest_ms;
  double (*slower)(double duty);  // by which factor
  double noise;                   // sigma of the logarithm
};

// Quadratic, as where a disk fills up; linear; and a queue that grows without end before full speed is reached.
constexpr Server k_servers[] = {
    {"linear", 2, [](double duty) { return 1 + 10 * duty; }, 0.2},
    {"quadratic", 2, [](double duty) { return 1 + 20 * duty * duty; }, 0.2},
    {"queue", 2, [](double duty) { return 1 / std::max(0.02, 1 - duty / 0.7); }, 0.2},
    {"noisy", 2, [](double duty) { return 1 + 10 * duty; }, 0.6},
    {"weak", 2, [](double duty) { return 1 + 60 * duty; }, 0.2},
};

struct Course {
  double p95 = 0;   // of all probes after the first half minute
  double duty = 0;  // mean, likewise
  double least_duty = 1;
  int held = 0;
  std::optional<double> limit;
};

// `disturbed` multiplies the latency whatever the duty, from the first half minute on.
Course simulate(const Server& server, const ThrottleLimits& limits, unsigned seed, double disturbed = 1,
                std::optional<double> rest = std::nullopt) {
  std::mt19937 random(seed);
  std::lognormal_distribution<double> noise(0, server.noise);
  LatencyWindow::TimePoint now{1h};
  Governor governor(limits, now);
  if (rest) governor.see_at_rest(*rest);
  LatencyWindow window;
  std::vector<double> settled;
  Course out;
  double duty = 1;
  constexpr int k_ticks = 3000, k_warm = 300;
  for (int tick = 0; tick < k_ticks; ++tick) {
    now += 100ms;
    const double factor = tick < k_warm ? 1 : disturbed;
    const double ms = server.rest_ms * server.slower(duty) * noise(random) * factor;
    window.add(now, ms);
    if (tick % 10 == 9) {
      if (const auto p95 = window.p95(now)) governor.see({Signal::probe_p95, *p95, ""}, now);
    }
    const auto verdict = governor.verdict(now);
    duty = verdict.duty;
    if (tick < k_warm) continue;
    settled.push_back(ms);
    out.duty += duty / (k_ticks - k_warm);
    out.least_duty = std::min(out.least_duty, duty);
    out.held += verdict.hold ? 1 : 0;
    out.limit = verdict.signals[0].limit;
  }
  const std::size_t rank = settled.size() * 95 / 100;
  std::nth_element(settled.begin(), settled.begin() + static_cast<std::ptrdiff_t>(rank), settled.end());
  out.p95 = settled[rank];
  return out;
}

TEST(ProbeTest, KeepsTheP95WithinAFifthOfItsLimit) {
  for (const Server& server : k_servers) {
    for (unsigned seed = 1; seed <= 8; ++seed) {
      const auto course = simulate(server, limits_with(Signal::probe_p95, 10), seed);
      EXPECT_GT(course.p95, 8.0) << server.name << ", seed " << seed << ": slower than it had to be";
      EXPECT_LT(course.p95, 12.0) << server.name << ", seed " << seed;
      EXPECT_EQ(course.held, 0) << server.name << ", seed " << seed << ": it stops and goes";
      EXPECT_GT(course.least_duty, course.duty / 3) << server.name << ", seed " << seed << ": it swings";
    }
  }
}

TEST(ProbeTest, WithRoomToSpareItRunsAtFullSpeed) {
  for (unsigned seed = 1; seed <= 4; ++seed) {
    EXPECT_GT(simulate(k_servers[0], limits_with(Signal::probe_p95, 60), seed).duty, 0.99) << "seed " << seed;
  }
}

TEST(ProbeTest, ALimitThatIsMissedWithoutUsIsAHold) {
  const auto course = simulate(k_servers[0], limits_with(Signal::probe_p95, 10), 1, 20);
  EXPECT_GT(course.held, 2000);
}

TEST(ProbeTest, ByDefaultItIsKeptWithinTwiceItsValueAtRest) {
  for (unsigned seed = 1; seed <= 8; ++seed) {
    Server slow = k_servers[0];
    slow.rest_ms = 10;
    const double rest = 10 * std::exp(1.645 * slow.noise);  // the p95 of a lognormal distribution
    const auto course = simulate(slow, probe_times_rest(2), seed, 1, rest);
    EXPECT_GT(course.p95, 1.6 * rest) << "seed " << seed;
    EXPECT_LT(course.p95, 2.4 * rest) << "seed " << seed;
    EXPECT_EQ(course.limit, 2 * rest);
  }
}

TEST(ProbeTest, NoiseOfAMillisecondDoesNotThrottle) {
  const Server fast{"fast", 0.3, [](double duty) { return 1 + 5 * duty; }, 0.3};
  const auto course = simulate(fast, probe_times_rest(2), 1, 1, 0.5);
  EXPECT_EQ(course.limit, 5);
  EXPECT_GT(course.duty, 0.99);
}

// Noon: everything takes three times as long, and not because of us.
TEST(ProbeTest, WhatIsAtRestIsFoundOutAgainWhenTheServerGetsBusier) {
  Server slow = k_servers[0];
  slow.rest_ms = 10;
  for (unsigned seed = 1; seed <= 4; ++seed) {
    const auto course = simulate(slow, probe_times_rest(2), seed, 3, 14);
    ASSERT_TRUE(course.limit);
    EXPECT_GT(*course.limit, 2 * 14 * 1.5) << "seed " << seed << ": it goes on with the morning's";
    EXPECT_GT(course.duty, 0.05) << "seed " << seed;
    EXPECT_LT(course.held, 600) << "seed " << seed;
  }
}

TEST(ProbeTest, AStormDuringTheFirstProbesDoesNotSetTheLimitForEver) {
  Server slow = k_servers[0];
  slow.rest_ms = 10;
  const auto course = simulate(slow, probe_times_rest(2), 1, 1, 500);
  ASSERT_TRUE(course.limit);
  EXPECT_LT(*course.limit, 500);
}

}  // namespace
}  // namespace pgphase::testing
