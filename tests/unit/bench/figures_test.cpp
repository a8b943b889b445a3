#include "tests/bench/figures.hpp"

#include <gtest/gtest.h>

namespace pgphase::bench {
namespace {

TEST(BenchFigures, TheMedianIsTheMiddleOrTheMeanOfTheTwoInTheMiddle) {
  EXPECT_FALSE(median({}));
  EXPECT_EQ(median({7}), 7);
  EXPECT_EQ(median({9, 1, 5}), 5);
  EXPECT_EQ(median({9, 1, 5, 6}), 5.5);
}

TEST(BenchFigures, APercentileIsAValueThatOccurred) {
  EXPECT_FALSE(percentile({}, 0.99));
  std::vector<double> hundred;
  for (int i = 100; i >= 1; --i) hundred.push_back(i);
  EXPECT_EQ(percentile(hundred, 0.5), 50);
  EXPECT_EQ(percentile(hundred, 0.99), 99);
  EXPECT_EQ(percentile(hundred, 1), 100);
  EXPECT_EQ(percentile(hundred, 0), 1);
  EXPECT_EQ(percentile({3, 8}, 0.99), 8) << "of few values the p99 is the largest";
}

TEST(BenchFigures, ARatioIsOfNeighboursAndNotOfMedians) {
  EXPECT_EQ(median_ratio({20, 40}, {10, 20}), 2);
  EXPECT_EQ(median_ratio({20, 40, 30}, {10, 20, 10}), 2) << "the medians, 30 and 10, were never beside each other";
  EXPECT_EQ(median_ratio({20, 40, 90}, {10, 20}), 2) << "no partner";
  EXPECT_EQ(median_ratio({20, 40}, {0, 20}), 2) << "nothing to divide by";
  EXPECT_FALSE(median_ratio({20}, {0}));
  EXPECT_FALSE(median_ratio({}, {1}));
}

TEST(BenchFigures, NumbersAreWrittenForPeople) {
  EXPECT_EQ(with_commas(0), "0");
  EXPECT_EQ(with_commas(999), "999");
  EXPECT_EQ(with_commas(1'500'000), "1,500,000");
  EXPECT_EQ(with_commas(-100), "-100");
  EXPECT_EQ(with_commas(-1'000), "-1,000");
  EXPECT_EQ(as_megabytes(633'700'000.0), "634 MB");
  EXPECT_EQ(as_mebibytes(22'544'384.0), "21.5 MiB");
  EXPECT_EQ(as_seconds({12.52}), "12.5 s");
  EXPECT_EQ(as_seconds({13, 12, 20}), "13.0 s (12.0–20.0)");
  EXPECT_EQ(as_ratio(1.589), "1.59x");
  EXPECT_EQ(as_percent(0.873), "87 %");
}

TEST(BenchFigures, WhatWasNotMeasuredIsNoZero) {
  for (const auto& text :
       {as_megabytes({}), as_mebibytes({}), as_seconds({}), as_milliseconds({}), as_ratio({}), as_percent({})}) {
    EXPECT_EQ(text, "–");
  }
}

}  // namespace
}  // namespace pgphase::bench
