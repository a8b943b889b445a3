#include "plans/catalogue/expectations.hpp"

#include <gtest/gtest.h>

#include <algorithm>

#include "tests/unit/plans/plan_text.hpp"

namespace pgphase::testing {
namespace {

const TableName k_tasks{"public", "tasks"};

class ExpectationsTest : public ::testing::Test {
 protected:
  void add(const std::string& changes) {
    auto plan = plan_of(changes);
    plan.id.value = "00" + std::to_string(plans_.size() + 1) + "_p";
    plans_.push_back(std::move(plan));
  }
  std::vector<Expectation> expected() const {
    std::vector<const PhasedPlan*> in_order;
    for (const auto& plan : plans_) in_order.push_back(&plan);
    return expectations(in_order);
  }
  bool expects(Expected what, const TableName& table, const std::string& text) const {
    const auto all = expected();
    return std::any_of(all.begin(), all.end(), [&](const Expectation& one) {
      return one.what == what && one.table == table && one.text == text;
    });
  }
  std::vector<PhasedPlan> plans_;
};

constexpr const char* k_fill =
    "[[change]]\nop = \"add_column\"\ntable = \"tasks\"\ncolumn = \"slug\"\ntype = \"text\"\nfill = \"lower(title)\"\n";

TEST_F(ExpectationsTest, AFilledColumnNeedsItsTableItsSourcesAndAFreeName) {
  add(k_fill);
  EXPECT_TRUE(expects(Expected::ordinary_table, k_tasks, ""));
  EXPECT_TRUE(expects(Expected::column, k_tasks, "title"));
  EXPECT_TRUE(expects(Expected::new_column, k_tasks, "slug"));
  EXPECT_TRUE(expects(Expected::links, k_tasks, ""));
}

TEST_F(ExpectationsTest, WhatAnEarlierStepMakesIsNotLookedFor) {
  add("[[change]]\nop = \"add_column\"\ntable = \"tasks\"\ncolumn = \"title\"\ntype = \"text\"\n");
  add(k_fill);
  EXPECT_TRUE(expects(Expected::new_column, k_tasks, "title"));
  EXPECT_TRUE(expects(Expected::type, k_tasks, "text"));
  EXPECT_FALSE(expects(Expected::column, k_tasks, "title"));
  const auto all = expected();
  const auto links = std::find_if(all.begin(), all.end(), [](const auto& one) { return one.what == Expected::links; });
  ASSERT_NE(links, all.end());
  EXPECT_EQ(links->made, std::vector<std::string>{"title"}) << "an error that mentions it says nothing";
}

TEST_F(ExpectationsTest, OfATableThatAnEarlierStepMakesNothingIsExpectedButItsName) {
  add("[[change]]\nop = \"create_table\"\ntable = \"tasks\"\nprimary_key = [\"id\"]\ncolumns = [{ name = \"id\", type "
      "= "
      "\"int\" }, { name = \"title\", type = \"text\" }]\n");
  add(k_fill);
  const auto all = expected();
  ASSERT_EQ(all.size(), 1U);
  EXPECT_EQ(all.front().what, Expected::new_relation);
}

TEST_F(ExpectationsTest, BehindSqlThatMayDoAnythingNothingIsExpected) {
  add("[[additive]]\nname = \"f\"\nsql = \"CREATE FUNCTION f() RETURNS int LANGUAGE sql AS 'SELECT 1'\"\nrollback = "
      "\"DROP FUNCTION f()\"\n");
  add(k_fill);
  EXPECT_TRUE(expected().empty());
}

TEST_F(ExpectationsTest, ACheckIsPlannedAndItsNameIsFree) {
  add("[[change]]\nop = \"add_check\"\ntable = \"tasks\"\nname = \"positive\"\ncheck = \"n > 0\"\n");
  EXPECT_TRUE(expects(Expected::ordinary_table, k_tasks, ""));
  EXPECT_TRUE(expects(Expected::new_constraint, k_tasks, "positive"));
  const auto all = expected();
  EXPECT_TRUE(std::any_of(all.begin(), all.end(), [](const auto& one) { return one.what == Expected::query; }));
}

TEST_F(ExpectationsTest, AnIndexThatIsDroppedFirstLeavesItsName) {
  const std::string create =
      "[[change]]\nop = \"create_index\"\ntable = \"tasks\"\nname = \"by_title\"\ncolumns = [\"title\"]\n";
  add(create);
  EXPECT_TRUE(expects(Expected::new_relation, {"public", "by_title"}, ""));
  plans_.clear();
  add("[[change]]\nop = \"drop_index\"\nname = \"by_title\"\ntable = \"tasks\"\n");
  add(create);
  EXPECT_FALSE(expects(Expected::new_relation, {"public", "by_title"}, ""));
}

}  // namespace
}  // namespace pgphase::testing
