#include "phases/backfill/scan.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "phases/backfill/harvest.hpp"

namespace pgphase {
namespace {

using ::testing::ElementsAre;
using Next = Harvest::Next;

LeafPlan leaf(std::int64_t pages, double rows, std::vector<std::string> indexes) {
  return {"public.t", pages, rows, std::move(indexes)};
}

TEST(BackfillScanTest, AnIndexIsWorthItWhereItFindsASmallPartOfALargeTable) {
  EXPECT_TRUE(worth_an_index({leaf(20'000, 1'000, {"i"})}, 1'000'000));
  EXPECT_FALSE(worth_an_index({leaf(20'000, 50'000, {"i"})}, 1'000'000)) << "5 %";
  EXPECT_FALSE(worth_an_index({leaf(10'000, 10, {"i"})}, 1'000'000)) << "not large";
  EXPECT_FALSE(worth_an_index({leaf(20'000, 1'000, {})}, 1'000'000)) << "it would be read as a whole";
}

TEST(BackfillScanTest, ASmallPartitionMayBeReadAsAWholeAndALargeOneMayNot) {
  EXPECT_TRUE(worth_an_index({leaf(20'000, 1'000, {"i"}), leaf(100, 10, {})}, 1'000'000));
  EXPECT_FALSE(worth_an_index({leaf(20'000, 1'000, {"i"}), leaf(101, 10, {})}, 1'000'000));
}

TEST(BackfillScanTest, ThePlanNamesTheIndexesOfABitmapAndNotThoseOfASubquery) {
  const auto plan = leaf_plan(R"([{"Plan": {"Node Type": "Bitmap Heap Scan", "Plan Rows": 1234, "Plans": [
    {"Node Type": "BitmapOr", "Parent Relationship": "Outer", "Plans": [
      {"Node Type": "Bitmap Index Scan", "Parent Relationship": "Member", "Index Name": "one"},
      {"Node Type": "Bitmap Index Scan", "Parent Relationship": "Member", "Index Name": "two"}]},
    {"Node Type": "Index Scan", "Parent Relationship": "SubPlan", "Index Name": "other"}]}}])");
  EXPECT_THAT(plan.indexes, ElementsAre("one", "two"));
  EXPECT_EQ(plan.rows, 1234);
  EXPECT_TRUE(leaf_plan(R"([{"Plan": {"Node Type": "Seq Scan", "Plan Rows": 1}}])").indexes.empty());
  EXPECT_TRUE(leaf_plan("nothing").indexes.empty());
}

TEST(BackfillScanTest, EachKindIsReadBackFromTheLedger) {
  for (const auto scan : {Scan::automatic, Scan::physical, Scan::index}) EXPECT_EQ(scan_named(to_string(scan)), scan);
  EXPECT_EQ(scan_named("striped"), std::nullopt);
}

TEST(BackfillHarvestTest, RowsAreSetInBatchesAndAPartialHarvestIsTheLast) {
  Harvest harvest;
  EXPECT_EQ(harvest.next(false), Next::gather);
  harvest.gathered({"(0,1)", "(0,2)", "(1,1)"});
  EXPECT_EQ(harvest.next(false), Next::set);
  EXPECT_THAT(harvest.first(2), ElementsAre("(0,1)", "(0,2)"));
  harvest.tried(2, 2, 0);
  EXPECT_THAT(harvest.first(2), ElementsAre("(1,1)"));
  harvest.tried(1, 1, 0);
  EXPECT_EQ(harvest.next(false), Next::through);
}

TEST(BackfillHarvestTest, AfterAFullOneTheIndexIsAskedAgainUnlessNoRowCouldBeSet) {
  Harvest harvest;
  const std::vector<std::string> full(Harvest::k_most, "(0,1)");
  harvest.gathered(full);
  harvest.tried(full.size(), 1, 0);
  EXPECT_EQ(harvest.next(false), Next::gather);
  harvest.gathered(full);
  harvest.tried(full.size(), 0, 5);
  EXPECT_EQ(harvest.next(false), Next::through) << "the scan leaves them for the sweep";
  EXPECT_EQ(harvest.next(true), Next::wait) << "the sweep does not leave them";
  harvest.waited();
  EXPECT_EQ(harvest.next(true), Next::gather);
}

TEST(BackfillHarvestTest, RowsThatCannotBeSetAndThatNobodyHoldsEndIt) {
  Harvest harvest;
  harvest.gathered({"(0,1)"});
  harvest.tried(1, 0, 0);
  EXPECT_EQ(harvest.next(true), Next::through);
}

}  // namespace
}  // namespace pgphase
