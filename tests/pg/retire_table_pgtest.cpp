// Tables: forward, back, forward again, with and without rows, and nothing that was committed is lost.
#include <fmt/format.h>

#include <atomic>
#include <thread>

#include "plans/sql/quote.hpp"
#include "tests/pg/retire_fixture.hpp"
#include "tests/support/process.hpp"

namespace pgphase::testing {
namespace {

using namespace std::chrono_literals;

class RetireTablePgTest : public RetirePgTest {
 protected:
  static CreateTableBody tasks() {
    return table(
        "tasks",
        "id integer GENERATED ALWAYS AS IDENTITY PRIMARY KEY, number serial, title varchar(200) NOT NULL "
        "CHECK (title <> ''), email text UNIQUE, \"user\" text, due tstzrange, EXCLUDE USING gist (due WITH &&)");
  }
  std::string rows(const std::string& table) {
    return db_.value(fmt::format("SELECT md5(string_agg(t::text, '|' ORDER BY t::text)) || count(*) FROM {} t", table));
  }
};

TEST_F(RetireTablePgTest, AnEmptyTableIsDroppedAndMadeAgainTheSame) {
  const auto nothing = schema();
  EXPECT_EQ(forward(tasks()), "created");
  const auto first = schema();
  EXPECT_EQ(back(tasks()), "dropped: it was empty");
  EXPECT_EQ(schema(), nothing);
  EXPECT_EQ(forward(tasks()), "created");
  EXPECT_EQ(schema(), first);
}

TEST_F(RetireTablePgTest, AFilledTableIsOutOfSightAndComesBackWithEveryByte) {
  forward(tasks());
  db_.exec(
      "CREATE INDEX idx_tasks_user ON tasks (\"user\"); CREATE STATISTICS tasks_stats ON title, \"user\" FROM tasks;"
      "CREATE FUNCTION touch() RETURNS trigger LANGUAGE plpgsql AS 'BEGIN RETURN NEW; END';"
      "CREATE TRIGGER touched BEFORE UPDATE ON tasks FOR EACH ROW EXECUTE FUNCTION touch();"
      "GRANT SELECT ON tasks TO pg_monitor; COMMENT ON TABLE tasks IS 'what is to be done';"
      "ALTER TABLE tasks ADD parent integer CONSTRAINT tasks_parent REFERENCES tasks;"
      "INSERT INTO tasks (title, email) SELECT 'title ' || i, i || '@example.org' FROM generate_series(1, 1000) i;"
      "INSERT INTO tasks (title) VALUES ('gone'); DELETE FROM tasks WHERE title = 'gone'; ANALYZE tasks");
  const auto schema_before = schema();
  const auto rows_before = rows("tasks");
  const auto grants = db_.value("SELECT relacl FROM pg_class WHERE relname = 'tasks'");
  for (int round = 1; round <= 2; ++round) {
    const auto what = back(tasks());
    const auto number = db_.value("SELECT max(id) FROM pgphase.retired");
    EXPECT_THAT(what, ::testing::StartsWith(fmt::format("retired as pgphase_retired._pgphase_{}_tasks (", number)));
    for (const auto* name :
         {"tasks", "_tasks", "tasks_pkey", "idx_tasks_user", "tasks_id_seq", "tasks_number_seq", "tasks_email_key",
          "tasks_title_check", "tasks_due_excl", "tasks_parent", "tasks_id_not_null"}) {
      EXPECT_EQ(named(name), "0") << name;
    }
    EXPECT_EQ(db_.value("SELECT count(*) FROM information_schema.tables WHERE table_name = 'tasks'"), "0");
    EXPECT_EQ(db_.value("SELECT count(*) FROM pg_indexes WHERE tablename = 'tasks' OR indexname ~ '^(idx_)?tasks'"),
              "0");
    EXPECT_EQ(db_.value("SELECT has_schema_privilege('pg_monitor', 'pgphase_retired', 'USAGE')"), "f");

    EXPECT_THAT(forward(tasks()), ::testing::StartsWith("restored with its about 1,000 rows ("));
    EXPECT_EQ(schema(), schema_before);
    EXPECT_EQ(rows("tasks"), rows_before);
    EXPECT_EQ(db_.value("SELECT relacl FROM pg_class WHERE relname = 'tasks'"), grants);
  }
  EXPECT_EQ(db_.value("INSERT INTO tasks (title) VALUES ('next') RETURNING id || ' ' || number"), "1002 1002");
}

TEST_F(RetireTablePgTest, WhatCreateTableDoesNotMakeIsNotDroppedWithAnEmptyTable) {
  const auto body = table("things", "id integer, name text");
  for (const auto* extra :
       {"CREATE INDEX things_name ON things (name)", "GRANT SELECT ON things TO pg_monitor",
        "GRANT UPDATE (name) ON things TO pg_monitor", "COMMENT ON COLUMN things.name IS 'its name'",
        "CREATE STATISTICS st ON id, name FROM things", "CREATE POLICY p ON things USING (id > 0)",
        "CREATE RULE r AS ON DELETE TO things DO ALSO NOTHING", "ALTER TABLE things REPLICA IDENTITY FULL",
        "CREATE TRIGGER tr BEFORE UPDATE ON things FOR EACH ROW EXECUTE FUNCTION "
        "suppress_redundant_updates_trigger()"}) {
    forward(body);
    db_.exec(extra);
    const auto before = schema();
    EXPECT_THAT(back(body), ::testing::StartsWith("retired as ")) << extra;
    forward(body);
    EXPECT_EQ(schema(), before) << extra;
    db_.exec("DROP TABLE things");
  }
}

TEST_F(RetireTablePgTest, DefaultPrivilegesAreNoReasonToKeepAnEmptyTable) {
  db_.exec(
      "ALTER DEFAULT PRIVILEGES GRANT SELECT ON TABLES TO pg_monitor;"
      "ALTER DEFAULT PRIVILEGES IN SCHEMA public GRANT UPDATE ON TABLES TO pg_monitor");
  const auto body = table("things", "id integer");
  forward(body);
  EXPECT_EQ(back(body), "dropped: it was empty");
  forward(body);
  db_.exec("REVOKE UPDATE ON things FROM pg_monitor");
  EXPECT_THAT(back(body), ::testing::StartsWith("retired as "));
}

TEST_F(RetireTablePgTest, ASequenceThatWasUsedIsKept) {
  const auto body = table("things", "id integer GENERATED ALWAYS AS IDENTITY, name text");
  forward(body);
  db_.exec("INSERT INTO things (name) VALUES ('a'); DELETE FROM things");
  EXPECT_THAT(back(body), ::testing::StartsWith("retired as "));
  forward(body);
  EXPECT_EQ(db_.value("INSERT INTO things (name) VALUES ('b') RETURNING id"), "2");

  db_.exec("DROP TABLE things");
  forward(body);
  db_.exec("ALTER TABLE things ALTER id RESTART 100");
  EXPECT_THAT(back(body), ::testing::StartsWith("retired as "));
}

TEST_F(RetireTablePgTest, ManyPagesAreRetiredWithoutALookAtThem) {
  const auto body = table("things", "id integer, name text");
  forward(body);
  db_.exec(
      "ALTER TABLE things SET (autovacuum_enabled = off);"
      "INSERT INTO things SELECT i, repeat('x', 1000) FROM generate_series(1, 1000) i; DELETE FROM things");
  EXPECT_THAT(back(body), ::testing::StartsWith("retired as "));
}

TEST_F(RetireTablePgTest, AnyNameComesBackAsItWas) {
  const std::string longest = "t" + std::string(62, 'x');
  std::string umlauts = "T";
  for (int i = 0; i < 31; ++i) umlauts += "ü";
  for (const auto& name : {longest, umlauts, std::string("select"), std::string("My \"Tasks\""),
                           std::string("back\\slash"), std::string("it's"), std::string("_pgphase_1_x")}) {
    const auto quoted = quote_ident(name);
    const auto body = table(name, "\"Group\" integer GENERATED ALWAYS AS IDENTITY PRIMARY KEY, CONSTRAINT " + quoted +
                                      " CHECK (\"Group\" > 0), a serial, b serial UNIQUE");
    forward(body);
    db_.exec(
        fmt::format("CREATE INDEX ON {0} (a); CREATE INDEX ON {0} (b, a); INSERT INTO {0} DEFAULT VALUES", quoted));
    const auto before = schema();
    const auto rows_before = rows(quoted);
    EXPECT_THAT(back(body), ::testing::StartsWith("retired as ")) << name;
    EXPECT_EQ(named(name), "0");
    forward(body);
    EXPECT_EQ(schema(), before) << name;
    EXPECT_EQ(rows(quoted), rows_before);
  }
}

TEST_F(RetireTablePgTest, TablesOfOneNameMeetAmongTheRetired) {
  const auto first = table("things", "id integer");
  auto second = first;
  second.table.schema = "App";
  second.sql = "CREATE TABLE \"App\".things (id integer)";
  db_.exec("CREATE SCHEMA \"App\"");
  forward(first);
  db_.exec("INSERT INTO things VALUES (1)");
  back(first);
  // Both bodies share a step name, so the second is made by hand and only undone.
  db_.exec("CREATE TABLE \"App\".things (id integer); INSERT INTO \"App\".things VALUES (2)");
  EXPECT_THAT(back(second), ::testing::StartsWith("retired as "));
  EXPECT_EQ(db_.value("SELECT count(*) FROM pg_tables WHERE schemaname = 'pgphase_retired'"), "2");
  forward(second);
  EXPECT_EQ(db_.value("SELECT id FROM \"App\".things"), "2");
  EXPECT_EQ(db_.value("SELECT count(*) FROM pg_tables WHERE schemaname = 'pgphase_retired'"), "1");
}

TEST_F(RetireTablePgTest, ARowThatWasCommittedBetweenCheckAndLockIsNotLost) {
  const auto body = table("things", "id integer");
  forward(body);
  AsyncStatement writer(db_.url(),
                        "BEGIN ISOLATION LEVEL REPEATABLE READ; SELECT 1; INSERT INTO things VALUES (42); "
                        "SELECT pg_sleep(1.2); COMMIT");
  ASSERT_TRUE(eventually([&] {
    return db_.value(
               "SELECT count(*) FROM pg_locks WHERE relation = 'things'::regclass AND mode = 'RowExclusiveLock'") ==
           "1";
  }));
  auto blocked = undo_create_table(*session_, site(body), body);
  ASSERT_TRUE(blocked);
  EXPECT_FALSE(blocked->attempt.done);
  // Both timeouts are as long, and either may be first.
  EXPECT_THAT(blocked->attempt.blocked.sqlstate, ::testing::AnyOf("55P03", "57014"));
  EXPECT_EQ(db_.value("SELECT state FROM pgphase.step"), "done");
  EXPECT_THAT(back(body), ::testing::StartsWith("retired as "));
  EXPECT_EQ(writer.sqlstate(), "");
  forward(body);
  EXPECT_EQ(db_.value("SELECT id FROM things"), "42");
}

TEST_F(RetireTablePgTest, NoAcknowledgedRowOfABusyWriterIsLost) {
  const auto body = table("things", "id integer");
  forward(body);
  std::atomic<int> acknowledged{0};
  std::atomic<bool> stop{false};
  std::string ended_with;
  std::thread writer([&] {
    PgClient client(db_.url());
    for (int id = 1; !stop; ++id) {
      try {
        client.exec(fmt::format("INSERT INTO things VALUES ({})", id));
        acknowledged = id;
      } catch (const PgError& error) {
        ended_with = error.sqlstate();
        return;
      }
    }
  });
  eventually([&] { return acknowledged > 0 || !ended_with.empty(); });
  const auto what = back(body);
  stop = true;
  writer.join();
  EXPECT_THAT(what, ::testing::StartsWith("retired as "));
  EXPECT_EQ(ended_with, "42P01");
  forward(body);
  EXPECT_EQ(db_.value("SELECT count(*) || ' ' || max(id) FROM things"), fmt::format("{0} {0}", acknowledged.load()));
}

TEST_F(RetireTablePgTest, ATableThatSomebodyDroppedCountsAsUndone) {
  const auto body = table("things", "id integer");
  forward(body);
  db_.exec("DROP TABLE things; CREATE VIEW things AS SELECT 1");
  EXPECT_EQ(back(body), "nothing to do: somebody has dropped the table already");
  EXPECT_EQ(db_.value("SELECT count(*) FROM things"), "1");
}

TEST_F(RetireTablePgTest, ATableThatExistsAlreadyIsLeftAlone) {
  db_.exec("CREATE TABLE things (other text); INSERT INTO things VALUES ('x')");
  const auto error = refused_forward(table("things", "id integer"));
  EXPECT_EQ(error.code, Errc::step_failed);
  EXPECT_EQ(error.sqlstate, "42P07");
  EXPECT_THAT(error.text(), ::testing::HasSubstr("creating table things: relation \"things\" already exists"));
  EXPECT_THAT(error.next, ::testing::HasSubstr("pgphase stamp"));
  EXPECT_EQ(db_.value("SELECT other FROM things"), "x");
}

TEST_F(RetireTablePgTest, ANameTakenMeanwhileStopsTheRestoration) {
  const auto body = table("things", "id integer PRIMARY KEY");
  forward(body);
  db_.exec("INSERT INTO things VALUES (1)");
  back(body);
  for (const auto* taken : {"CREATE TABLE things (other text)", "CREATE SEQUENCE things_pkey",
                            "CREATE VIEW things AS "
                            "SELECT 1"}) {
    auto client = db_.client();
    client.exec(taken);
    const auto error = refused_forward(body);
    EXPECT_EQ(error.code, Errc::refused);
    EXPECT_THAT(error.message, ::testing::HasSubstr("taken meanwhile by")) << taken;
    EXPECT_THAT(error.next, ::testing::HasSubstr("safe in pgphase_retired._pgphase_"));
    client.exec(
        "DROP TABLE IF EXISTS pg_temp.x; DO $$ BEGIN EXECUTE (SELECT format('DROP %s %I', CASE relkind WHEN 'r' "
        "THEN 'TABLE' WHEN 'v' THEN 'VIEW' ELSE 'SEQUENCE' END, relname) FROM pg_class WHERE relnamespace = "
        "'public'::regnamespace AND relkind IN ('r', 'v', 'S')); END $$");
  }
  forward(body);
  EXPECT_EQ(db_.value("SELECT id FROM things"), "1");
}

TEST_F(RetireTablePgTest, ARetiredTableThatSomebodyDroppedIsNotReplacedByAnEmptyOne) {
  const auto body = table("things", "id integer");
  forward(body);
  db_.exec("INSERT INTO things VALUES (1)");
  back(body);
  db_.exec("DROP SCHEMA pgphase_retired CASCADE");
  const auto error = refused_forward(body);
  EXPECT_EQ(error.code, Errc::refused);
  EXPECT_THAT(error.text(), ::testing::HasSubstr("is gone"));
  EXPECT_THAT(error.next, ::testing::HasSubstr("pgphase step"));
}

TEST_F(RetireTablePgTest, TheSchemaOfTheRetiredStaysWhileSomethingElseIsInIt) {
  const auto body = table("things", "id integer");
  forward(body);
  db_.exec("INSERT INTO things VALUES (1)");
  back(body);
  db_.exec("CREATE TABLE pgphase_retired.mine (id integer)");
  forward(body);
  EXPECT_EQ(db_.value("SELECT count(*) FROM pgphase_retired.mine"), "0");
}

TEST_F(RetireTablePgTest, AReaderInTheWayMakesAnAttemptThatDidNothing) {
  const auto body = table("things", "id integer");
  forward(body);
  auto reader = db_.client();
  reader.exec("BEGIN; SELECT * FROM things");
  const auto schema_before = schema();
  const auto ledger_before = ledger();
  const auto began = std::chrono::steady_clock::now();
  auto outcome = undo_create_table(*session_, site(body), body);
  ASSERT_TRUE(outcome);
  EXPECT_FALSE(outcome->attempt.done);
  EXPECT_TRUE(outcome->what.empty());
  EXPECT_LT(std::chrono::steady_clock::now() - began, 5s);
  EXPECT_EQ(schema(), schema_before);
  EXPECT_EQ(ledger(), ledger_before);
  reader.exec("COMMIT");
  EXPECT_EQ(back(body), "dropped: it was empty");
}

}  // namespace
}  // namespace pgphase::testing
