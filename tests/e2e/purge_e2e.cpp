// What a purge drops, when it may, and that nothing is left of a plan behind it but its history.
#include <gmock/gmock.h>

#include <chrono>
#include <thread>

#include "tests/e2e/fixture.hpp"
#include "tests/support/change_cases.hpp"
#include "tests/support/server.hpp"

namespace pgphase::testing {
namespace {

using ::testing::AllOf;
using ::testing::HasSubstr;
using ::testing::Not;

constexpr const char* k_tasks =
    "CREATE TABLE tasks (id integer PRIMARY KEY, title text, priority integer DEFAULT 3 NOT NULL);"
    "INSERT INTO tasks SELECT i, 'task ' || i, i % 5 FROM generate_series(1, 100) i;";

constexpr const char* k_drop_priority = R"toml(format = 1
[[change]]
op = "drop_column"
table = "tasks"
column = "priority"
)toml";

// Everything of ours outside the ledger: schemas, relations, columns, constraints, triggers; and the sync functions.
constexpr const char* k_traces = R"sql(
SELECT coalesce(string_agg(what, ', ' ORDER BY what), 'nothing') FROM (
  SELECT 'schema ' || nspname AS what FROM pg_namespace WHERE nspname = 'pgphase_retired'
  UNION ALL SELECT 'relation ' || relname FROM pg_class WHERE relname ~ '_?pgphase_' AND relnamespace <> 'pgphase'::regnamespace
  UNION ALL SELECT 'column ' || attrelid::regclass || '.' || attname FROM pg_attribute WHERE attname ~ '^_pgphase_' AND NOT attisdropped
  UNION ALL SELECT 'constraint ' || conname FROM pg_constraint WHERE conname ~ '_?pgphase_'
  UNION ALL SELECT 'trigger ' || tgname FROM pg_trigger WHERE tgname ~ 'pgphase_'
  UNION ALL SELECT 'function ' || proname FROM pg_proc
             WHERE pronamespace = 'pgphase'::regnamespace AND proname <> 'refuse_null'
  UNION ALL SELECT 'link ' || id FROM pgphase.link
  UNION ALL SELECT kind || ' ' || object_name FROM pgphase.retired WHERE restored_at IS NULL AND purged_at IS NULL) found
)sql";

class PurgeE2e : public ::testing::Test {
 protected:
  PurgeE2e() {
    project.db().exec(k_tasks);
    project.plan("002_drop", k_drop_priority);
  }
  void expect(int code, const std::vector<std::string>& args) {
    const auto output = project.run(args);
    EXPECT_EQ(output.code, code) << output.out << output.err;
  }
  Output refused(const std::vector<std::string>& args) {
    auto output = project.run(args);
    EXPECT_EQ(output.code, 21) << output.out << output.err;
    return output;
  }
  std::string value(const std::string& sql) { return project.db().value(sql); }
  std::string hidden_columns() {
    return value("SELECT count(*) FROM pg_attribute WHERE attname ~ '^_pgphase_retired'");
  }
  Project project;
};

TEST_F(PurgeE2e, RefusesBeforeTheRetentionIsOverAndSaysWhenItIs) {
  expect(0, {"up", "002_drop", "--approve"});
  const auto output = refused({"purge", "002_drop", "--yes"});
  EXPECT_THAT(output.out, AllOf(HasSubstr("kept:"), HasSubstr("column tasks.priority, kept as _pgphase_retired_"),
                                HasSubstr("7 d 0 h from now")));
  EXPECT_THAT(output.err, AllOf(HasSubstr("what it retired is kept for 7d, until 20"), HasSubstr("--retain-for")));
  expect(0, {"purge", "--yes"});  // of all plans none is due: nothing to do, and no error for a nightly job
  EXPECT_EQ(hidden_columns(), "1");
  expect(0, {"rollback", "002_drop", "--phase", "constraint"});
  EXPECT_EQ(value("SELECT sum(priority) FROM tasks"), "200");
}

TEST_F(PurgeE2e, ShowsWhatWouldGoAndDropsNothingUnlessSomebodyAgrees) {
  project.db().exec("CREATE INDEX tasks_title_priority ON tasks (title, priority)");
  expect(0, {"up", "002_drop", "--approve"});
  const auto shown = project.run({"purge", "--dry-run", "--retain-for", "0s"});
  EXPECT_EQ(shown.code, 0) << shown.err;
  EXPECT_THAT(shown.out, AllOf(HasSubstr("to be dropped for good:"), HasSubstr("002_drop, done"),
                               HasSubstr("with it index tasks_title_priority"),
                               HasSubstr("then additive, constraint of 002_drop cannot be rolled back any more")));
  EXPECT_THAT(refused({"purge", "--retain-for", "0s"}).err, HasSubstr("--yes agrees to it"));
  EXPECT_EQ(hidden_columns(), "1");
  const auto json = project.json({"purge", "--dry-run", "--retain-for", "0s"});
  const auto& candidate = json.at("candidates").as_array().at(0).as_object();
  EXPECT_EQ(candidate.at("verdict").as_string(), "may_go");
  EXPECT_EQ(candidate.at("things").as_array().at(0).at("object").as_string(), "priority");
}

TEST_F(PurgeE2e, BehindItNothingIsLeftAndARollbackSaysWhoSealedItAndWhen) {
  expect(0, {"up", "002_drop", "--approve"});
  const auto purged = project.run({"purge", "002_drop", "--yes", "--retain-for", "0s"});
  EXPECT_EQ(purged.code, 0) << purged.err;
  EXPECT_THAT(purged.out, HasSubstr("002_drop: dropped column tasks.priority"));
  EXPECT_EQ(value(k_traces), "nothing");
  EXPECT_EQ(value("SELECT count(*) FROM tasks"), "100");
  EXPECT_EQ(project.phase_state("002_drop", "constraint"), "sealed");
  EXPECT_EQ(project.plan_state("002_drop"), "done");
  const auto who = value("SELECT by_person FROM pgphase.event WHERE kind = 'purged'");
  for (const auto& args : {std::vector<std::string>{"rollback", "002_drop"},
                           std::vector<std::string>{"rollback", "002_drop", "--phase", "constraint"},
                           std::vector<std::string>{"rollback", "-n", "1"}}) {
    EXPECT_THAT(refused(args).err, AllOf(HasSubstr("is sealed: " + who + " purged column tasks.priority"),
                                         HasSubstr(" at 20"), HasSubstr("A new plan can make the objects again")));
  }
  expect(0, {"drift"});
  expect(0, {"up"});
  const auto again = project.run({"purge", "002_drop", "--yes", "--retain-for", "0s"});
  EXPECT_EQ(again.code, 0);
  EXPECT_THAT(again.out, HasSubstr("nothing of 002_drop is retired"));
  EXPECT_THAT(project.run({"history"}).out, HasSubstr("dropped for good: column tasks.priority"));
}

TEST_F(PurgeE2e, APlanUnderWayIsLeftAlone) {
  project.db().exec("ALTER TABLE tasks ALTER priority DROP DEFAULT");  // so that *additive* takes NOT NULL off
  expect(0, {"up", "002_drop", "--through", "additive", "--approve"});
  project.run({"purge", "--yes", "--retain-for", "0s"});
  EXPECT_THAT(refused({"purge", "002_drop", "--yes", "--retain-for", "0s"}).err, HasSubstr("is under way"));
  expect(0, {"up", "002_drop", "--approve"});
  expect(0, {"rollback", "002_drop"});
  EXPECT_EQ(value("SELECT sum(priority) FROM tasks"), "200");
}

TEST_F(PurgeE2e, OfARolledBackPlanTheValuesAreLostAndItBeginsAnew) {
  project.plan("003_add",
               "format = 1\n[[change]]\nop = \"add_column\"\ntable = \"tasks\"\ncolumn = \"low\"\n"
               "type = \"text\"\nfill = \"lower(title)\"\ndown = \"upper(low)\"\n");
  expect(0, {"up", "003_add", "--approve"});
  project.db().exec("UPDATE tasks SET low = 'mine' WHERE id = 1");
  expect(0, {"rollback", "003_add"});
  const auto shown = project.run({"purge", "003_add", "--yes", "--retain-for", "0s"});
  EXPECT_EQ(shown.code, 0) << shown.err;
  EXPECT_THAT(shown.out,
              AllOf(HasSubstr("003_add, rolled back"), HasSubstr("values that were written into it are lost"),
                    HasSubstr("the triggers that keep title, low of table tasks in step")));
  EXPECT_EQ(value(k_traces), "nothing");
  expect(0, {"up", "003_add", "--approve"});
  EXPECT_EQ(value("SELECT low FROM tasks WHERE id = 1"), "mine");  // by way of `down` the title is 'MINE'
  expect(0, {"rollback", "003_add"});
}

TEST_F(PurgeE2e, WhatDependsOnAHiddenColumnIsNamedAndNothingIsDroppedOrSealed) {
  expect(0, {"up", "002_drop", "--approve"});
  const auto column = value("SELECT attname FROM pg_attribute WHERE attname ~ '^_pgphase_retired'");
  project.db().exec("CREATE VIEW peek AS SELECT " + column + " FROM tasks");
  EXPECT_THAT(refused({"purge", "002_drop", "--yes", "--retain-for", "0s"}).err,
              AllOf(HasSubstr("view peek depends on column"), HasSubstr("Drop what depends on it")));
  EXPECT_EQ(project.phase_state("002_drop", "constraint"), "done");
  project.db().exec("DROP VIEW peek");
  expect(0, {"rollback", "002_drop", "--phase", "constraint"});
  EXPECT_EQ(value("SELECT sum(priority) FROM tasks"), "200");
}

TEST_F(PurgeE2e, AColumnThatWentWithItsTableWaitsForTheTable) {
  project.plan("003_table", "format = 1\n[[change]]\nop = \"drop_table\"\ntable = \"tasks\"\n");
  expect(0, {"up", "002_drop", "--approve"});
  expect(0, {"up", "003_table", "--approve"});
  EXPECT_THAT(refused({"purge", "002_drop", "--yes", "--retain-for", "0s"}).err, HasSubstr("which 003_table retired"));
  expect(0, {"purge", "--yes", "--retain-for", "0s"});
  expect(0, {"purge", "--yes", "--retain-for", "0s"});
  EXPECT_EQ(value(k_traces), "nothing");
  EXPECT_EQ(project.phase_state("002_drop", "constraint"), "sealed");
}

TEST_F(PurgeE2e, AReaderWhoDoesNotGoIsNamedAndNothingIsDropped) {
  expect(0, {"up", "002_drop", "--approve"});
  PgClient reader(project.db().url());
  reader.exec("BEGIN; SELECT count(*) FROM tasks");
  const auto output = project.run({"purge", "--yes", "--retain-for", "0s", "--lock-timeout", "50ms", "--lock-pause",
                                   "50ms", "--lock-attempts", "3"});
  EXPECT_EQ(output.code, 30) << output.out << output.err;
  EXPECT_THAT(output.err, AllOf(HasSubstr("3 attempts"), HasSubstr("blocked by"), HasSubstr("pgphase purge 002_drop")));
  EXPECT_EQ(project.phase_state("002_drop", "constraint"), "done");
  reader.exec("COMMIT");
  expect(0, {"purge", "--yes", "--retain-for", "0s"});
}

TEST_F(PurgeE2e, AProtectedDatabaseWantsItsName) {
  project.file("pgphase.toml", "protected = true\n");
  expect(0, {"up", "002_drop", "--approve"});
  EXPECT_THAT(refused({"purge", "--yes", "--retain-for", "0s"}).err, HasSubstr("is protected"));
  expect(0, {"purge", "--yes", "--retain-for", "0s", "--confirm", project.db().name()});
}

class PurgedChangeE2e : public ::testing::TestWithParam<ChangeCase> {};

TEST_P(PurgedChangeE2e, LeavesNothingButItsHistory) {
  Project project;
  project.db().exec(GetParam().schema);
  project.plan("001_change", "format = 1\n" + GetParam().plan);
  const auto run = [&](const std::vector<std::string>& args) {
    const auto output = project.run(args);
    EXPECT_EQ(output.code, 0) << output.out << output.err;
  };
  run({"up", "001_change", "--approve"});
  const auto before = project.db().value("SELECT objects FROM pgphase.snapshot");
  run({"purge", "001_change", "--yes", "--retain-for", "0s"});
  EXPECT_EQ(project.db().value(k_traces), "nothing");
  EXPECT_EQ(project.db().value("SELECT objects FROM pgphase.snapshot"), before) << "what applications see has changed";
  EXPECT_EQ(project.plan_state("001_change"), "done");
}

INSTANTIATE_TEST_SUITE_P(All, PurgedChangeE2e, ::testing::ValuesIn(change_cases_for(test_server_major())),
                         [](const auto& instance) { return instance.param.name; });

}  // namespace
}  // namespace pgphase::testing
