#include "phases/retire/names.hpp"

#include <gtest/gtest.h>

#include "phases/retire/step_change.hpp"

namespace pgphase {
namespace {

TEST(RetiredNames, KeepTheOldNameReadable) {
  EXPECT_EQ(RetiredNames(7).hide("tasks"), "_pgphase_7_tasks");
  EXPECT_EQ(retired_column_name(7), "_pgphase_retired_7");
}

TEST(RetiredNames, AreNeverLongerThanPostgresKeeps) {
  const auto hidden = RetiredNames(1234567890123456789).hide(std::string(63, 'x'));
  EXPECT_EQ(hidden.size(), 63U);
  EXPECT_TRUE(hidden.starts_with("_pgphase_1234567890123456789_xxx"));
}

TEST(RetiredNames, AreCutBetweenCharacters) {
  std::string umlauts = "x";  // so that the cut falls into the middle of one
  for (int i = 0; i < 31; ++i) umlauts += "ü";
  const auto hidden = RetiredNames(7).hide(umlauts);
  EXPECT_EQ(hidden.size(), 62U);
  EXPECT_TRUE(hidden.ends_with("ü"));
}

TEST(RetiredNames, StayApartWhenOnlyTheCutEndsDiffered) {
  RetiredNames names(7);
  const std::string stem(60, 'x');
  std::set<std::string> hidden;
  for (const auto* end : {"a", "b", "c", "d", "e", "f", "g", "h", "i", "j", "k"}) {
    hidden.insert(names.hide(stem + end));
  }
  EXPECT_EQ(hidden.size(), 11U);
  for (const auto& name : hidden) EXPECT_LE(name.size(), 63U);
}

}  // namespace
}  // namespace pgphase
