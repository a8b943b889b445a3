// Columns: forward, back, forward again, with and without values, and nothing that was committed is lost.
#include <fmt/format.h>

#include "plans/sql/quote.hpp"
#include "tests/pg/retire_fixture.hpp"
#include "tests/support/process.hpp"

namespace pgphase::testing {
namespace {

using ::testing::HasSubstr;
using ::testing::StartsWith;

class RetireColumnPgTest : public RetirePgTest {
 protected:
  RetireColumnPgTest() {
    db_.exec(
        "CREATE TABLE tasks (id integer PRIMARY KEY, title text);"
        "INSERT INTO tasks SELECT i, 'task ' || i FROM generate_series(1, 100) i");
  }
  std::string rows() { return db_.value("SELECT md5(string_agg(t::text, '|' ORDER BY id)) FROM tasks t"); }
  std::string columns() {
    return db_.value(
        "SELECT string_agg(attname, ' ' ORDER BY attnum) FROM pg_attribute WHERE attrelid = "
        "'tasks'::regclass AND attnum > 0 AND NOT attisdropped");
  }
  void goes_there_and_back_unchanged(const AddColumnBody& body, const std::string& how) {
    const auto schema_before = schema();
    const auto rows_before = rows();
    EXPECT_THAT(back(body), StartsWith(how)) << body.sql;
    forward(body);
    EXPECT_EQ(schema(), schema_before) << body.sql;
    EXPECT_EQ(rows(), rows_before) << body.sql;
  }
};

TEST_F(RetireColumnPgTest, AnEmptyColumnIsDroppedAndAddedAgain) {
  const auto nothing = schema();
  const auto body = column("tasks", "priority", "smallint");
  EXPECT_EQ(forward(body), "created");
  const auto with_it = schema();
  EXPECT_THAT(back(body), StartsWith("dropped"));
  EXPECT_EQ(schema(), nothing);
  forward(body);
  EXPECT_EQ(schema(), with_it);
}

TEST_F(RetireColumnPgTest, OfAPartitionedTableItIsRetiredInAllPartitionsAndNeverTakenForEmpty) {
  db_.exec(
      "CREATE TABLE events (id integer, day integer) PARTITION BY RANGE (day);"
      "CREATE TABLE events_1 PARTITION OF events FOR VALUES FROM (0) TO (10);"
      "INSERT INTO events VALUES (1, 1)");
  const auto body = column("events", "note", "text");
  forward(body);
  db_.exec("UPDATE events SET note = 'kept'");
  const auto before = schema();
  EXPECT_THAT(back(body), StartsWith("retired as column"));
  EXPECT_EQ(db_.value("SELECT count(*) FROM pg_attribute WHERE attname = 'note'"), "0");
  EXPECT_THAT(forward(body), StartsWith("restored with its values"));
  EXPECT_EQ(schema(), before);
  EXPECT_EQ(db_.value("SELECT note FROM events"), "kept");
  db_.exec("CREATE VIEW seen AS SELECT note FROM events_1");
  EXPECT_THAT(refused_back(body).message, HasSubstr("view seen uses column note"));
}

TEST_F(RetireColumnPgTest, AFilledColumnIsRetiredAndComesBackWithEveryByte) {
  const auto body = column("tasks", "note", "text COLLATE \"C\"");
  forward(body);
  db_.exec("UPDATE tasks SET note = 'note ' || id WHERE id % 2 = 0; ANALYZE tasks");
  for (int round = 1; round <= 2; ++round) {
    const auto schema_before = schema();
    const auto rows_before = rows();
    const auto what = back(body);
    const auto number = db_.value("SELECT max(id) FROM pgphase.retired");
    EXPECT_THAT(what, StartsWith(fmt::format("retired as column _pgphase_retired_{} of table tasks (about ", number)));
    EXPECT_EQ(columns(), fmt::format("id title _pgphase_retired_{}", number));
    EXPECT_EQ(forward(body), "restored with its values");
    EXPECT_EQ(schema(), schema_before);
    EXPECT_EQ(rows(), rows_before);
  }
}

TEST_F(RetireColumnPgTest, AConstantDefaultThatNobodyChangedIsNoValueOfItsOwn) {
  db_.exec("CREATE TYPE status AS ENUM ('open', 'done')");
  for (const auto& [type, default_sql] : std::map<std::string, std::string>{{"smallint", "3"},
                                                                            {"numeric(6,2)", "-1.5"},
                                                                            {"varchar(20)", "'it''s'"},
                                                                            {"boolean", "false"},
                                                                            {"jsonb", "'{}'::jsonb"},
                                                                            {"json", "'{}'"},
                                                                            {"status", "'open'"},
                                                                            {"integer[]", "'{1,2}'"},
                                                                            {"boolean NOT NULL", "true"}}) {
    const auto body = column("tasks", "added", type, default_sql);
    forward(body);
    goes_there_and_back_unchanged(body, "dropped");
    db_.exec("ALTER TABLE tasks DROP COLUMN added");
  }
}

TEST_F(RetireColumnPgTest, AnyOtherValueIsKept) {
  struct Case {
    const char *type, *default_sql, *change;
  };
  for (const auto& [type, default_sql, change] : {
           Case{"smallint", "3", "UPDATE tasks SET added = 4 WHERE id = 100"},
           Case{"smallint", "3", "UPDATE tasks SET added = NULL WHERE id = 100"},
           Case{"numeric", "1.0", "UPDATE tasks SET added = 1.00 WHERE id = 100"},  // equal, but not the same
           Case{"json", "'{}'", "UPDATE tasks SET added = '{ }' WHERE id = 100"},
           Case{"smallint", "3", "ALTER TABLE tasks ALTER added SET DEFAULT 4"},
           Case{"smallint", "3", "ALTER TABLE tasks ALTER added DROP DEFAULT"},
           Case{"smallint", "", "ALTER TABLE tasks ALTER added SET DEFAULT 4"},
           Case{"timestamptz", "now()", ""},
           Case{"uuid", "gen_random_uuid()", ""},
           Case{"date", "'today'", ""},
           Case{"integer GENERATED ALWAYS AS (id * 2) STORED", "", ""},
           Case{"integer GENERATED ALWAYS AS IDENTITY", "", ""},
           Case{"serial", "", ""},
       }) {
    const auto body = column("tasks", "added", type, default_sql);
    forward(body);
    db_.exec(change);
    goes_there_and_back_unchanged(body, "retired");
    db_.exec("ALTER TABLE tasks DROP COLUMN added");
    db_.exec("DELETE FROM pgphase.step");
  }
}

TEST_F(RetireColumnPgTest, AnIdentityColumnGoesOnCountingWhereItWas) {
  const auto body = column("tasks", "number", "integer GENERATED ALWAYS AS IDENTITY");
  forward(body);
  EXPECT_THAT(back(body), StartsWith("retired"));
  db_.exec("INSERT INTO tasks (id, title) VALUES (101, 'by the old application')");
  forward(body);
  EXPECT_EQ(db_.value("SELECT number FROM tasks WHERE id = 101"), "101");
  EXPECT_EQ(db_.value("INSERT INTO tasks (id) VALUES (102) RETURNING number"), "102");
}

TEST_F(RetireColumnPgTest, InATableWithoutRowsEvenAnIdentityColumnIsDropped) {
  db_.exec("TRUNCATE tasks");
  const auto body = column("tasks", "number", "integer GENERATED ALWAYS AS IDENTITY");
  forward(body);
  goes_there_and_back_unchanged(body, "dropped");
  db_.exec("INSERT INTO tasks (id) VALUES (1); DELETE FROM tasks");
  EXPECT_THAT(back(body), StartsWith("retired"));
}

TEST_F(RetireColumnPgTest, RowsOfTheOldApplicationGetTheDefaultTheyWouldHaveGot) {
  const auto body = column("tasks", "status", "text NOT NULL", "'open'");
  forward(body);
  db_.exec("UPDATE tasks SET status = 'done' WHERE id = 1");
  const auto before = schema();
  EXPECT_THAT(back(body), StartsWith("retired"));
  db_.exec("INSERT INTO tasks (id, title) VALUES (101, 'by the old application')");
  EXPECT_EQ(forward(body), "restored with its values");
  EXPECT_EQ(db_.value("SELECT string_agg(status, ' ' ORDER BY id) FROM tasks WHERE id IN (1, 101)"), "done open");
  EXPECT_EQ(schema(), before);
}

TEST_F(RetireColumnPgTest, NotNullWithoutADefaultGivesWayAndComesBackWhereItHolds) {
  const auto body = column("tasks", "priority", "smallint");
  forward(body);
  db_.exec("UPDATE tasks SET priority = 3; ALTER TABLE tasks ALTER priority SET NOT NULL");
  const auto before = schema();
  EXPECT_THAT(back(body), StartsWith("retired"));
  EXPECT_EQ(forward(body), "restored with its values");
  EXPECT_EQ(schema(), before);

  EXPECT_THAT(back(body), StartsWith("retired"));
  db_.exec("INSERT INTO tasks (id, title) VALUES (101, 'by the old application')");
  EXPECT_THAT(forward(body), HasSubstr("NOT NULL was not put back"));
  EXPECT_EQ(db_.value("SELECT count(*) || ' ' || count(priority) FROM tasks"), "101 100");
}

TEST_F(RetireColumnPgTest, TheOrderOfThePlansColumnsSurvives) {
  const auto first = column("tasks", "first", "text");
  const auto second = column("tasks", "second", "text");
  for (const auto* filled : {"first", "second"}) {
    forward(first);
    forward(second);
    db_.exec(fmt::format("UPDATE tasks SET {} = 'x' WHERE id = 1", filled));
    const auto schema_before = schema();
    const auto rows_before = rows();
    const auto second_went = back(second);
    const auto first_went = back(first);
    // An empty column in front of a retired one is treated like it.
    EXPECT_THAT(first_went, StartsWith("retired"));
    EXPECT_THAT(second_went, StartsWith(std::string(filled) == "second" ? "retired" : "dropped"));
    forward(first);
    forward(second);
    EXPECT_EQ(schema(), schema_before);
    EXPECT_EQ(rows(), rows_before);
    db_.exec("ALTER TABLE tasks DROP COLUMN first, DROP COLUMN second");
  }
}

TEST_F(RetireColumnPgTest, AColumnThatSomebodyAddedBehindItKeepsItsPlace) {
  const auto body = column("tasks", "priority", "smallint");
  forward(body);
  db_.exec("ALTER TABLE tasks ADD mine text");
  goes_there_and_back_unchanged(body, "retired");
}

TEST_F(RetireColumnPgTest, WhatOthersHungOnAnEmptyColumnIsNotDroppedWithIt) {
  for (const auto* extra : {"CREATE INDEX ON tasks (added)", "CREATE INDEX ON tasks (lower(added))",
                            "ALTER TABLE tasks ADD CHECK (added <> '')", "CREATE STATISTICS st ON id, added FROM tasks",
                            "COMMENT ON COLUMN tasks.added IS 'mine'", "GRANT SELECT (added) ON tasks TO pg_monitor",
                            "ALTER TABLE tasks ADD UNIQUE (added)", "CREATE INDEX ON tasks (id) WHERE added IS NULL"}) {
    const auto body = column("tasks", "added", "text");
    forward(body);
    db_.exec(extra);
    goes_there_and_back_unchanged(body, "retired");
    db_.exec("ALTER TABLE tasks DROP COLUMN added CASCADE; DROP STATISTICS IF EXISTS st");
  }
}

TEST_F(RetireColumnPgTest, ManyPagesAreRetiredWithoutALookAtThem) {
  const auto body = column("tasks", "added", "text");
  forward(body);
  db_.exec("INSERT INTO tasks SELECT i, repeat('x', 1000) FROM generate_series(1001, 2000) i");
  EXPECT_THAT(back(body), StartsWith("retired"));
}

TEST_F(RetireColumnPgTest, AnyNameComesBackAsItWas) {
  std::string umlauts = "C";
  for (int i = 0; i < 31; ++i) umlauts += "ü";
  for (const auto& name :
       {std::string(63, 'x'), umlauts, std::string("select"), std::string("My \"Column\""), std::string("it's")}) {
    const auto body = column("tasks", name, "text");
    forward(body);
    db_.exec(fmt::format("UPDATE tasks SET {} = 'kept'", quote_ident(name)));
    goes_there_and_back_unchanged(body, "retired");
    db_.exec(fmt::format("ALTER TABLE tasks DROP COLUMN {}", quote_ident(name)));
  }
  auto body = column("My Tasks", "added", "text");
  db_.exec("CREATE TABLE \"My Tasks\" (id integer); INSERT INTO \"My Tasks\" VALUES (1)");
  forward(body);
  db_.exec("UPDATE \"My Tasks\" SET added = 'kept'");
  EXPECT_THAT(back(body), StartsWith("retired"));
  forward(body);
  EXPECT_EQ(db_.value("SELECT added FROM \"My Tasks\""), "kept");
}

TEST_F(RetireColumnPgTest, AValueThatWasCommittedBetweenCheckAndLockIsNotLost) {
  const auto body = column("tasks", "added", "text");
  forward(body);
  AsyncStatement writer(
      db_.url(),
      "BEGIN ISOLATION LEVEL REPEATABLE READ; SELECT 1; UPDATE tasks SET added = 'kept' WHERE id = 7; "
      "SELECT pg_sleep(1.2); COMMIT");
  ASSERT_TRUE(eventually([&] {
    return db_.value(
               "SELECT count(*) FROM pg_locks WHERE relation = 'tasks'::regclass AND mode = 'RowExclusiveLock'") == "1";
  }));
  auto blocked = undo_add_column(*session_, site(body), body);
  ASSERT_TRUE(blocked);
  EXPECT_FALSE(blocked->attempt.done);
  EXPECT_THAT(back(body), StartsWith("retired"));
  EXPECT_EQ(writer.sqlstate(), "");
  forward(body);
  EXPECT_EQ(db_.value("SELECT id FROM tasks WHERE added = 'kept'"), "7");
}

TEST_F(RetireColumnPgTest, WhatIsGoneCountsAsUndone) {
  const auto body = column("tasks", "added", "text");
  forward(body);
  db_.exec("ALTER TABLE tasks DROP COLUMN added");
  EXPECT_EQ(back(body), "nothing to do: somebody has dropped the column already");
  forward(body);
  db_.exec("DROP TABLE tasks");
  EXPECT_EQ(back(body), "nothing to do: somebody has dropped the column already");
}

TEST_F(RetireColumnPgTest, ANameTakenMeanwhileStopsTheRestoration) {
  const auto body = column("tasks", "added", "text");
  forward(body);
  db_.exec("UPDATE tasks SET added = 'kept' WHERE id = 1");
  back(body);
  db_.exec("ALTER TABLE tasks ADD added integer");
  const auto error = refused_forward(body);
  EXPECT_EQ(error.code, Errc::refused);
  EXPECT_THAT(error.text(), HasSubstr("added a column of that name meanwhile"));
  EXPECT_THAT(error.next, HasSubstr("safe in _pgphase_retired_"));
  db_.exec("ALTER TABLE tasks DROP COLUMN added");
  forward(body);
  EXPECT_EQ(db_.value("SELECT id FROM tasks WHERE added = 'kept'"), "1");
}

TEST_F(RetireColumnPgTest, ARetiredColumnThatSomebodyDroppedIsNotReplacedByAnEmptyOne) {
  const auto body = column("tasks", "added", "text");
  forward(body);
  db_.exec("UPDATE tasks SET added = 'x'");
  back(body);
  db_.exec("DO $$ BEGIN EXECUTE (SELECT 'ALTER TABLE tasks DROP COLUMN ' || hidden_as FROM pgphase.retired); END $$");
  const auto error = refused_forward(body);
  EXPECT_EQ(error.code, Errc::refused);
  EXPECT_THAT(error.text(), HasSubstr("is gone"));
}

TEST_F(RetireColumnPgTest, AColumnThatExistsAlreadyIsLeftAlone) {
  db_.exec("ALTER TABLE tasks ADD added integer");
  const auto error = refused_forward(column("tasks", "added", "text"));
  EXPECT_EQ(error.code, Errc::step_failed);
  EXPECT_EQ(error.sqlstate, "42701");
  EXPECT_THAT(error.next, HasSubstr("pgphase stamp"));
}

}  // namespace
}  // namespace pgphase::testing
