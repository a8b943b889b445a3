// What stands in the way is named before anything is done, and again when it came while we waited for the lock.
#include <fmt/format.h>

#include <optional>

#include "tests/pg/retire_fixture.hpp"
#include "tests/support/process.hpp"
#include "tests/support/server.hpp"

namespace pgphase::testing {
namespace {

using ::testing::Contains;
using ::testing::HasSubstr;
using ::testing::StartsWith;

struct Obstacle {
  std::string make, remove, named;
  int since = 14;        // major version
  std::size_t ways = 1;  // in which it depends
};

class RetireObstaclesPgTest : public RetirePgTest {
 protected:
  template <class Body>
  void is_named_and_refused(const Body& body, const Obstacle& obstacle) {
    if (test_server_major() < obstacle.since) return;
    db_.exec(obstacle.make);
    auto found = obstacles_to_undo(*session_, body);
    ASSERT_TRUE(found) << obstacle.make << "\n" << found.error().text() << found.error().statement;
    EXPECT_THAT(*found, Contains(HasSubstr(obstacle.named))) << obstacle.make;
    EXPECT_EQ(found->size(), obstacle.ways) << obstacle.make << ": " << ::testing::PrintToString(*found);
    const auto error = refused_back(body);
    EXPECT_EQ(error.code, Errc::refused);
    EXPECT_THAT(error.message, HasSubstr(obstacle.named));
    EXPECT_THAT(error.next, StartsWith("Nothing was changed."));
    db_.exec(obstacle.remove);
    auto none = obstacles_to_undo(*session_, body);
    ASSERT_TRUE(none);
    EXPECT_THAT(*none, ::testing::IsEmpty()) << obstacle.remove;
  }
};

TEST_F(RetireObstaclesPgTest, OfATableAreNamedAndNothingIsChanged) {
  const auto body = table("tasks",
                          "id integer GENERATED ALWAYS AS IDENTITY PRIMARY KEY CHECK (id > 0), owner integer, "
                          "self integer REFERENCES tasks");
  db_.exec("CREATE TABLE users (id integer PRIMARY KEY); CREATE TABLE notes (task integer)");
  forward(body);
  const std::vector<Obstacle> obstacles{
      {"ALTER TABLE tasks ADD CONSTRAINT to_users FOREIGN KEY (owner) REFERENCES users ON DELETE CASCADE",
       "ALTER TABLE tasks DROP CONSTRAINT to_users", "foreign key to_users of table tasks refers to table users"},
      {"ALTER TABLE notes ADD CONSTRAINT to_tasks FOREIGN KEY (task) REFERENCES tasks",
       "ALTER TABLE notes DROP CONSTRAINT to_tasks", "foreign key to_tasks of table notes refers to table tasks"},
      {"CREATE VIEW \"My View\" AS SELECT id FROM tasks", "DROP VIEW \"My View\"", "view \"My View\" uses table tasks"},
      {"CREATE MATERIALIZED VIEW m AS SELECT id FROM tasks", "DROP MATERIALIZED VIEW m",
       "materialized view m uses table tasks"},
      {"CREATE VIEW v AS SELECT t FROM tasks t", "DROP VIEW v", "view v uses table tasks", 14, 2},
      {"CREATE RULE r AS ON INSERT TO notes DO ALSO DELETE FROM tasks", "DROP RULE r ON notes",
       "rule r on table notes uses table tasks"},
      {"CREATE POLICY p ON notes USING (task IN (SELECT id FROM tasks))", "DROP POLICY p ON notes",
       "policy p on table notes uses table tasks"},
      {"CREATE FUNCTION f() RETURNS bigint BEGIN ATOMIC SELECT count(*) FROM tasks; END", "DROP FUNCTION f",
       "function f() uses table tasks"},
      {"CREATE FUNCTION g() RETURNS SETOF tasks LANGUAGE sql AS 'SELECT * FROM tasks'", "DROP FUNCTION g",
       "function g() uses table tasks"},
      {"ALTER TABLE notes ADD whole tasks[]", "ALTER TABLE notes DROP whole", "column whole of table notes"},
      {"ALTER TABLE notes ADD n integer DEFAULT nextval('tasks_id_seq')", "ALTER TABLE notes DROP n",
       "column n of table notes"},
      {"CREATE TABLE child () INHERITS (tasks)", "DROP TABLE child", "table child inherits from table tasks"},
      {"CREATE TABLE parent (owner integer); ALTER TABLE tasks INHERIT parent",
       "ALTER TABLE tasks NO INHERIT parent; DROP TABLE parent", "table tasks inherits from table parent"},
      {"CREATE PUBLICATION pub FOR TABLE tasks", "DROP PUBLICATION pub", "publication pub publishes table tasks"},
      {"CREATE PUBLICATION pub FOR ALL TABLES", "DROP PUBLICATION pub", "publication pub publishes table tasks"},
      {"CREATE PUBLICATION pub FOR TABLES IN SCHEMA public", "DROP PUBLICATION pub",
       "publication pub publishes table tasks", 15},
  };
  for (const auto& obstacle : obstacles) is_named_and_refused(body, obstacle);
  db_.exec("INSERT INTO tasks DEFAULT VALUES");  // with a row no other answer
  for (const auto& obstacle : obstacles) is_named_and_refused(body, obstacle);
  EXPECT_THAT(back(body), StartsWith("retired"));
}

TEST_F(RetireObstaclesPgTest, PartitionedTablesAndPartitionsAreRefused) {
  auto whole = table("tasks", "id integer");
  whole.sql += " PARTITION BY RANGE (id)";
  forward(whole);
  EXPECT_THAT(refused_back(whole).message, HasSubstr("table tasks is partitioned"));
  const auto part = table("part", "id integer");
  forward(part);
  db_.exec("ALTER TABLE tasks ATTACH PARTITION part FOR VALUES FROM (1) TO (9)");
  EXPECT_THAT(refused_back(part).message, HasSubstr("table part is a partition of table tasks"));
}

TEST_F(RetireObstaclesPgTest, OfAColumnAreNamedAndNothingIsChanged) {
  db_.exec(
      "CREATE TABLE tasks (id integer PRIMARY KEY, title text); INSERT INTO tasks VALUES (1, 'x');"
      "CREATE TABLE users (id integer PRIMARY KEY); INSERT INTO users VALUES (1);"
      "CREATE TABLE notes (task integer);"
      "CREATE FUNCTION touch() RETURNS trigger LANGUAGE plpgsql AS 'BEGIN RETURN NEW; END'");
  const auto body = column("tasks", "owner", "integer");
  forward(body);
  const std::vector<Obstacle> obstacles{
      {"CREATE VIEW v AS SELECT * FROM tasks", "DROP VIEW v", "view v uses column owner of table tasks"},
      {"CREATE RULE r AS ON UPDATE TO tasks WHERE NEW.owner = 7 DO ALSO NOTHING", "DROP RULE r ON tasks",
       "rule r on table tasks uses column owner"},
      {"ALTER TABLE tasks ADD twice integer GENERATED ALWAYS AS (owner * 2) STORED", "ALTER TABLE tasks DROP twice",
       "column twice of table tasks depends on column owner"},
      {"CREATE POLICY p ON tasks USING (owner > 0)", "DROP POLICY p ON tasks",
       "policy p on table tasks uses column owner"},
      {"CREATE FUNCTION f() RETURNS bigint BEGIN ATOMIC SELECT sum(owner) FROM tasks; END", "DROP FUNCTION f",
       "function f() uses column owner"},
      {"CREATE TRIGGER tr AFTER UPDATE OF owner ON tasks FOR EACH ROW EXECUTE FUNCTION touch()",
       "DROP TRIGGER tr ON tasks", "trigger tr on table tasks names column owner"},
      {"CREATE TRIGGER tr AFTER UPDATE ON tasks FOR EACH ROW WHEN (NEW.owner > 1) EXECUTE FUNCTION touch()",
       "DROP TRIGGER tr ON tasks", "trigger tr on table tasks names column owner"},
      {"ALTER TABLE tasks ADD CONSTRAINT fk FOREIGN KEY (owner) REFERENCES users",
       "ALTER TABLE tasks DROP CONSTRAINT fk", "foreign key fk of table tasks uses column owner"},
      {"ALTER TABLE tasks ADD CONSTRAINT u UNIQUE (owner); ALTER TABLE notes ADD CONSTRAINT fk FOREIGN KEY (task) "
       "REFERENCES tasks (owner)",
       "ALTER TABLE notes DROP CONSTRAINT fk; ALTER TABLE tasks DROP CONSTRAINT u",
       "foreign key fk of table notes uses column owner"},
      {"CREATE PUBLICATION pub FOR TABLE tasks", "DROP PUBLICATION pub", "publication pub publishes column owner"},
      {"CREATE PUBLICATION pub FOR TABLE tasks (id, owner)", "DROP PUBLICATION pub", "publication pub publishes column owner",
       15},
      {"CREATE PUBLICATION pub FOR ALL TABLES", "DROP PUBLICATION pub", "publication pub publishes column owner"},
  };
  for (const auto& obstacle : obstacles) is_named_and_refused(body, obstacle);
  db_.exec("UPDATE tasks SET owner = 1");
  for (const auto& obstacle : obstacles) is_named_and_refused(body, obstacle);
  EXPECT_THAT(back(body), StartsWith("retired"));
}

// What its rows hold in the column goes out of sight and comes back with it; nothing of it is dropped.
TEST_F(RetireObstaclesPgTest, AnHeirGoesAlongWithAColumnThatThePlanHasAdded) {
  db_.exec("CREATE TABLE tasks (id integer, title text)");
  const auto added = column("tasks", "owner", "integer");
  const auto linked = link("tasks", "title", "slug", "text", "lower(title)");
  forward(added);
  forward(linked);
  db_.exec("CREATE TABLE child (more text) INHERITS (tasks); INSERT INTO child (id, owner, slug) VALUES (1, 7, 'x')");
  EXPECT_THAT(back(linked), StartsWith("retired"));
  EXPECT_THAT(back(added), StartsWith("retired"));
  db_.exec("INSERT INTO child (id, title) VALUES (2, 'two')");
  forward(added);
  forward(linked);
  EXPECT_EQ(db_.value("SELECT string_agg(concat_ws(' ', id, owner, slug), ', ' ORDER BY id) FROM child"), "1 7 x, 2");
}

TEST_F(RetireObstaclesPgTest, WhatDoesNotLookAtTheColumnIsNone) {
  db_.exec("CREATE TABLE tasks (id integer PRIMARY KEY, title text)");
  const auto body = column("tasks", "owner", "integer");
  forward(body);
  db_.exec(
      "CREATE VIEW v AS SELECT id FROM tasks; CREATE INDEX ON tasks (owner); ALTER TABLE tasks ADD CHECK (owner > 0);"
      "CREATE POLICY p ON tasks USING (id > 0)");
  if (session_->server_version() >= 150000) db_.exec("CREATE PUBLICATION others FOR TABLE tasks (id, title)");
  auto found = obstacles_to_undo(*session_, body);
  ASSERT_TRUE(found);
  EXPECT_THAT(*found, ::testing::IsEmpty());
  EXPECT_THAT(back(body), StartsWith("retired"));
}

TEST_F(RetireObstaclesPgTest, SeveralAreAllNamed) {
  const auto body = table("tasks", "id integer PRIMARY KEY");
  forward(body);
  db_.exec("CREATE VIEW v AS SELECT * FROM tasks; CREATE TABLE notes (task integer REFERENCES tasks)");
  const auto error = refused_back(body);
  EXPECT_THAT(error.message, HasSubstr("view v uses"));
  EXPECT_THAT(error.message, HasSubstr("of table notes refers to"));
}

TEST_F(RetireObstaclesPgTest, OneThatCameWhileWeWaitedForTheLockIsFoundUnderIt) {
  const auto body = table("tasks", "id integer");
  forward(body);
  limits_.timeout = std::chrono::milliseconds(900);
  AsyncStatement somebody(db_.url(), "BEGIN; CREATE VIEW v AS SELECT id FROM tasks; SELECT pg_sleep(0.4); COMMIT");
  ASSERT_TRUE(
      eventually([&] { return db_.value("SELECT count(*) FROM pg_locks WHERE relation = 'tasks'::regclass") != "0"; }));
  auto outcome = undo_create_table(*session_, site(body), body);
  ASSERT_FALSE(outcome);
  EXPECT_EQ(outcome.error().code, Errc::refused);
  EXPECT_THAT(outcome.error().message, HasSubstr("view v uses table tasks"));
  EXPECT_EQ(db_.value("SELECT state FROM pgphase.step"), "done");
}

TEST_F(RetireObstaclesPgTest, NothingStandsInTheWayOfWhatIsNotThere) {
  auto none = obstacles_to_undo(*session_, table("tasks", "id integer"));
  ASSERT_TRUE(none);
  EXPECT_TRUE(none->empty());
  auto no_column = obstacles_to_undo(*session_, column("tasks", "owner", "integer"));
  ASSERT_TRUE(no_column);
  EXPECT_TRUE(no_column->empty());
}

}  // namespace
}  // namespace pgphase::testing
