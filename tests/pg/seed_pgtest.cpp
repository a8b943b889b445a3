// Rows for a rehearsal: they fit every type and constraint, and an application that writes finds what it wrote.
#include <gmock/gmock.h>

#include <chrono>
#include <thread>

#include "phases/branch/seed.hpp"
#include "phases/branch/traffic.hpp"
#include "tests/support/database.hpp"

namespace pgphase::testing {
namespace {

class SeedPgTest : public ::testing::Test {
 protected:
  std::unique_ptr<Session> open() {
    SessionOptions options;
    options.conninfo = db.url();
    options.target = "the test's database";
    return std::move(Session::open(options).value());
  }
  TestDatabase db;
};

TEST_F(SeedPgTest, EveryTypeGetsValuesWithNullsExtremesAndDuplicates) {
  db.exec(
      "CREATE TYPE mood AS ENUM ('ok', 'sad'); CREATE DOMAIN short AS varchar(5);"
      "CREATE TABLE t (id bigint PRIMARY KEY, s smallint, i integer, n numeric(6,2), r real, d double precision, b "
      "boolean,"
      " x text, v varchar(3), c char(2), u uuid, da date, ts timestamp, tz timestamptz(3), ti time, iv interval, j "
      "json, jb "
      "jsonb, by bytea, ip inet, e mood, do_main short, a integer[], g integer, nn text NOT NULL)");
  const auto session = open();
  const auto seeded = seed_empty_tables(*session, {{"public", "t"}}, 100);
  ASSERT_TRUE(seeded) << seeded.error().text();
  ASSERT_EQ(seeded->size(), 1U);
  EXPECT_EQ(seeded->front().rows, 100) << seeded->front().refused << " refused";
  for (const auto* column : {"s",  "i",  "n",  "r",  "d",  "b",  "x", "v",       "c", "u", "da",
                             "ts", "tz", "ti", "iv", "by", "ip", "e", "do_main", "a", "g"}) {
    const std::string name(column);
    EXPECT_EQ(db.value("SELECT count(*) FILTER (WHERE " + name + " IS NULL) > 0 AND count(DISTINCT " + name +
                       ") < count(" + name + ") AND count(DISTINCT " + name + ") > 1 FROM t"),
              "t")
        << name;
  }
  EXPECT_EQ(db.value("SELECT min(i) || ' ' || max(i) FROM t"), "-2147483648 2147483647");
}

TEST_F(SeedPgTest, ForeignKeysAreFollowedAndRowsThatAreThereStay) {
  db.exec(
      "CREATE TABLE parent (id serial PRIMARY KEY, code text UNIQUE NOT NULL);"
      "CREATE TABLE child (id int GENERATED ALWAYS AS IDENTITY PRIMARY KEY, p int NOT NULL REFERENCES parent,"
      "                    code text REFERENCES parent (code), me int REFERENCES child, CHECK (id > 0));"
      "CREATE TABLE full_one (id int PRIMARY KEY); INSERT INTO full_one VALUES (1)");
  const auto session = open();
  const auto seeded =
      seed_empty_tables(*session, {{"public", "child"}, {"public", "full_one"}, {"public", "missing"}}, 20);
  ASSERT_TRUE(seeded) << seeded.error().text();
  EXPECT_EQ(db.value("SELECT count(*) FROM parent"), "20");
  EXPECT_EQ(db.value("SELECT count(*) > 10 AND count(DISTINCT p) > 5 FROM child"), "t");
  EXPECT_EQ(db.value("SELECT count(*) FROM full_one"), "1");
}

TEST_F(SeedPgTest, AWriterKnowsWhatItWasToldAndSeesWhatIsLost) {
  db.exec("CREATE TABLE t (id serial PRIMARY KEY, n int CHECK (n <> 3), x text)");
  const auto session = open();
  const auto tables = known_tables(*session, {{"public", "t"}});
  ASSERT_TRUE(tables) << tables.error().text();
  Writer writer(open(), *tables, 0, 42);
  writer.start();
  std::this_thread::sleep_for(std::chrono::milliseconds(400));
  writer.stop();
  EXPECT_GT(writer.counts().acknowledged, 20);
  EXPECT_THAT(writer.counts().failures, ::testing::IsEmpty());
  const auto nothing = [](const TableName&, const std::string&) { return false; };
  EXPECT_THAT(writer.what_is_lost(nothing, nothing).value(), ::testing::IsEmpty());

  db.exec("UPDATE t SET x = 'somebody else' WHERE id = (SELECT max(id) FROM t)");
  db.exec("DELETE FROM t WHERE id = (SELECT min(id) FROM t)");
  const auto lost = writer.what_is_lost(nothing, nothing).value();
  EXPECT_THAT(lost,
              ::testing::UnorderedElementsAre(::testing::HasSubstr("somebody else"), ::testing::HasSubstr("is gone")));
  ASSERT_TRUE(writer.remove_rows());
  EXPECT_EQ(db.value("SELECT count(*) FROM t"), "0");
}

TEST_F(SeedPgTest, AWriterCountsWhatIsRefusedAndWhatIsNotThere) {
  db.exec("CREATE TABLE t (id serial PRIMARY KEY, n int, x text CHECK (false))");
  const auto session = open();
  Writer writer(open(), known_tables(*session, {{"public", "t"}}).value(), 0, 42);
  writer.start();
  std::this_thread::sleep_for(std::chrono::milliseconds(200));
  db.exec("ALTER TABLE t DROP COLUMN n");
  std::this_thread::sleep_for(std::chrono::milliseconds(200));
  writer.stop();
  EXPECT_GT(writer.counts().refused, 0);
  EXPECT_GT(writer.counts().schema_gone, 0);
  EXPECT_THAT(writer.counts().failures, ::testing::IsEmpty());
}

}  // namespace
}  // namespace pgphase::testing
