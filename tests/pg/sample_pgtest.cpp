// A sample of a database: a few rows of each table, values as they are, every foreign key whole, the schema identical.
#include <gmock/gmock.h>

#include <algorithm>
#include <set>

#include "phases/branch/branch.hpp"
#include "phases/branch/clients.hpp"
#include "phases/branch/same_database.hpp"
#include "phases/branch/sample.hpp"
#include "phases/catalogue/compare.hpp"
#include "phases/catalogue/snapshot.hpp"
#include "tests/support/database.hpp"
#include "tests/support/server.hpp"

namespace pgphase::testing {
namespace {

constexpr int k_rows = 50;

// Chains, a cycle, a tree, keys of two columns, partitions on both sides, names that need quotes, and a foreign key
// that does not hold.
constexpr const char* k_schema = R"sql(
CREATE SCHEMA "o'dd \ ""schema""";
CREATE TYPE mood AS ENUM ('ok', 'sad');
CREATE TABLE countries (code char(2) PRIMARY KEY, name text);
CREATE TABLE people (id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY, boss bigint REFERENCES people,
  country char(2) NOT NULL REFERENCES countries, favourite bigint, born timestamptz, share double precision,
  big numeric, blob bytea, tags text[], doc jsonb, feeling mood,
  twice bigint GENERATED ALWAYS AS (id * 2) STORED);
CREATE TABLE "o'dd \ ""schema"""."Pets, ""all""" ("the id" bigserial PRIMARY KEY, "own""er" bigint NOT NULL REFERENCES people,
  note text);
ALTER TABLE people ADD FOREIGN KEY (favourite) REFERENCES "o'dd \ ""schema"""."Pets, ""all""";
CREATE TABLE events (day date, id bigint, who bigint REFERENCES people, PRIMARY KEY (day, id)) PARTITION BY RANGE (day);
CREATE TABLE events_1 PARTITION OF events FOR VALUES FROM ('2026-01-01') TO ('2026-07-01');
CREATE TABLE events_2 PARTITION OF events FOR VALUES FROM ('2026-07-01') TO ('2027-01-01');
CREATE TABLE answers (id int PRIMARY KEY, day date, event bigint, FOREIGN KEY (day, event) REFERENCES events);
CREATE TABLE orphans (id int PRIMARY KEY, who bigint);
CREATE MATERIALIZED VIEW people_of AS SELECT country, count(*) AS n FROM people GROUP BY 1;
CREATE UNLOGGED TABLE small (a int CHECK (a > 0), b text DEFAULT 'x\y');
CREATE FUNCTION never() RETURNS trigger LANGUAGE plpgsql AS $$BEGIN RAISE 'a trigger fired'; END$$;

INSERT INTO countries SELECT chr(65 + i / 26) || chr(65 + i % 26), 'country ' || i FROM generate_series(0, 599) i;
INSERT INTO people (boss, country, born, share, big, blob, tags, doc, feeling)
  SELECT nullif(i / 2, 0), chr(65 + i % 600 / 26) || chr(65 + i % 600 % 26), now() - i * interval '1 hour 1 microsecond',
         i / 3.0::float8, i / 7.0, decode(lpad(to_hex(i), 8, '0'), 'hex'),
         ARRAY[E'a\tb', E'c\\d\n', NULL, '}"{'], jsonb_build_object(E'k\n', i), CASE i % 3 WHEN 0 THEN 'sad' END::mood
    FROM generate_series(1, 20000) i;
INSERT INTO "o'dd \ ""schema"""."Pets, ""all""" ("own""er", note) SELECT 1 + i % 20000, E'\\.' FROM generate_series(1, 30000) i;
UPDATE people SET favourite = id - 1 WHERE id % 2 = 0;
INSERT INTO events SELECT date '2026-01-01' + i % 365, i, 1 + i % 20000 FROM generate_series(1, 20000) i;
INSERT INTO answers SELECT i, date '2026-01-01' + i % 365, i FROM generate_series(1, 20000) i;
INSERT INTO orphans SELECT i, 100000 + i FROM generate_series(1, 200) i;
ALTER TABLE orphans ADD FOREIGN KEY (who) REFERENCES people NOT VALID;
INSERT INTO small VALUES (1, NULL), (2, ''), (3, E'\\N');
REFRESH MATERIALIZED VIEW people_of;
CREATE TRIGGER never BEFORE INSERT ON people FOR EACH ROW EXECUTE FUNCTION never();
SELECT setval('people_id_seq', 777777);
ANALYZE;
)sql";

class SamplePgTest : public ::testing::Test {
 protected:
  // Debian's server comes with its clients; those from elsewhere do not, and then a copy is refused, with the reason.
  void SetUp() override {
    constexpr int k_debians = 15;
    if (find_clients(test_server_major())) return;
    ASSERT_NE(test_server_major(), k_debians) << "pg_dump and psql are missing beside the server";
    const auto refused = branch_by_copy(parse_conninfo(db.url()).value(), k_rows);
    ASSERT_FALSE(refused);
    EXPECT_EQ(refused.error().code, Errc::refused);
    EXPECT_THAT(refused.error().text(), ::testing::HasSubstr("needs pg_dump and psql of that version"));
    GTEST_SKIP() << "copying itself needs a server with its clients; the refusal was seen";
  }
  static std::unique_ptr<Session> open(const std::string& conninfo) {
    SessionOptions options;
    options.conninfo = conninfo;
    options.target = "the test's database";
    return std::move(Session::open(options).value());
  }
  static Snapshot snapshot(const std::string& conninfo) { return take_snapshot(*open(conninfo)).value(); }
  std::unique_ptr<Branch> branch(std::optional<int> rows) {
    auto made = branch_by_copy(parse_conninfo(db.url()).value(), rows);
    if (!made) throw std::runtime_error(made.error().text());
    return std::move(*made);
  }
  static std::vector<std::string> tables(PgClient& client) {
    std::vector<std::string> names;
    for (const auto& row : client.query("SELECT format('%I.%I', nspname, relname) FROM pg_class c JOIN pg_namespace n "
                                        "ON n.oid = relnamespace WHERE relkind = 'r' AND nspname !~ '^pg_' AND nspname "
                                        "<> 'information_schema' ORDER BY 1"))
      names.push_back(*row[0]);
    return names;
  }
  static std::set<std::string> rows_of(PgClient& client, const std::string& table) {
    std::set<std::string> rows;
    for (const auto& row : client.query("SELECT t::text FROM " + table + " t")) rows.insert(*row[0]);
    return rows;
  }
  TestDatabase db;
};

TEST_F(SamplePgTest, KeepsForeignKeysWholeAndValuesAsTheyAre) {
  db.exec(k_schema);
  const auto made = branch(k_rows);
  EXPECT_THAT(made->description(), ::testing::HasSubstr("at most 50 rows of a table"));
  std::vector<std::string> lines;
  for (const auto& difference : compare(snapshot(db.url()), snapshot(made->connection().to_libpq())))
    lines.push_back(in_words(difference));
  EXPECT_THAT(lines, ::testing::IsEmpty());

  PgClient source = db.client();
  PgClient copy(made->connection().to_libpq());
  for (const auto& table : tables(source)) {
    const auto all = rows_of(source, table), some = rows_of(copy, table);
    EXPECT_TRUE(std::includes(all.begin(), all.end(), some.begin(), some.end())) << table;
    EXPECT_GE(some.size(), std::min<std::size_t>(all.size(), k_rows)) << table;
    EXPECT_EQ(std::to_string(some.size()), copy.value("SELECT count(*) FROM " + table)) << table;
    // Nobody refers to these: so many and no more.
    if (table == "public.answers" || table == "public.orphans") {
      EXPECT_EQ(some.size(), std::size_t{k_rows}) << table;
    }
    if (all.size() > 10000) {
      EXPECT_LT(some.size(), all.size() / 4) << table;
    }
  }
  EXPECT_EQ(rows_of(copy, "small"), rows_of(source, "small"));
  EXPECT_EQ(copy.value("SELECT last_value FROM people_id_seq"), "777777");
  EXPECT_EQ(copy.value("SELECT sum(n) FROM people_of"), copy.value("SELECT count(*) FROM people"));
  // Every key that the source has checked holds: PostgreSQL has checked it again.
  EXPECT_EQ(copy.value("SELECT count(*) FROM pg_constraint WHERE contype = 'f' AND NOT convalidated"), "1");
}

TEST_F(SamplePgTest, TheBooksOfPgphaseAreTakenWhole) {
  db.exec(
      "CREATE SCHEMA pgphase; CREATE TABLE pgphase.event (id int PRIMARY KEY, what text);"
      "INSERT INTO pgphase.event SELECT i, 'x' FROM generate_series(1, 500) i;"
      "CREATE TABLE t (id int); INSERT INTO t SELECT generate_series(1, 500)");
  const auto made = branch(3);
  PgClient copy(made->connection().to_libpq());
  EXPECT_EQ(copy.value("SELECT count(*) FROM pgphase.event"), "500");
  EXPECT_EQ(copy.value("SELECT count(*) FROM t"), "3");
}

TEST_F(SamplePgTest, WithoutANumberEverythingIsCopied) {
  db.exec("CREATE TABLE t (id int); INSERT INTO t SELECT generate_series(1, 500)");
  const auto made = branch(std::nullopt);
  EXPECT_EQ(PgClient(made->connection().to_libpq()).value("SELECT count(*) FROM t"), "500");
}

// A subscription that is dropped drops its slot at the publisher: a plan that does so must not do it in a rehearsal.
TEST_F(SamplePgTest, SubscriptionsStayBehind) {
  db.exec(
      "CREATE SUBSCRIPTION s CONNECTION 'host=127.0.0.1 port=1 dbname=x' PUBLICATION p "
      "WITH (connect = false, enabled = false, slot_name = NONE)");
  const auto made = branch(std::nullopt);
  EXPECT_EQ(PgClient(made->connection().to_libpq()).value("SELECT count(*) FROM pg_subscription"), "0");
  db.exec("DROP SUBSCRIPTION s");
}

TEST(SameDatabasePgTest, IsKnownByAnyAddress) {
  const auto open = [](const std::string& conninfo) {
    SessionOptions options;
    options.conninfo = conninfo;
    options.target = "the test's database";
    return std::move(Session::open(options).value());
  };
  TestDatabase db;
  const auto one = open(db.url()), same = open(db.tcp_url());
  const TestDatabase neighbour;
  const auto other = open(neighbour.url());
  EXPECT_TRUE(same_database(*one, *same).value());
  EXPECT_FALSE(same_database(*one, *other).value());
  // Other tests hold locks of their own on the same server: only this database's count.
  EXPECT_EQ(db.value("SELECT count(*) FROM pg_locks WHERE locktype = 'advisory' "
                     "AND database = (SELECT oid FROM pg_database WHERE datname = current_database())"),
            "0");
}

TEST(TableSample, TakesPagesOnlyOfWhatIsLarge) {
  EXPECT_EQ(table_sample(-1, 0, 50), "");
  EXPECT_EQ(table_sample(0, 0, 50), "");
  EXPECT_EQ(table_sample(1000, 30, 50), "");  // 20 of 30 pages: all of them, then
  EXPECT_EQ(table_sample(1e6, 1e4, 1000), " TABLESAMPLE SYSTEM (0.200000)");
  EXPECT_EQ(table_sample(1e6, 1e4, 250000), "");  // half of it
  EXPECT_EQ(table_sample(1e9, 1e7, 10), " TABLESAMPLE SYSTEM (0.000200)");
}

}  // namespace
}  // namespace pgphase::testing
