// What a rollback must not do: lose what was written, stop half way at what it could have seen before, or bring back
// something else than the plan says.
#include "tests/e2e/fixture.hpp"

namespace pgphase::testing {
namespace {

std::string by_hand(const std::string& sql, const std::string& rollback) {
  return "format = 1\n[[additive]]\nname = \"s\"\nsql = \"" + sql + "\"\nrollback = \"" + rollback + "\"\n";
}

class RollbackSafetyE2eTest : public ::testing::Test {
 protected:
  void expect_done(const std::vector<std::string>& args) {
    const auto output = project.run(args);
    ASSERT_EQ(output.code, 0) << output.out << output.err;
  }
  void expect_refused(const std::vector<std::string>& args, const std::string& says) {
    const auto before = project.schema_dump();
    const auto output = project.run(args);
    EXPECT_EQ(output.code, 21) << output.out << output.err;
    EXPECT_NE(output.err.find(says), std::string::npos) << says << " in " << output.err;
    EXPECT_EQ(project.schema_dump(), before) << "half of it was done";
  }
  void up_to_priority() {
    project.sample_plans();
    expect_done({"up", "001_initial"});
    expect_done({"up", "002_task_priority", "--approve"});
    project.db().exec("INSERT INTO tasks (title, user_id, priority) VALUES ('one', 'u', 7)");
  }
  Project project;
};

TEST_F(RollbackSafetyE2eTest, WrittenByHandItIsAskedBeforeItDropsRows) {
  project.plan("001_notes", by_hand("CREATE TABLE notes (id int, body text)", "DROP TABLE notes"));
  expect_done({"up"});
  project.db().exec("INSERT INTO notes VALUES (1, 'precious')");
  expect_refused({"rollback", "001_notes"}, "would destroy the rows of notes");
  EXPECT_EQ(project.db().value("SELECT body FROM notes"), "precious");
  expect_done({"rollback", "001_notes", "--lose-data"});
  EXPECT_EQ(project.db().value("SELECT to_regclass('notes') IS NULL"), "t");
}

TEST_F(RollbackSafetyE2eTest, WrittenByHandItIsAskedBeforeItDropsValues) {
  project.db().exec("CREATE TABLE base (id int); INSERT INTO base VALUES (1)");
  project.plan("001_note", by_hand("ALTER TABLE base ADD COLUMN note text", "ALTER TABLE base DROP COLUMN note"));
  expect_done({"up"});
  expect_done({"rollback", "001_note"});
  expect_done({"up", "001_note"});
  project.db().exec("UPDATE base SET note = 'precious'");
  expect_refused({"rollback", "001_note"}, "would destroy the values of base.note");
}

TEST_F(RollbackSafetyE2eTest, WrittenByHandItIsAskedBeforeItTakesAllValues) {
  project.db().exec("CREATE TABLE base (id int, note text DEFAULT 'none'); INSERT INTO base VALUES (1)");
  const auto plan = [](const std::string& rollback) {
    return "format = 1\n[[backfill]]\nname = \"s\"\ntable = \"base\"\nset = { note = \"'new'\" }\nrollback = \"" + rollback +
           "\"\n";
  };
  for (const std::string rollback :
       {"UPDATE base SET note = NULL", "UPDATE base SET note = 'old'", "UPDATE base SET note = DEFAULT",
        "UPDATE base SET note = NULL WHERE note IS NOT NULL"}) {
    project.plan("001_note", plan(rollback));
    expect_done({"up", "001_note"});
    expect_refused({"rollback", "001_note"}, "would destroy the values of base.note");
    expect_done({"rollback", "001_note", "--lose-data"});
  }
  project.plan("001_note", plan("UPDATE base SET note = lower(note)"));
  expect_done({"up", "001_note"});
  expect_done({"rollback", "001_note"});
}

TEST_F(RollbackSafetyE2eTest, ATypeThatAHiddenColumnNeedsStaysWithIt) {
  project.db().exec("CREATE TABLE people (id int); INSERT INTO people VALUES (1)");
  project.plan("001_mood", by_hand("CREATE TYPE mood AS ENUM ('sad', 'ok')", "DROP TYPE mood") +
                               "[[change]]\nop = \"add_column\"\ntable = \"people\"\ncolumn = \"mood\"\ntype = \"mood[]\"\n");
  expect_done({"up"});
  expect_done({"rollback", "001_mood"});
  EXPECT_EQ(project.db().value("SELECT to_regtype('mood') IS NULL"), "t") << "nothing needs it";
  expect_done({"up", "001_mood"});
  project.db().exec("UPDATE people SET mood = '{sad}'");
  for (int i = 0; i < 2; ++i) {
    const auto back = project.run({"rollback", "001_mood"});
    ASSERT_EQ(back.code, 0) << back.out << back.err;
    EXPECT_NE(back.out.find("stays as long as it is needed by hidden column people.mood"), std::string::npos) << back.out;
    expect_done({"up", "001_mood"});
    EXPECT_EQ(project.db().value("SELECT mood FROM people"), "{sad}");
  }
  // Somebody else uses it: that is in the way, as ever.
  project.db().exec("CREATE TABLE others (mood mood)");
  EXPECT_EQ(project.run({"rollback", "001_mood"}).code, 41);
  project.db().exec("DROP TABLE others");
  expect_done({"rollback", "001_mood"});
  project.db().exec(
      "DO $$ BEGIN EXECUTE (SELECT 'ALTER TABLE people DROP COLUMN ' || hidden_as FROM pgphase.retired "
      "WHERE restored_at IS NULL); END $$; DROP TYPE mood; DELETE FROM pgphase.retired");
  expect_done({"up", "001_mood"});
  EXPECT_EQ(project.db().value("SELECT to_regtype('mood') IS NULL"), "f") << "it was gone, and had to be made again";
}

TEST_F(RollbackSafetyE2eTest, ASequenceThatAHiddenTableNeedsStaysWithIt) {
  project.plan("001_notes", by_hand("CREATE SEQUENCE numbers", "DROP SEQUENCE numbers") +
                                "[[change]]\nop = \"create_table\"\ntable = \"notes\"\ncolumns = [{ name = \"id\", type = "
                                "\"bigint\", default = \"nextval('numbers')\" }]\n");
  expect_done({"up"});
  project.db().exec("INSERT INTO notes DEFAULT VALUES");
  const auto back = project.run({"rollback", "001_notes"});
  ASSERT_EQ(back.code, 0) << back.out << back.err;
  EXPECT_NE(back.out.find("needed by hidden table notes"), std::string::npos) << back.out;
  expect_done({"up", "001_notes"});
  project.db().exec("INSERT INTO notes DEFAULT VALUES");
  EXPECT_EQ(project.db().value("SELECT string_agg(id::text, ' ' ORDER BY id) FROM notes"), "1 2");
}

TEST_F(RollbackSafetyE2eTest, WhatStandsInTheWayIsSeenBeforeAnythingIsUndone) {
  up_to_priority();
  project.db().exec("CREATE VIEW urgent AS SELECT priority FROM tasks");
  expect_refused({"rollback", "002_task_priority", "--phase", "additive", "--with-later"}, "urgent");
  project.db().exec("INSERT INTO tasks (title, user_id) VALUES ('two', 'u')");
  EXPECT_EQ(project.db().value("SELECT count(*) FROM tasks WHERE priority IS NULL"), "0") << "the default is gone";
}

// The plan's own foreign key, and the column itself under its copy's name, go before they could be in the way.
TEST_F(RollbackSafetyE2eTest, WhatThePlanItselfHasMadeDoesNotStandInTheWay) {
  project.db().exec(
      "CREATE TABLE base (id int PRIMARY KEY, k int, s text, g int GENERATED ALWAYS AS (k + 1) STORED, up int "
      "REFERENCES "
      "base); INSERT INTO base (id, k, s) VALUES (1, 1, 'one'); CREATE VIEW v AS SELECT k, s FROM base");
  project.plan("001_all", R"toml(format = 1
[[change]]
op     = "rename_column"
table  = "base"
column = "s"
to     = "name"

[[change]]
op     = "rename_column"
table  = "base"
column = "k"
to     = "kk"

[[change]]
op     = "rename_column"
table  = "base"
column = "up"
to     = "parent"

[[change]]
op    = "create_table"
table = "notes"
primary_key = "id"
columns = [{ name = "id", type = "bigint" }, { name = "base", type = "integer" }]

[[change]]
op         = "add_foreign_key"
name       = "to_base"
table      = "notes"
columns    = "base"
references = { table = "base", columns = "id" }
)toml");
  for (int round = 0; round < 2; ++round) {
    expect_done({"up", "001_all", "--approve"});
    expect_done({"rollback", "001_all"});
    EXPECT_EQ(project.db().value("SELECT concat_ws(' ', k, s) FROM v"), "1 one");
  }
  expect_done({"up", "001_all", "--approve"});
  project.db().exec("CREATE VIEW w AS SELECT * FROM notes");
  const auto output = project.run({"rollback", "001_all"});
  EXPECT_EQ(output.code, 21) << "that is somebody else's";
  EXPECT_NE(output.err.find("view w"), std::string::npos) << output.err;
}

TEST_F(RollbackSafetyE2eTest, AnEditedPlanDoesNotBringBackWhatItDoesNotSay) {
  up_to_priority();
  expect_done({"rollback", "002_task_priority"});
  auto text = read_file(project.folder() / "migrations/002_task_priority.toml");
  text.replace(text.find("smallint"), 8, "bigint");
  project.plan("002_task_priority", text);
  const auto output = project.run({"up", "002_task_priority", "--approve"});
  EXPECT_EQ(output.code, 21) << output.out << output.err;
  EXPECT_NE(output.err.find("edited since it was rolled back"), std::string::npos) << output.err;
  EXPECT_NE(output.err.find("smallint"), std::string::npos) << output.err;
}

TEST_F(RollbackSafetyE2eTest, AStampDoesNotLeaveRetiredValuesBehind) {
  up_to_priority();
  expect_done({"rollback", "002_task_priority"});
  expect_refused({"stamp", "002_task_priority"}, "retired with its values");
  expect_done({"up", "002_task_priority", "--approve"});
  EXPECT_EQ(project.db().value("SELECT priority FROM tasks"), "7");
}

TEST_F(RollbackSafetyE2eTest, AStampIsTakenBackAsWhatItWas) {
  project.sample_plans();
  expect_done({"stamp", "001_initial"});
  const auto back = project.run({"rollback", "001_initial"});
  EXPECT_EQ(back.code, 0) << back.err;
  EXPECT_NE(back.out.find("only the record of it is taken back"), std::string::npos) << back.out;
  expect_done({"up", "001_initial"});
  EXPECT_EQ(project.db().value("SELECT to_regclass('tasks') IS NOT NULL"), "t");
}

TEST_F(RollbackSafetyE2eTest, AStatementThatIsTooSlowIsNotCalledBlocked) {
  project.plan("001_slow", by_hand("DO $$BEGIN PERFORM pg_sleep(5); END$$", "SELECT 1"));
  const auto output = project.run({"up", "--lock-hold", "200ms", "--lock-pause", "10ms"});
  EXPECT_EQ(output.code, 41) << output.out << output.err;
  EXPECT_NE(output.err.find("nobody was in its way"), std::string::npos) << output.err;
  EXPECT_NE(output.err.find("--lock-hold"), std::string::npos) << output.err;
}

TEST_F(RollbackSafetyE2eTest, TheIndexThatIdentifiesRowsForReplicationStays) {
  project.db().exec(
      "CREATE TABLE t (a int NOT NULL); CREATE UNIQUE INDEX ix ON t (a); ALTER TABLE t REPLICA IDENTITY USING INDEX "
      "ix");
  project.plan("001_drop", "format = 1\n[[change]]\nop = \"drop_index\"\nname = \"ix\"\ntable = \"t\"\n");
  expect_refused({"up", "--approve", "001_drop"}, "replica identity");
}

TEST_F(RollbackSafetyE2eTest, ADroppedIndexComesBackWithAllThatItHad) {
  project.db().exec(
      "CREATE TABLE t (a int, \"B b\" text); CREATE INDEX \"i x\" ON t (lower(\"B b\"), a) WITH (fillfactor = 70);"
      "COMMENT ON INDEX \"i x\" IS 'it''s for the search'; ALTER INDEX \"i x\" ALTER COLUMN 1 SET STATISTICS 500;"
      "ALTER TABLE t CLUSTER ON \"i x\"");
  project.plan("001_drop", "format = 1\n[[change]]\nop = \"drop_index\"\nname = \"i x\"\ntable = \"t\"\n");
  const auto before = project.schema_dump();
  ASSERT_EQ(project.run({"up", "--approve", "001_drop"}).code, 0);
  EXPECT_EQ(project.db().value("SELECT to_regclass('\"i x\"') IS NULL"), "t");
  const auto back = project.run({"rollback", "001_drop"});
  EXPECT_EQ(back.code, 0) << back.err;
  EXPECT_EQ(project.schema_dump(), before);
}

}  // namespace
}  // namespace pgphase::testing
