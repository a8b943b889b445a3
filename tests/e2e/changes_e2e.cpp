// Every change goes forward, back and forward again, phase by phase, on a table with rows, and the catalogue and the
// rows are compared after each move; then it is rehearsed with everything that a rehearsal can do.
#include <gmock/gmock.h>

#include "phases/catalogue/compare.hpp"
#include "phases/catalogue/snapshot.hpp"
#include "tests/e2e/fixture.hpp"
#include "tests/support/change_cases.hpp"
#include "tests/support/server.hpp"

namespace pgphase::testing {
namespace {

using namespace std::chrono_literals;
using ::testing::IsEmpty;

enum class Rows { count, do_not };

std::vector<std::string> differences(const Snapshot& before, const Snapshot& after, Rows rows = Rows::count) {
  std::vector<std::string> words;
  for (const auto& difference : compare(before, after)) {
    if (rows == Rows::count || difference.object.kind != "rows") words.push_back(in_words(difference));
  }
  return words;
}

constexpr const char* k_plan = "001_change";

class ChangeE2eTest : public ::testing::TestWithParam<ChangeCase> {
 protected:
  ChangeE2eTest() {
    project.db().exec(GetParam().schema);
    project.plan(k_plan, "format = 1\n" + GetParam().plan);
  }
  void expect_done(const std::vector<std::string>& args) {
    const auto output = project.run(args);
    ASSERT_EQ(output.code, 0) << output.out << output.err;
  }
  void forward(const char* phase) { expect_done({"up", k_plan, "--through", phase, "--approve"}); }
  void back(const char* phase) { expect_done({"rollback", k_plan, "--phase", phase}); }
  Snapshot now() {
    SessionOptions options;
    options.conninfo = project.db().url();
    options.target = "the test's database";
    return take_snapshot(*Session::open(options).value(), {.rows = true}).value();
  }
  Project project;
};

TEST_P(ChangeE2eTest, GoesForwardBackAndForwardAgainPhaseByPhase) {
  std::vector<Snapshot> before;
  for (const auto phase : k_phases) {
    before.push_back(now());
    forward(to_string(phase));
  }
  const auto finished = now();
  EXPECT_NE(finished, before.front()) << "the plan does nothing";
  for (const auto phase : {Phase::constraint, Phase::backfill, Phase::additive}) {
    back(to_string(phase));
    // What a backfill has put into a column that the plan itself added stays there until the column goes.
    EXPECT_THAT(differences(before[static_cast<std::size_t>(phase)], now(), Rows::do_not), IsEmpty())
        << "after the rollback of " << to_string(phase);
  }
  EXPECT_THAT(differences(before.front(), now()), IsEmpty());
  for (const auto phase : k_phases) forward(to_string(phase));
  EXPECT_THAT(differences(finished, now()), IsEmpty());
}

TEST_P(ChangeE2eTest, EachPhaseAloneGoesBackAndForwardAgain) {
  for (const auto phase : k_phases) {
    const auto before = now();
    forward(to_string(phase));
    const auto after = now();
    if (after == before) continue;
    back(to_string(phase));
    EXPECT_THAT(differences(before, now(), Rows::do_not), IsEmpty()) << to_string(phase);
    forward(to_string(phase));
    EXPECT_THAT(differences(after, now()), IsEmpty()) << to_string(phase);
  }
}

TEST_P(ChangeE2eTest, PassesItsRehearsal) {
  project.db().disconnect();
  const auto output = project.run({"rehearse", "--branch", "template", "--writers", "--kill", "--every-step"}, 300s);
  EXPECT_EQ(output.code, 0) << output.out << output.err;
}

INSTANTIATE_TEST_SUITE_P(All, ChangeE2eTest, ::testing::ValuesIn(change_cases_for(test_server_major())),
                         [](const auto& instance) { return instance.param.name; });

}  // namespace
}  // namespace pgphase::testing
