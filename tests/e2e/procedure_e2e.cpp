// The procedure that the users of this program wrote down for their first plan: apply, look, roll back, look, apply
// again, compare.
#include "tests/e2e/fixture.hpp"

namespace pgphase::testing {
namespace {

class ProcedureE2eTest : public ::testing::Test {
 protected:
  ProcedureE2eTest() { project.sample_plans(); }

  void expect_done(const std::vector<std::string>& args) {
    const auto output = project.run(args);
    ASSERT_EQ(output.code, 0) << output.out << output.err;
  }
  std::string current() {
    const auto output = project.run({"current"});
    EXPECT_EQ(output.code, 0) << output.err;
    return output.out;
  }
  std::vector<std::string> names(const std::string& sql) {
    std::vector<std::string> out;
    for (const auto& row : project.db().query(sql)) out.push_back(row.at(0).value_or("NULL"));
    return out;
  }

  Project project;
};

TEST_F(ProcedureE2eTest, CurrentPrintsNothingAndCreatesNothingOnAFreshDatabase) {
  const auto before = project.full_dump();
  EXPECT_EQ(current(), "");
  EXPECT_EQ(project.full_dump(), before);
  EXPECT_EQ(project.db().value("SELECT count(*) FROM pg_namespace WHERE nspname LIKE 'pgphase%'"), "0");
}

TEST_F(ProcedureE2eTest, NoReadingCommandLeavesAnythingBehind) {
  const auto before = project.full_dump();
  for (const std::vector<std::string>& args :
       std::vector<std::vector<std::string>>{{"status"},
                                             {"status", "--json"},
                                             {"history"},
                                             {"current", "--json"},
                                             {"explain"},
                                             {"explain", "001_initial", "--sql"}}) {
    expect_done(args);
  }
  EXPECT_EQ(project.run({"wait", "001_initial", "--phase", "additive", "--deadline", "100ms"}).code, 12);
  EXPECT_EQ(project.full_dump(), before);
}

TEST_F(ProcedureE2eTest, AppliedTheTableHasItsSevenColumnsAndThreeIndexes) {
  expect_done({"up", "001_initial"});
  EXPECT_EQ(
      names("SELECT column_name FROM information_schema.columns WHERE table_name = 'tasks' ORDER BY ordinal_position"),
      (std::vector<std::string>{"id", "title", "description", "completed", "user_id", "created_at", "updated_at"}));
  EXPECT_EQ(names("SELECT indexname FROM pg_indexes WHERE tablename = 'tasks' ORDER BY 1"),
            (std::vector<std::string>{"idx_tasks_created_at", "idx_tasks_user_id", "tasks_pkey"}));
  EXPECT_EQ(current(), "001_initial\n");
}

TEST_F(ProcedureE2eTest, RolledBackNothingOfTheTableIsLeftAndAppliedAgainItIsTheSame) {
  expect_done({"up", "001_initial"});
  const auto first = project.schema_dump();
  ASSERT_NE(first.find("public.tasks"), std::string::npos);

  expect_done({"rollback", "001_initial"});
  EXPECT_EQ(project.db().value("SELECT count(*) FROM information_schema.tables WHERE table_name = 'tasks'"), "0");
  EXPECT_EQ(project.db().value("SELECT count(*) FROM pg_indexes WHERE tablename = 'tasks'"), "0");
  EXPECT_EQ(current(), "");

  expect_done({"up", "001_initial"});
  EXPECT_EQ(project.schema_dump(), first);
  EXPECT_EQ(current(), "001_initial\n");
}

TEST_F(ProcedureE2eTest, WithRowsInItTheTableIsHiddenAndComesBackWithEveryRow) {
  expect_done({"up", "001_initial"});
  const auto schema = project.schema_dump();
  project.db().exec(
      "INSERT INTO tasks (title, user_id) SELECT 'task ' || i, 'u' || i % 7 FROM generate_series(1, 500) i");
  const std::string rows = "SELECT md5(string_agg(t::text, '|' ORDER BY id)) FROM tasks t";
  const auto before = project.db().value(rows);

  expect_done({"rollback", "001_initial"});
  EXPECT_EQ(project.db().value("SELECT count(*) FROM information_schema.tables WHERE table_name = 'tasks'"), "0");
  EXPECT_EQ(project.db().value("SELECT count(*) FROM pg_indexes WHERE tablename = 'tasks'"), "0");
  EXPECT_EQ(current(), "");

  expect_done({"up", "001_initial"});
  EXPECT_EQ(project.db().value(rows), before);
  EXPECT_EQ(project.schema_dump({"pgphase", "pgphase_retired"}), schema);
  EXPECT_EQ(project.db().value("INSERT INTO tasks (title, user_id) VALUES ('next', 'u1') RETURNING id"), "501");
}

}  // namespace
}  // namespace pgphase::testing
