// A snapshot of the catalogue: each change is found, and nothing else is said; what is pgphase's own is not in it.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>

#include "phases/catalogue/compare.hpp"
#include "phases/catalogue/snapshot.hpp"
#include "phases/catalogue/snapshot_json.hpp"
#include "phases/ledger/schema.hpp"
#include "tests/support/database.hpp"
#include "tests/support/hand_changes.hpp"
#include "tests/support/server.hpp"

namespace pgphase::testing {

static void PrintTo(const HandChange& change, std::ostream* out) {
  *out << change.sql;
}

namespace {

using ::testing::ElementsAre;
using ::testing::IsEmpty;

std::unique_ptr<Session> open_session(const std::string& url, const std::string& role = "") {
  SessionOptions options;
  options.conninfo = url;
  options.target = "the test's database";
  options.role = role;
  return std::move(Session::open(options).value());
}

std::vector<std::string> words_of(const std::vector<Difference>& differences) {
  std::vector<std::string> words;
  for (const auto& difference : differences) words.push_back(in_words(difference));
  return words;
}

class CatalogueSnapshotPgTest : public ::testing::Test {
 protected:
  Snapshot snapshot(const SnapshotOptions& options = {}) { return take_snapshot(*session_, options).value(); }

  // What differs after the SQL from what was before it.
  std::vector<std::string> changes(const std::string& sql, const SnapshotOptions& options = {}) {
    const auto before = snapshot(options);
    db_.exec(sql);
    return words_of(compare(before, snapshot(options)));
  }

  TestDatabase db_;
  std::unique_ptr<Session> session_ = open_session(db_.url());
};

class HandChangePgTest : public CatalogueSnapshotPgTest, public ::testing::WithParamInterface<HandChange> {};

TEST_P(HandChangePgTest, IsFoundAndNothingElseIs) {
  db_.exec(k_rich_schema);
  const auto found = changes(GetParam().sql);
  const auto& expected = GetParam().words;
  ASSERT_EQ(found.size(), expected.size()) << ::testing::PrintToString(found);
  for (std::size_t i = 0; i < found.size(); ++i) {
    EXPECT_NE(found[i].find(expected[i]), std::string::npos) << found[i] << "\ninstead of\n" << expected[i];
  }
}

INSTANTIATE_TEST_SUITE_P(All, HandChangePgTest, ::testing::ValuesIn(hand_changes_for(test_server_major())),
                         [](const auto& test) { return test.param.name; });

TEST_F(CatalogueSnapshotPgTest, SaysNothingAboutWhatHasNotChanged) {
  db_.exec(k_rich_schema);
  const auto before = snapshot();
  db_.exec("INSERT INTO base VALUES (1); SELECT nextval('shop.ticket'); ANALYZE");
  db_.exec("VACUUM FULL base");
  EXPECT_THAT(words_of(compare(before, snapshot())), IsEmpty());
}

TEST_F(CatalogueSnapshotPgTest, SaysNothingAboutAGrantThatWasTakenBack) {
  db_.exec(k_rich_schema);
  // Both leave a list behind that says what PostgreSQL grants anyway.
  EXPECT_THAT(changes("GRANT SELECT ON customers TO shop_reader; REVOKE SELECT ON customers FROM shop_reader; "
                      "REVOKE EXECUTE ON FUNCTION add_one FROM PUBLIC; GRANT EXECUTE ON FUNCTION add_one TO PUBLIC"),
              IsEmpty());
  EXPECT_NE(db_.value("SELECT relacl FROM pg_class WHERE relname = 'customers'"), "NULL");
}

TEST_F(CatalogueSnapshotPgTest, TellsAnObjectByItsFacts) {
  db_.exec(k_rich_schema);
  const auto objects = snapshot().objects;
  const Facts urgency = objects.at({"column", "public.orders.urgency"});
  EXPECT_EQ(urgency.at("table"), "public.orders");
  EXPECT_EQ(urgency.at("type"), "smallint");
  EXPECT_EQ(urgency.at("default"), "5");
  EXPECT_EQ(urgency.at("nullable"), "yes");
  EXPECT_EQ(urgency.at("place"), "6");
  EXPECT_FALSE(urgency.contains("collation"));
  EXPECT_EQ(objects.at({"index", "public.orders_open"}).at("definition"),
            "CREATE INDEX orders_open ON public.orders USING btree (placed) WHERE open");
  EXPECT_EQ(objects.at({"constraint", "public.orders.note_short"}).at("validated"), "no");
  EXPECT_EQ(objects.at({"table", "public.events"}).at("partition key"), "RANGE (at)");
  EXPECT_EQ(objects.at({"sequence", "shop.ticket"}).at("increment"), "5");
  EXPECT_TRUE(objects.contains({"trigger", "public.events.stamp_events"}));
  EXPECT_FALSE(objects.contains({"trigger", "public.events_2024.stamp_events"}));
}

TEST_F(CatalogueSnapshotPgTest, DoesNotDependOnTheSearchPath) {
  db_.exec(k_rich_schema);
  const auto before = snapshot();
  session_->query("SET search_path = shop, public").value();
  EXPECT_EQ(before, snapshot());
}

TEST_F(CatalogueSnapshotPgTest, IsTheSameForARoleThatMayDoNothing) {
  db_.exec(k_rich_schema);
  const auto session = open_session(db_.url(), "shop_owner");
  ASSERT_EQ(session->query("SELECT rolsuper FROM pg_roles WHERE rolname = current_user").value()[0].text(0), "f");
  const auto seen = take_snapshot(*session);
  ASSERT_TRUE(seen) << seen.error().text();
  EXPECT_EQ(*seen, snapshot());
}

TEST_F(CatalogueSnapshotPgTest, SaysWhichTableItMayNotRead) {
  db_.exec("CREATE TABLE secrets (a integer)");
  db_.exec(k_rich_schema);
  const auto session = open_session(db_.url(), "shop_owner");
  const auto seen = take_snapshot(*session, {.rows = true});
  ASSERT_FALSE(seen);
  EXPECT_NE(seen.error().message.find("permission denied for table"), std::string::npos) << seen.error().text();
  EXPECT_TRUE(session->query("CREATE TEMPORARY TABLE t ()"));  // no transaction is left open
}

TEST_F(CatalogueSnapshotPgTest, LeavesOutWhatPgphaseHasHidden) {
  db_.exec(k_rich_schema);
  ensure_ledger(*session_).value();
  EXPECT_THAT(changes(R"sql(
ALTER TABLE orders ADD COLUMN _pgphase_retired_8 serial UNIQUE REFERENCES customers CHECK (_pgphase_retired_8 < 99);
CREATE INDEX hidden_a ON orders (_pgphase_retired_8, title);
CREATE INDEX hidden_b ON orders ((_pgphase_retired_8 + 1));
CREATE INDEX hidden_c ON orders (title) WHERE _pgphase_retired_8 > 1;
ALTER TABLE orders ADD CONSTRAINT hidden_d EXCLUDE ((_pgphase_retired_8 + 1) WITH =);
CREATE STATISTICS hidden_e ON _pgphase_retired_8, customer FROM orders;
CREATE SCHEMA pgphase_retired;
CREATE TABLE pgphase_retired._pgphase_9_orders (id integer PRIMARY KEY);
CREATE TABLE pgphase.more (id integer);
CREATE FUNCTION "!pgphase_sync"() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN RETURN NEW; END $$;
CREATE TRIGGER "!pgphase_sync" BEFORE UPDATE ON orders FOR EACH ROW EXECUTE FUNCTION "!pgphase_sync"();
CREATE TRIGGER "~pgphase_sync" BEFORE UPDATE ON orders FOR EACH ROW EXECUTE FUNCTION "!pgphase_sync"();
CREATE TRIGGER "_pgphase_sync" BEFORE UPDATE ON orders FOR EACH ROW EXECUTE FUNCTION "!pgphase_sync"();
)sql"),
              IsEmpty());
  EXPECT_FALSE(snapshot().objects.contains({"schema", "pgphase"}));
  // A column behind a hidden one is at the place that people see.
  db_.exec("ALTER TABLE orders ADD COLUMN behind integer");
  EXPECT_EQ(snapshot().objects.at({"column", "public.orders.behind"}).at("place"), "10");
}

TEST_F(CatalogueSnapshotPgTest, ARetiredColumnIsMissingWithWhatUsesIt) {
  db_.exec(k_rich_schema);
  EXPECT_THAT(changes("ALTER TABLE orders RENAME COLUMN customer TO _pgphase_retired_7"),
              ElementsAre("column orders.customer is missing", "constraint orders_customer_fkey on orders is missing",
                          "index orders_customer on orders is missing",
                          "policy own_orders on orders: using was (customer = 1), is (_pgphase_retired_7 = 1)",
                          "statistics orders_correlated on orders is missing"));
}

TEST_F(CatalogueSnapshotPgTest, LeavesOutWhatAnExtensionBrought) {
  db_.exec(
      "CREATE TABLE member (id serial PRIMARY KEY); CREATE FUNCTION f() RETURNS integer LANGUAGE sql AS 'SELECT 1'; "
      "CREATE TYPE t AS ENUM ('a'); CREATE TYPE c AS (a integer); CREATE VIEW v AS SELECT 1 AS one");
  EXPECT_THAT(changes("ALTER EXTENSION plpgsql ADD TABLE member; ALTER EXTENSION plpgsql ADD SEQUENCE member_id_seq; "
                      "ALTER EXTENSION plpgsql ADD FUNCTION f(); ALTER EXTENSION plpgsql ADD TYPE t; "
                      "ALTER EXTENSION plpgsql ADD TYPE c; ALTER EXTENSION plpgsql ADD VIEW v"),
              ElementsAre("enum t is missing", "function f() is missing", "composite type c is missing",
                          "table member is missing", "view v is missing"));
}

TEST_F(CatalogueSnapshotPgTest, CountsRowsWithoutCaringForTheirOrder) {
  db_.exec(k_rich_schema);
  const SnapshotOptions with_rows{.rows = true};
  const auto before = snapshot(with_rows);
  EXPECT_EQ(before.rows.at({"public", "orders"}).rows, 10);
  EXPECT_EQ(before.rows.at({"public", "base"}), (RowSum{0, "0"}));
  EXPECT_FALSE(before.rows.contains({"public", "events"}));  // its partitions have the rows
  EXPECT_EQ(before.rows.at({"public", "events_2024"}).rows, 0);
  // Each row once more, from the last to the first; and a hidden column that has values.
  EXPECT_THAT(changes("CREATE TABLE copy AS TABLE customers; TRUNCATE customers CASCADE; "
                      "INSERT INTO customers SELECT * FROM copy ORDER BY id DESC; DROP TABLE copy; "
                      "ALTER TABLE customers ADD COLUMN _pgphase_retired_3 integer DEFAULT 7",
                      with_rows),
              ElementsAre("rows of orders differ: 10 rows before, 0 now"));
}

TEST_F(CatalogueSnapshotPgTest, FindsOneValueThatChanged) {
  db_.exec(k_rich_schema);
  const SnapshotOptions with_rows{.rows = true};
  EXPECT_THAT(changes("UPDATE customers SET name = '' WHERE id = 7", with_rows),
              ElementsAre("rows of customers differ: as many as before, but not with the same values"));
  EXPECT_THAT(
      changes("UPDATE customers SET name = CASE id WHEN 1 THEN 'c2' ELSE 'c1' END WHERE id IN (1, 2)", with_rows),
      ElementsAre("rows of customers differ: as many as before, but not with the same values"));
  EXPECT_THAT(changes("INSERT INTO base VALUES (1), (1); INSERT INTO heir VALUES (1, 1)", with_rows),
              ElementsAre("rows of base differ: 0 rows before, 2 now", "rows of heir differ: 0 rows before, 1 now"));
  // Equal rows must not cancel each other out.
  EXPECT_THAT(changes("UPDATE ONLY base SET a = 2", with_rows),
              ElementsAre("rows of base differ: as many as before, but not with the same values"));
}

TEST_F(CatalogueSnapshotPgTest, ComesBackFromJsonAsItWas) {
  db_.exec(k_rich_schema);
  db_.exec(R"sql(COMMENT ON TABLE base IS E'"quoted" \\ \u00fc\n\ttab')sql");
  const auto taken = snapshot();
  EXPECT_EQ(taken.objects.at({"table", "public.base"}).at("comment"), "\"quoted\" \\ ü\n\ttab");
  const auto read = snapshot_from_json(to_json_text(taken));
  ASSERT_TRUE(read) << read.error().text();
  EXPECT_EQ(*read, taken);
}

TEST_F(CatalogueSnapshotPgTest, DoesNotWaitLongForATableThatSomebodyHasLocked) {
  db_.exec(k_rich_schema);
  auto other = db_.client();
  other.exec("BEGIN; LOCK TABLE orders IN ACCESS EXCLUSIVE MODE");
  const auto seen = take_snapshot(*session_);
  ASSERT_FALSE(seen);
  EXPECT_EQ(seen.error().code, Errc::sql);
  EXPECT_EQ(seen.error().sqlstate, "55P03") << seen.error().text();
  other.exec("ROLLBACK");
  EXPECT_TRUE(take_snapshot(*session_));
}

TEST_F(CatalogueSnapshotPgTest, EndsWhenItsTimeIsUp) {
  db_.exec(k_rich_schema);
  auto other = db_.client();
  other.exec("BEGIN; LOCK TABLE orders IN ACCESS EXCLUSIVE MODE");
  const auto seen = take_snapshot(*session_, {.time = std::chrono::milliseconds(500)});
  ASSERT_FALSE(seen);
  EXPECT_EQ(seen.error().sqlstate, "57014") << seen.error().text();
}

// `drift` takes one snapshot and has 5 s: this is what they are for.
TEST_F(CatalogueSnapshotPgTest, OfAThousandTablesIsTakenInWellUnderFiveSeconds) {
  db_.exec(k_thousand_tables);
  const auto begun = std::chrono::steady_clock::now();
  const auto first = snapshot();
  const auto took = std::chrono::steady_clock::now() - begun;
  const auto columns = std::count_if(first.objects.begin(), first.objects.end(),
                                     [](const auto& object) { return object.first.kind == "column"; });
  EXPECT_EQ(columns, 10000);
  EXPECT_THAT(words_of(compare(first, snapshot())), IsEmpty());
  EXPECT_LT(took, std::chrono::seconds(5));
}

}  // namespace
}  // namespace pgphase::testing
