// Every plan that ships goes forward, back phase by phase, and forward again, on a table with rows in it. After each
// way back the catalogue is what it was at that point on the way forward, and no row has lost anything.
#include <algorithm>
#include <filesystem>
#include <regex>

#include "tests/e2e/fixture.hpp"
#include "tests/support/paths.hpp"

namespace pgphase::testing {
namespace {

const std::vector<std::string> k_phases{"additive", "backfill", "constraint"};

std::vector<std::string> samples() {
  std::vector<std::string> ids;
  for (const auto& entry : std::filesystem::directory_iterator(source_folder() / "migrations")) {
    if (entry.path().extension() == ".toml") ids.push_back(entry.path().stem().string());
  }
  std::sort(ids.begin(), ids.end());
  return ids;
}

class SamplesE2eTest : public ::testing::TestWithParam<std::string> {
 protected:
  SamplesE2eTest() { project.sample_plans(); }

  void expect_done(const std::vector<std::string>& args) {
    const auto output = project.run(args);
    ASSERT_EQ(output.code, 0) << output.out << output.err;
  }

  // All plans before the one under test, with rows as an application would have written them.
  void bring_up_what_is_before(const std::string& plan) {
    for (const auto& id : samples()) {
      if (id == plan) return;
      expect_done({"up", id, "--approve"});
      if (id == "001_initial") write_tasks();
    }
  }
  void write_tasks() {
    project.db().exec(
        "INSERT INTO tasks (title, description, completed, user_id) "
        "SELECT 'task ' || i, repeat('d', i % 50), i % 3 = 0, 'u' || i % 11 FROM generate_series(1, 2000) i");
  }

  // The columns that the first plan made: whatever the plans do, the application's own rows stay as they are.
  std::string rows() {
    if (project.db().value("SELECT to_regclass('public.tasks') IS NULL") == "t") return "no table";
    return project.db().value(
        "SELECT md5(string_agg(concat_ws('|', id, title, description, completed, user_id, created_at, updated_at), ',' "
        "ORDER BY id)) FROM tasks");
  }
  // A column with values is hidden, not dropped: under its other name it stays in the table.
  std::string catalogue() {
    static const std::regex hidden_column(",\n    _pgphase_retired_[^,\n]*|column [^\n]* _pgphase_retired_[^\n]*\n");
    return std::regex_replace(project.schema_dump({"pgphase", "pgphase_retired"}), hidden_column, "");
  }

  Project project;
};

TEST_P(SamplesE2eTest, GoesForwardBackPhaseByPhaseAndForwardAgain) {
  const auto& plan = GetParam();
  bring_up_what_is_before(plan);
  std::vector<std::string> before_phase;  // the catalogue before each phase
  const auto rows_before = rows();
  for (const auto& phase : k_phases) {
    before_phase.push_back(catalogue());
    expect_done({"up", plan, "--through", phase, "--approve"});
  }
  expect_done({"up", plan});
  const auto finished = catalogue();
  EXPECT_NE(finished, before_phase.front()) << "the plan does nothing";
  const auto rows_after = rows();
  EXPECT_TRUE(rows_before == "no table" || rows_after == rows_before);

  for (auto phase = k_phases.size(); phase-- > 0;) {
    expect_done({"rollback", plan, "--phase", k_phases[phase]});
    EXPECT_EQ(catalogue(), before_phase[phase]) << "after the rollback of " << k_phases[phase];
    EXPECT_EQ(rows(), phase == 0 ? rows_before : rows_after) << "after the rollback of " << k_phases[phase];
  }
  EXPECT_EQ(project.plan_state(plan), "rolled_back");

  for (const auto& phase : k_phases) expect_done({"up", plan, "--through", phase, "--approve"});
  expect_done({"up", plan});
  EXPECT_EQ(catalogue(), finished);
  EXPECT_EQ(rows(), rows_after);
  EXPECT_EQ(project.plan_state(plan), "done");
}

TEST_P(SamplesE2eTest, EachPhaseAloneGoesBackAndForwardAgain) {
  const auto& plan = GetParam();
  bring_up_what_is_before(plan);
  for (const auto& phase : k_phases) {
    const auto before = catalogue();
    expect_done({"up", plan, "--through", phase, "--approve"});
    const auto after = catalogue();
    const auto rows_after = rows();
    expect_done({"rollback", plan, "--phase", phase});
    EXPECT_EQ(catalogue(), before) << phase;
    expect_done({"up", plan, "--through", phase, "--approve"});
    EXPECT_EQ(catalogue(), after) << phase;
    EXPECT_EQ(rows(), rows_after) << phase;
  }
}

INSTANTIATE_TEST_SUITE_P(Samples, SamplesE2eTest, ::testing::ValuesIn(samples()),
                         [](const auto& instance) { return instance.param; });

TEST(AllSamplesE2eTest, TogetherTheyGoForwardAllTheWayBackAndForwardAgain) {
  Project project;
  project.sample_plans();
  const auto catalogue = [&] { return project.schema_dump({"pgphase", "pgphase_retired"}); };
  const auto up = [&] {
    for (const auto& plan : samples()) {
      const auto output = project.run({"up", plan, "--approve"});
      ASSERT_EQ(output.code, 0) << output.out << output.err;
    }
  };
  const auto empty = catalogue();
  up();
  const auto finished = catalogue();
  const auto back = project.run({"rollback", "-" + std::to_string(samples().size())});
  ASSERT_EQ(back.code, 0) << back.out << back.err;
  EXPECT_EQ(catalogue(), empty);
  EXPECT_EQ(project.run({"current"}).out, "");
  up();
  EXPECT_EQ(catalogue(), finished);
}

}  // namespace
}  // namespace pgphase::testing
