// The program is killed at every failpoint and run again: the result must be that of an undisturbed run.
#include <gtest/gtest.h>

#include <iostream>

#include "tests/e2e/crash_rig.hpp"
#include "tests/e2e/crash_scenarios.hpp"
#include "tests/e2e/failpoint_names.hpp"

namespace pgphase::testing {
namespace {

// A part of a scenario's kills, so that parts can run beside each other.
struct Part {
  const char* scenario;
  std::size_t part, parts;
};

std::ostream& operator<<(std::ostream& out, const Part& part) {
  return out << part.scenario << " " << part.part + 1 << "/" << part.parts;
}

std::string name_of(const ::testing::TestParamInfo<Part>& info) {
  return std::string(info.param.scenario) + "_" + std::to_string(info.param.part + 1);
}

class CrashE2e : public ::testing::TestWithParam<Part> {
 protected:
  // Kept for the whole suite: each takes seconds to make.
  static const Recording& recording(const std::string& scenario) {
    auto& kept = recordings()[scenario];
    if (!kept) kept = std::make_unique<Recording>(crash_scenario(scenario));
    return *kept;
  }
  static void TearDownTestSuite() { recordings().clear(); }

  template <class Try>
  void for_my_part_of(const std::vector<Kill>& kills, Try attempt) {
    std::size_t tried = 0;
    for (std::size_t i = GetParam().part; i < kills.size(); i += GetParam().parts) {
      const auto wrong = attempt(kills[i]);
      EXPECT_EQ(wrong, "") << "command " << kills[i].action << " of " << GetParam().scenario << ", "
                           << to_string(kills[i]);
      ++tried;
    }
    std::cout << GetParam() << ": killed " << tried << " times\n";
    EXPECT_GT(tried, 0U);
  }

 private:
  static std::map<std::string, std::unique_ptr<Recording>>& recordings() {
    static std::map<std::string, std::unique_ptr<Recording>> all;
    return all;
  }
};

class CrashAgainE2e : public CrashE2e {};
class CrashTurnE2e : public CrashE2e {};

TEST_P(CrashAgainE2e, TheSameCommandAgainEndsAsIfNothingHadHappened) {
  const auto& whole = recording(GetParam().scenario);
  for_my_part_of(whole.kills(), [&](const Kill& kill) { return whole.kill_and_repeat(kill); });
}

TEST_P(CrashTurnE2e, TheWayBackAndForwardAgainEndsAsIfNothingHadHappened) {
  const auto& whole = recording(GetParam().scenario);
  for_my_part_of(whole.kills_before_turns(), [&](const Kill& kill) { return whole.kill_and_turn(kill); });
}

INSTANTIATE_TEST_SUITE_P(Kill, CrashAgainE2e,
                         ::testing::Values(Part{"release", 0, 2}, Part{"there_and_back", 0, 2},
                                           Part{"moved_rows", 0, 1}, Part{"bad_row", 0, 1}, Part{"trouble", 0, 2}, Part{"release", 1, 2},
                                           Part{"there_and_back", 1, 2}, Part{"trouble", 1, 2},
                                           Part{"linked_columns", 0, 1}, Part{"old_columns", 0, 2},
                                           Part{"old_columns", 1, 2}, Part{"null_behind_the_guard", 0, 1},
                                           Part{"whole_tables", 0, 1}, Part{"purge", 0, 1},
                                           Part{"old_values", 0, 1}, Part{"half_a_way_back", 0, 1},
                                           Part{"changed_types", 0, 4}, Part{"changed_types", 1, 4},
                                           Part{"changed_types", 2, 4}, Part{"changed_types", 3, 4},
                                           Part{"value_behind_the_proof", 0, 1}, Part{"hidden_type", 0, 1}, Part{"rows_of_its_own", 0, 1}),
                         name_of);
INSTANTIATE_TEST_SUITE_P(Kill, CrashTurnE2e,
                         ::testing::Values(Part{"there_and_back", 0, 2}, Part{"there_and_back", 1, 2},
                                           Part{"linked_columns", 0, 1}, Part{"old_columns", 0, 2},
                                           Part{"old_columns", 1, 2}, Part{"whole_tables", 0, 1},
                                           Part{"old_values", 0, 1}, Part{"changed_types", 0, 4},
                                           Part{"changed_types", 1, 4}, Part{"changed_types", 2, 4},
                                           Part{"changed_types", 3, 4}, Part{"hidden_type", 0, 1}, Part{"rows_of_its_own", 0, 1}),
                         name_of);

TEST(CrashPointsE2e, NoFailpointIsLeftOut) {
  const auto known = failpoints_in_sources();
  for (const auto& call : known.unreadable) ADD_FAILURE() << "a failpoint whose name the test cannot read: " << call;

  std::set<std::string> hit;
  std::size_t kills = 0;
  for (const auto& scenario : crash_scenarios()) {
    const Recording whole(scenario);
    for (const auto& kill : whole.kills()) hit.insert(kill.point);
    kills += whole.kills().size() + whole.kills_before_turns().size();
  }
  for (const auto& point : known.names) EXPECT_TRUE(hit.contains(point)) << "no scenario passes " << point;
  for (const auto& point : hit)
    EXPECT_TRUE(known.names.contains(point)) << point << " is passed, but not in the sources";
  std::cout << hit.size() << " of " << known.names.size() << " failpoints are hit, in " << kills << " kills\n";
}

}  // namespace
}  // namespace pgphase::testing
