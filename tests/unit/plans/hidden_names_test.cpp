#include "plans/base/hidden_names.hpp"

#include <gmock/gmock.h>

#include <set>

namespace pgphase {
namespace {

using ::testing::StartsWith;

constexpr std::size_t k_longest_name = 63;  // NAMEDATALEN - 1

// Every kind of name of one column.
std::vector<std::string> names_of(const TableName& table, const std::string& column) {
  return {not_null_proof_name(table, column), null_guard_name(table, column, 'i'), null_guard_name(table, column, 'u'),
          new_column_name(table, column)};
}

// Columns whose parts would be alike when they were only put one after the other.
std::vector<std::pair<TableName, std::string>> alike() {
  return {{{"public", "a"}, "bc"},    {{"public", "ab"}, "c"},  {{"publica", "b"}, "c"},  {{"public", "abc"}, ""},
          {{"public", "abc"}, "abc"}, {{"public", "a_b"}, "c"}, {{"public", "a"}, "b_c"}, {{"public", "a.b"}, "c"},
          {{"public.a", "b"}, "c"},   {{"public", "A"}, "bc"},  {{"public", "a"}, "bC"},  {{"", "public"}, "abc"},
          {{"public", "a"}, "bc "},   {{"other", "a"}, "bc"}};
}

TEST(HiddenNames, FitIntoWhatPostgreSQLKeepsOfANameHoweverLongTheirPartsAre) {
  const std::string longest(k_longest_name, 'x');
  std::string umlauts;
  while (umlauts.size() + 2 <= k_longest_name) umlauts += "ü";
  for (const auto& long_one : {longest, umlauts}) {
    for (const auto& name : names_of({long_one, long_one}, long_one)) EXPECT_LE(name.size(), k_longest_name) << name;
    EXPECT_LE(sync_function_name({long_one, long_one}).size(), k_longest_name);
  }
}

// A server cuts what is too long: names that differ at their very end only must not become one.
TEST(HiddenNames, AreDistinctForWhateverIsDistinct) {
  auto columns = alike();
  const std::string longest(k_longest_name - 1, 'x');
  for (const auto* last : {"y", "z"}) {
    columns.push_back({{"public", longest + last}, "c"});
    columns.push_back({{"public", "t"}, longest + last});
    columns.push_back({{longest + last, "t"}, "c"});
  }
  std::set<std::string> seen;
  std::size_t names = 0;
  for (const auto& [table, column] : columns) {
    for (const auto& name : names_of(table, column)) {
      seen.insert(name);
      ++names;
    }
  }
  EXPECT_EQ(seen.size(), names);
  std::set<std::string> functions;
  std::set<TableName> tables;
  for (const auto& [table, column] : columns) {
    functions.insert(sync_function_name(table));
    tables.insert(table);
  }
  EXPECT_EQ(functions.size(), tables.size());
}

TEST(HiddenNames, AreTheSameEachTime) {
  EXPECT_EQ(names_of({"public", "people"}, "email"), names_of({"public", "people"}, "email"));
  // A run finds by name what an older version of pgphase has left.
  EXPECT_EQ(not_null_proof_name({"public", "people"}, "email"), "_pgphase_not_null_4cfc929a538bb8f1");
  EXPECT_EQ(sync_function_name({"public", "people"}), "sync_8b8a39ea5927adce");
}

TEST(HiddenNames, BeginSoThatCataloguesLeaveThemOutAndTriggersFireInTheirPlace) {
  const TableName people{"public", "people"};
  EXPECT_THAT(not_null_proof_name(people, "email"), StartsWith("_pgphase_"));
  EXPECT_THAT(new_column_name(people, "email"), StartsWith("_pgphase_"));
  for (const char event : {'i', 'u'}) {
    const auto guard = null_guard_name(people, "email", event);
    EXPECT_THAT(guard, StartsWith("~pgphase_"));
    EXPECT_GT(guard, "~pgphase_sync") << "behind what keeps columns in step";
    EXPECT_GT(guard, "~pgphase_told_9999999");
    EXPECT_EQ(guard.back(), event);
  }
}

}  // namespace
}  // namespace pgphase
