// drop_table: the table is out of sight with all that belongs to it, nobody reaches its rows meanwhile or is held up by
// them, and it comes back with every one.
#include <fmt/format.h>

#include <atomic>
#include <thread>

#include "phases/retire/whole_table.hpp"
#include "tests/pg/retire_fixture.hpp"
#include "tests/support/process.hpp"

namespace pgphase::testing {
namespace {

using ::testing::HasSubstr;
using ::testing::StartsWith;

class WholeTablePgTest : public RetirePgTest {
 protected:
  WholeTablePgTest() {
    db_.exec(
        "CREATE TABLE teams (id integer PRIMARY KEY); INSERT INTO teams SELECT generate_series(1, 10);"
        "CREATE TABLE people (id serial PRIMARY KEY, team integer REFERENCES teams ON DELETE CASCADE, "
        "  boss integer REFERENCES people, name text UNIQUE CHECK (name <> ''));"
        "CREATE INDEX by_team ON people (team);"
        "INSERT INTO people (team, name) SELECT i % 10 + 1, 'p' || i FROM generate_series(1, 100) i;"
        "CREATE TABLE notes (id integer PRIMARY KEY, person integer REFERENCES people);"
        "INSERT INTO notes SELECT i, i FROM generate_series(1, 50) i");
  }
  static RetireTableBody people() { return {{"public", "people"}}; }
  std::string rows(const std::string& table = "people") {
    return db_.value(
        fmt::format("SELECT count(*) || ' ' || md5(string_agg(t::text, '|' ORDER BY id)) FROM {} t", table));
  }
  std::string validated(const std::string& key) {
    return db_.value(fmt::format("SELECT convalidated FROM pg_constraint WHERE conname = '{}'", key));
  }
};

TEST_F(WholeTablePgTest, ALookForTheOldNamesInAnySchemaFindsNothingAndItComesBackTheSame) {
  const auto schema_before = schema(), rows_before = rows();
  for (int round = 1; round <= 2; ++round) {
    EXPECT_THAT(forward(people()), StartsWith("retired as pgphase_retired._pgphase_"));
    for (const auto* name : {"people", "_people", "people_pkey", "people_id_seq", "people_name_key",
                             "people_name_check", "by_team", "people_team_fkey", "people_boss_fkey"}) {
      EXPECT_EQ(named(name), "0") << name;
    }
    EXPECT_THAT(back(people()), StartsWith("people is back with its rows"));
    EXPECT_EQ(schema(), schema_before);
    EXPECT_EQ(rows(), rows_before);
  }
  EXPECT_EQ(db_.value("INSERT INTO people (team) VALUES (1) RETURNING id"), "101");
  EXPECT_EQ(sqlstate_of("UPDATE people SET boss = 999 WHERE id = 1"), "23503");
}

TEST_F(WholeTablePgTest, PartitionsGoWithItAndComeBackWithTheirRows) {
  db_.exec(
      "CREATE TABLE events (id serial, day integer, PRIMARY KEY (id, day)) PARTITION BY RANGE (day);"
      "CREATE TABLE events_1 PARTITION OF events FOR VALUES FROM (0) TO (10);"
      "CREATE TABLE events_2 PARTITION OF events FOR VALUES FROM (10) TO (20); CREATE INDEX ON events (day);"
      "INSERT INTO events (day) SELECT i % 20 FROM generate_series(1, 100) i");
  const auto schema_before = schema(), rows_before = rows("events");
  const RetireTableBody events{{"public", "events"}};
  forward(events);
  for (const auto* name : {"events", "events_1", "events_2", "events_day_idx", "events_1_day_idx", "events_2_pkey"}) {
    EXPECT_EQ(named(name), "0") << name;
  }
  back(events);
  EXPECT_EQ(schema(), schema_before);
  EXPECT_EQ(rows("events"), rows_before);
}

TEST_F(WholeTablePgTest, ACascadeFromAParentDoesNotReachARetiredTable) {
  const auto before = rows();
  forward(people());
  db_.exec("DELETE FROM teams WHERE id > 1");
  EXPECT_THAT(back(people()),
              HasSubstr("foreign key people_team_fkey of people stays NOT VALID: rows refer to what was deleted"));
  EXPECT_EQ(rows(), before);
  EXPECT_EQ(sqlstate_of("INSERT INTO people (team) VALUES (2)"), "23503") << "new rows are bound";
}

TEST_F(WholeTablePgTest, InsertsIntoItsChildrenGoOnWhileItIsRetired) {
  forward(people());
  EXPECT_EQ(sqlstate_of("INSERT INTO notes VALUES (51, 51), (52, 999)"), "");
  EXPECT_THAT(back(people()), HasSubstr("foreign key notes_person_fkey of notes stays NOT VALID"));
  EXPECT_EQ(db_.value("SELECT count(*) FROM notes"), "52");
  EXPECT_EQ(sqlstate_of("INSERT INTO notes VALUES (53, 999)"), "23503");
}

TEST_F(WholeTablePgTest, ItsForeignKeysComeBackNotValidAndAreCheckedWhileWritersGoOn) {
  forward(people());
  EXPECT_TRUE(one_attempt_back(people(), false).more);
  EXPECT_EQ(validated("people_team_fkey") + validated("notes_person_fkey"), "ff");
  EXPECT_EQ(sqlstate_of("INSERT INTO notes VALUES (53, 999)"), "23503") << "bound from this moment on";
  auto writer = db_.client();
  writer.exec(
      "BEGIN; UPDATE people SET name = 'x' WHERE id = 1; UPDATE notes SET person = 2 WHERE id = 1; "
      "DELETE FROM teams WHERE id = 99");
  while (one_attempt_back(people(), true).more) {
  }
  EXPECT_EQ(validated("people_team_fkey") + validated("notes_person_fkey"), "tt");
  writer.exec("COMMIT");
}

TEST_F(WholeTablePgTest, AForeignKeyThatWasNotValidComesBackAsItWas) {
  db_.exec(
      "ALTER TABLE notes DROP CONSTRAINT notes_person_fkey; INSERT INTO notes VALUES (99, 999);"
      "ALTER TABLE notes ADD CONSTRAINT notes_person_fkey FOREIGN KEY (person) REFERENCES people NOT VALID");
  const auto before = schema();
  forward(people());
  EXPECT_THAT(back(people()), ::testing::Not(HasSubstr("NOT VALID")));
  EXPECT_EQ(schema(), before);
}

TEST_F(WholeTablePgTest, NoAcknowledgedRowOfABusyWriterIsLost) {
  std::atomic<int> acknowledged{100};
  std::atomic<bool> stop{false}, ended{false};
  std::string ended_with;
  std::thread writer([&] {
    auto client = db_.client();
    while (!stop) {
      try {
        client.exec("INSERT INTO people (team) VALUES (1)");
        ++acknowledged;
      } catch (const PgError& error) {
        ended_with = error.sqlstate();
        ended = true;
        return;
      }
    }
  });
  eventually([&] { return acknowledged > 120 || ended; });
  forward(people());
  eventually([&] { return ended.load(); });  // a writer that is between two statements does not know yet
  stop = true;
  writer.join();
  EXPECT_EQ(ended_with, "42P01");
  back(people());
  EXPECT_EQ(db_.value("SELECT count(*) FROM people"), std::to_string(acknowledged));
}

TEST_F(WholeTablePgTest, ANameTakenMeanwhileStopsTheWayBackAndTheRowsAreSafe) {
  forward(people());
  db_.exec("CREATE TABLE people (other text)");
  const auto error = refused_back(people());
  EXPECT_EQ(error.code, Errc::refused);
  EXPECT_THAT(error.next, HasSubstr("safe in pgphase_retired._pgphase_"));
  db_.exec("DROP TABLE people");
  back(people());
  EXPECT_EQ(db_.value("SELECT count(*) FROM people"), "100");
}

TEST_F(WholeTablePgTest, WhatCameWhileItWaitedForTheLockIsFoundUnderIt) {
  forward(people());
  back(people());  // so that the ledger knows the step
  limits_.timeout = std::chrono::milliseconds(900);
  AsyncStatement somebody(db_.url(), "BEGIN; CREATE VIEW v AS SELECT id FROM people; SELECT pg_sleep(0.4); COMMIT");
  ASSERT_TRUE(eventually(
      [&] { return db_.value("SELECT count(*) FROM pg_locks WHERE relation = 'people'::regclass") != "0"; }));
  auto outcome = retire_whole_table(*session_, site(people()), people());
  ASSERT_FALSE(outcome);
  EXPECT_EQ(outcome.error().code, Errc::refused);
  EXPECT_THAT(outcome.error().message, HasSubstr("view v uses table people"));
  EXPECT_EQ(named("people"), "2") << "the table and its row type";
}

}  // namespace
}  // namespace pgphase::testing
