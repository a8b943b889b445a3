// What a backfill sets, what it leaves alone, and what it refuses. Beside writers, crashes and locks:
// backfill_crash_pgtest.cpp, backfill_locks_pgtest.cpp.
#include <thread>

#include "phases/backfill/batch_sql.hpp"
#include "phases/ledger/ledger.hpp"
#include "tests/pg/backfill_fixture.hpp"

namespace pgphase::testing {
namespace {

TEST_F(BackfillPgTest, FillsATableWithoutAnyKeyAndEndsWhereTheValueIsNull) {
  db.exec(
      "CREATE TABLE t (a text, b text); INSERT INTO t SELECT nullif('X' || i % 10, 'X3') FROM generate_series(1, "
      "20000) i");
  const auto done = fill(backfill_of("t", {{"b", "lower(a)"}}, Todo::fill_empty));
  EXPECT_EQ(db.value("SELECT count(*) FROM t WHERE b IS DISTINCT FROM lower(a)"), "0");
  EXPECT_EQ(done.progress.rows_done, 18000);
  EXPECT_EQ(done.progress.pages_done, done.progress.pages_total);
  EXPECT_EQ(db.value("SELECT rows FROM pgphase.step WHERE name = 'fill'"), "18000");
  EXPECT_EQ(ledger("stage"), "done");
}

TEST_F(BackfillPgTest, AWhereThatStaysTrueSaysWhichRowsAreMeantAndNotWhichAreDone) {
  db.exec(
      "CREATE TABLE t (a text, b int, j json, n int); INSERT INTO t SELECT CASE WHEN i % 2 = 0 THEN i::text ELSE 'none' "
      "END, 7, '{}', i % 10 FROM generate_series(1, 20000) i");
  // The expression fails on rows that are not meant, and json cannot be compared.
  const auto done = fill(backfill_of("t", {{"b", "a::int"}, {"j", "to_json(a::int)"}}, Todo::differs, "a ~ '^[0-9]+$'"));
  EXPECT_EQ(done.progress.rows_done, 10000);
  EXPECT_EQ(db.value("SELECT count(*) FROM t WHERE CASE WHEN a = 'none' THEN b <> 7 ELSE b <> a::int END"), "0");
}

TEST_F(BackfillPgTest, ARowIsSetOnceThoughItMeetsTheWhereAfterwards) {
  db.exec("CREATE TABLE t (id int, n int); INSERT INTO t SELECT i, i % 10 FROM generate_series(1, 20000) i");
  const auto done = fill(backfill_of("t", {{"n", "n + 1"}}, Todo::marker, "n < 5"));
  EXPECT_EQ(done.progress.rows_done, 10000);
  EXPECT_EQ(db.value("SELECT count(*) FROM t WHERE n <> CASE WHEN id % 10 < 5 THEN id % 10 + 1 ELSE id % 10 END"), "0");
  EXPECT_EQ(db.value("SELECT count(*) FROM pg_attribute WHERE attrelid = 't'::regclass AND attnum > 0 AND NOT "
                     "attisdropped"),
            "2")
      << "the marker goes";
}

TEST_F(BackfillPgTest, ProgressCanBeReadFromTheLedgerAlone) {
  db.exec(
      "CREATE TABLE t (a int, b int, pad text); INSERT INTO t SELECT i, NULL, repeat('x', 500) FROM generate_series(1, "
      "20000) i");
  settings.stripes = 1;
  record_step(backfill_of("t", {{"b", "a"}}, Todo::fill_empty));
  auto run = open();
  ASSERT_TRUE(run) << run.error().text();
  EXPECT_EQ(db.value("SELECT count(*) FROM pgphase.backfill"), "0") << "open() wrote";
  BackfillTick last;
  for (int i = 0; i < 8; ++i) last = *(*run)->advance(*session);
  auto records = read_backfills(*control, key.plan);
  ASSERT_TRUE(records) << records.error().text();
  ASSERT_EQ((*records)[key.plan].size(), 1u);
  const auto& record = (*records)[key.plan].front();
  EXPECT_EQ(record.step, "fill");
  EXPECT_EQ(record.stage, "scan");
  EXPECT_EQ(record.pages_done, last.progress.pages_done);
  EXPECT_GT(record.pages_done, 16);
  EXPECT_LT(record.pages_done, record.pages_total);
  EXPECT_EQ(record.rows_done, last.progress.rows_done);
  EXPECT_NEAR(static_cast<double>(record.rows_estimate), 20000.0, 2000.0);
}

TEST_F(BackfillPgTest, ResumesAfterTheLastCommittedWindow) {
  db.exec(
      "CREATE TABLE t (a int, b int, pad text); INSERT INTO t SELECT i, NULL, repeat('x', 500) FROM generate_series(1, "
      "5000) i");
  settings.stripes = 1;
  record_step(backfill_of("t", {{"b", "a"}}, Todo::fill_empty));
  auto first = open();
  ASSERT_TRUE(first);
  for (int i = 0; i < 3; ++i) ASSERT_TRUE((*first)->advance(*session));
  const std::string position = "SELECT position FROM pgphase.chunk ORDER BY id LIMIT 1";
  const auto before = db.value(position);
  EXPECT_GT(std::stoi(before), 0);
  first->reset();
  end_session();
  session = connect();
  auto second = open();
  ASSERT_TRUE(second);
  auto tick = (*second)->advance(*session);
  ASSERT_TRUE(tick);
  EXPECT_EQ(db.value(position), std::to_string(std::stoi(before) + 16));
  EXPECT_EQ(drive(**second).progress.rows_done, 5000);
}

TEST_F(BackfillPgTest, TwoColumnsAreFilledApart) {
  db.exec(
      "CREATE TABLE t (id int, a smallint, b varchar(5)); INSERT INTO t VALUES (1, NULL, NULL), (2, 7, NULL), (3, "
      "NULL, 'own')");
  fill(backfill_of("t", {{"a", "id + 1"}, {"b", "'r' || id"}}, Todo::fill_empty));
  EXPECT_EQ(db.value("SELECT string_agg(concat_ws(' ', id, a, b), ', ' ORDER BY id) FROM t"),
            "1 2 r1, 2 7 r2, 3 4 own");
}

TEST_F(BackfillPgTest, DifferenceSeesScaleAndJson) {
  db.exec(
      "CREATE TABLE t (id int, n numeric, j json); INSERT INTO t SELECT i, 1.50, '{\"a\":  1}' FROM generate_series(1, "
      "3000) i");
  const auto done = fill(backfill_of("t", {{"n", "1.5"}, {"j", "'{\"a\": 1}'"}}, Todo::differs));
  EXPECT_EQ(done.progress.rows_done, 3000);
  EXPECT_EQ(db.value("SELECT DISTINCT n || ' ' || j FROM t"), "1.5 {\"a\": 1}");
  EXPECT_EQ(ledger("todo"), "differs");
}

TEST_F(BackfillPgTest, ColumnsWithModifiersAreNotSetForEver) {
  db.exec(
      "CREATE DOMAIN d AS varchar(4); CREATE TABLE t (id int, c char(6), v d, s timestamp(0), p numeric(6,2), bits "
      "bit(3));"
      "INSERT INTO t (id) SELECT generate_series(1, 100)");
  const auto done = fill(backfill_of("t",
                                     {{"c", "'ab'"},
                                      {"v", "'abcd'"},
                                      {"s", "timestamp '2026-01-01 10:00:00.6'"},
                                      {"p", "id / 3.0"},
                                      {"bits", "B'101'"}},
                                     Todo::differs));
  EXPECT_EQ(done.progress.rows_done, 100);
  EXPECT_EQ(db.value("SELECT c || v || s || p || bits FROM t WHERE id = 1"), "ababcd2026-01-01 10:00:010.33101");
}

TEST_F(BackfillPgTest, AnExpressionThatReadsItsTargetIsAppliedOnce) {
  db.exec(
      "CREATE TABLE t (a int, b text, n int, PRIMARY KEY (a, b)); INSERT INTO t SELECT i, 'k', 0 FROM "
      "generate_series(1, 30000) i");
  const auto done = fill(backfill_of("t", {{"n", "n + 1"}}, Todo::marker));
  EXPECT_EQ(done.progress.rows_done, 30000);
  EXPECT_EQ(db.value("SELECT count(*) FROM t WHERE n <> 1"), "0");
  EXPECT_EQ(db.value("SELECT count(*) FROM pg_attribute WHERE attname LIKE '\\_pgphase%' AND NOT attisdropped"), "0");
}

TEST_F(BackfillPgTest, AVolatileFunctionOperatorOrTheClockMakesAMarker) {
  db.exec(
      "CREATE FUNCTION jitter(int, int) RETURNS int LANGUAGE sql VOLATILE AS 'SELECT $1 + (random() * $2)::int';"
      "CREATE OPERATOR ~+~ (LEFTARG = int, RIGHTARG = int, FUNCTION = jitter);"
      "CREATE TABLE t (id int, x float, y int, z timestamptz, s text); INSERT INTO t SELECT generate_series(1, 100)");
  for (const auto& [column, expression] :
       std::vector<std::pair<std::string, std::string>>{{"x", "random()"},
                                                        {"y", "id ~+~ 5"},
                                                        {"z", "CURRENT_TIMESTAMP"},
                                                        {"s", "(SELECT gen_random_uuid()::text)"}}) {
    fill(backfill_of("t", {{column, expression}}, Todo::differs));
    EXPECT_EQ(ledger("todo"), "marker") << expression;
    db.exec("DELETE FROM pgphase.plan");
  }
  fill(backfill_of("t", {{"s", "(SELECT max(u.id)::text FROM t u) || to_char(z, 'YYYY')"}}, Todo::differs));
  EXPECT_EQ(ledger("todo"), "differs");
}

TEST_F(BackfillPgTest, AWhereThatStaysTrueStopsAtTheFirstBatch) {
  db.exec("CREATE TABLE t (id int, a int); INSERT INTO t SELECT generate_series(1, 1000)");
  settings.stripes = 1;
  const auto error = fill_to_error(backfill_of("t", {{"a", "1"}}, Todo::where, "id > 0"));
  EXPECT_EQ(error.code, Errc::step_failed);
  EXPECT_TRUE(contains(error.message, "1000 of 1000 rows of public.t")) << error.message;
  EXPECT_EQ(db.value("SELECT count(a) FROM t"), "0");
}

TEST_F(BackfillPgTest, AWhereOverAnIndexedColumnIsHonoured) {
  db.exec(
      "CREATE TABLE t (id int primary key, a int); INSERT INTO t SELECT i, i % 3 FROM generate_series(1, 9000) i;"
      "CREATE INDEX ON t (a); ANALYZE t");
  EXPECT_EQ(fill(backfill_of("t", {{"a", "9"}}, Todo::where, "a = 1 -- the middle ones")).progress.rows_done, 3000);
  EXPECT_EQ(
      db.value("SELECT string_agg(a || ':' || n, ' ' ORDER BY a) FROM (SELECT a, count(*) n FROM t GROUP BY 1) g"),
      "0:3000 2:3000 9:3000");
}

TEST_F(BackfillPgTest, ABatchReadsItsPagesAndNoOthers) {
  db.exec(
      "CREATE TABLE t (id int primary key, a int, pad text); INSERT INTO t SELECT i, 1, repeat('x', 200) FROM "
      "generate_series(1, 50000) i;"
      "CREATE INDEX ON t (a); ANALYZE t");
  const auto what = backfill_of("t", {{"a", "id"}}, Todo::differs);
  Target target;
  target.table = what.table;
  target.columns = {{"a", "integer", "integer"}};
  const BatchSql sql(Todo::differs, what, target, "");
  for (const auto& statement : {sql.update("public.t", PageRange{128, 256}), sql.update_unlocked("public.t", PageRange{128, 256}),
                                sql.count("public.t", PageRange{128, 256})}) {
    std::string plan_text;
    for (const auto& row : db.query("EXPLAIN " + statement)) plan_text += *row[0] + "\n";
    EXPECT_TRUE(contains(plan_text, "Tid Range Scan on t")) << plan_text;
    EXPECT_FALSE(contains(plan_text, "Seq Scan")) << plan_text;
  }
}

TEST_F(BackfillPgTest, EveryPartitionIsFilledAndOneAttachedMeanwhileToo) {
  db.exec(
      "CREATE TABLE t (id int, a int, b int) PARTITION BY RANGE (id);"
      "CREATE TABLE t1 PARTITION OF t FOR VALUES FROM (0) TO (1000);"
      "CREATE TABLE t2 PARTITION OF t FOR VALUES FROM (1000) TO (9000) PARTITION BY LIST (a);"
      "CREATE TABLE t2a PARTITION OF t2 FOR VALUES IN (0, 1); CREATE TABLE t2b PARTITION OF t2 DEFAULT;"
      "INSERT INTO t SELECT i, i % 4 FROM generate_series(0, 8999) i;"
      "CREATE TABLE late (b int, a int, id int); INSERT INTO late (id, a) SELECT i, 1 FROM generate_series(9000, 9999) "
      "i");
  record_step(backfill_of("t", {{"b", "id * 2"}}, Todo::fill_empty));
  auto run = open();
  ASSERT_TRUE(run) << run.error().text();
  ASSERT_TRUE((*run)->advance(*session));
  db.exec("ALTER TABLE t ATTACH PARTITION late FOR VALUES FROM (9000) TO (10000)");
  EXPECT_EQ(drive(**run).progress.rows_done, 10000);
  EXPECT_EQ(db.value("SELECT count(*) FROM t WHERE b IS DISTINCT FROM id * 2"), "0");
}

TEST_F(BackfillPgTest, APartitionDroppedMeanwhileIsNotVisited) {
  db.exec(
      "CREATE TABLE t (id int, n int) PARTITION BY RANGE (id);"
      "CREATE TABLE t1 PARTITION OF t FOR VALUES FROM (0) TO (1000);"
      "CREATE TABLE t2 PARTITION OF t FOR VALUES FROM (1000) TO (2000);"
      "INSERT INTO t SELECT i, 0 FROM generate_series(0, 1999) i");
  record_step(backfill_of("t", {{"n", "n + 1"}}, Todo::marker));
  auto run = open();
  ASSERT_TRUE(run) << run.error().text();
  for (int i = 0; i < 2; ++i) ASSERT_TRUE((*run)->advance(*session));
  db.exec("DROP TABLE t2");
  EXPECT_EQ(drive(**run).progress.rows_done, 1000);
  EXPECT_EQ(db.value("SELECT count(*) FROM t WHERE n = 1"), "1000");
}

TEST_F(BackfillPgTest, APartitionAttachedWithoutAMarkerValueStopsTheStep) {
  db.exec(
      "CREATE TABLE t (id int, n int) PARTITION BY RANGE (id);"
      "CREATE TABLE t1 PARTITION OF t FOR VALUES FROM (0) TO (1000); INSERT INTO t SELECT i, 0 FROM generate_series(0, "
      "999) i");
  record_step(backfill_of("t", {{"n", "n + 1"}}, Todo::marker));
  auto run = open();
  ASSERT_TRUE(run) << run.error().text();
  for (int i = 0; i < 2; ++i) ASSERT_TRUE((*run)->advance(*session));
  db.exec(
      "CREATE TABLE t2 (LIKE t); INSERT INTO t2 (id, n) VALUES (1500, 0);"
      "ALTER TABLE t ATTACH PARTITION t2 FOR VALUES FROM (1000) TO (2000)");
  const auto error = drive_to_error(**run);
  EXPECT_EQ(error.code, Errc::step_failed);
  EXPECT_TRUE(contains(error.message, "marker column")) << error.message;
}

TEST_F(BackfillPgTest, ATableRewrittenMeanwhileIsScannedAgainAndNoRowSetTwice) {
  db.exec(
      "CREATE TABLE t (id int, n int, pad text); INSERT INTO t SELECT i, 0, repeat('x', 300) FROM generate_series(1, "
      "20000) i;"
      "DELETE FROM t WHERE id % 2 = 0");
  record_step(backfill_of("t", {{"n", "n + 1"}}, Todo::marker));
  auto run = open();
  ASSERT_TRUE(run) << run.error().text();
  for (int i = 0; i < 5; ++i) ASSERT_TRUE((*run)->advance(*session));
  db.exec("VACUUM FULL t");
  const auto done = drive(**run);
  EXPECT_EQ(done.progress.rows_done, 10000);
  EXPECT_EQ(db.value("SELECT count(*) FROM t WHERE n <> 1"), "0");
  ASSERT_FALSE(notes.empty());
  EXPECT_TRUE(contains(notes.front(), "public.t was rewritten meanwhile")) << notes.front();
}

TEST_F(BackfillPgTest, AConversionErrorNamesTheRowAndTheNextRunGoesOn) {
  db.exec(
      "CREATE TABLE t (region text, id int, a text, b int, PRIMARY KEY (region, id));"
      "INSERT INTO t SELECT 'eu', i, i::text FROM generate_series(1, 20000) i; UPDATE t SET a = 'twelve' WHERE id = "
      "19000");
  const auto error = fill_to_error(backfill_of("t", {{"b", "a::int"}}, Todo::fill_empty));
  EXPECT_EQ(error.code, Errc::step_failed);
  EXPECT_EQ(error.sqlstate, "22P02");
  EXPECT_TRUE(contains(error.message, "(region = eu, id = 19000)")) << error.message;
  EXPECT_TRUE(contains(error.message, "\"twelve\"")) << error.message;
  EXPECT_TRUE(contains(error.next, "What is set stays so")) << error.next;
  EXPECT_NE(db.value("SELECT count(b) FROM t"), "0");
  db.exec("UPDATE t SET a = '12' WHERE id = 19000");
  auto again = open();
  ASSERT_TRUE(again) << again.error().text();
  EXPECT_EQ(drive(**again).progress.rows_done, 20000);
}

TEST_F(BackfillPgTest, ABadRowThatCameBehindTheScanIsNamedToo) {
  db.exec(
      "CREATE TABLE t (id int PRIMARY KEY, a text, b int, pad text);"
      "INSERT INTO t SELECT i, i::text, NULL, repeat('x', 300) FROM generate_series(1, 3000) i");
  record_step(backfill_of("t", {{"b", "a::int"}}, Todo::fill_empty));
  auto run = open();
  ASSERT_TRUE(run);
  while (db.value("SELECT count(*) FROM pgphase.chunk WHERE done") == "0") ASSERT_TRUE((*run)->advance(*session));
  db.exec("INSERT INTO t VALUES (5000, 'many')");
  const auto error = drive_to_error(**run);
  EXPECT_EQ(error.code, Errc::step_failed);
  EXPECT_TRUE(contains(error.message, "(id = 5000)")) << error.message;
}

TEST_F(BackfillPgTest, AValueThatDoesNotFitIsNotCutOff) {
  db.exec("CREATE TABLE t (id int primary key, a text, b varchar(3)); INSERT INTO t VALUES (1, 'abc'), (2, 'abcd')");
  const auto error = fill_to_error(backfill_of("t", {{"b", "a"}}, Todo::differs));
  EXPECT_TRUE(contains(error.message, "(id = 2)")) << error.message;
  EXPECT_EQ(error.sqlstate, "22001");
}

TEST_F(BackfillPgTest, RowsAtOddsWithEachOtherNameTheirPages) {
  db.exec(
      "CREATE TABLE t (id int primary key, a int, u int UNIQUE); INSERT INTO t SELECT i, i / 2 FROM generate_series(1, "
      "4) i");
  const auto error = fill_to_error(backfill_of("t", {{"u", "a"}}, Todo::fill_empty));
  EXPECT_EQ(error.sqlstate, "23505");
  EXPECT_TRUE(contains(error.message, "page 0 of public.t")) << error.message;
}

TEST_F(BackfillPgTest, ATriggerThatSuppressesTheUpdateIsNamed) {
  db.exec(
      "CREATE TABLE t (id int, a int); INSERT INTO t SELECT generate_series(1, 100);"
      "CREATE FUNCTION no() RETURNS trigger LANGUAGE plpgsql AS 'BEGIN IF OLD.id = 50 THEN RETURN NULL; END IF; RETURN "
      "NEW; END';"
      "CREATE TRIGGER no BEFORE UPDATE ON t FOR EACH ROW EXECUTE FUNCTION no()");
  const auto error = fill_to_error(backfill_of("t", {{"a", "id"}}, Todo::fill_empty));
  EXPECT_EQ(error.code, Errc::step_failed);
  EXPECT_TRUE(contains(error.message, "1 row to be set, but UPDATE does not change")) << error.message;
}

TEST_F(BackfillPgTest, ATriggerThatTakesTheValueBackIsNamed) {
  db.exec(
      "CREATE TABLE t (id int, a int); INSERT INTO t SELECT generate_series(1, 100);"
      "CREATE FUNCTION undo() RETURNS trigger LANGUAGE plpgsql AS 'BEGIN NEW.a := NULL; RETURN NEW; END';"
      "CREATE TRIGGER undo BEFORE UPDATE ON t FOR EACH ROW EXECUTE FUNCTION undo()");
  const auto error = fill_to_error(backfill_of("t", {{"a", "id"}}, Todo::fill_empty));
  EXPECT_TRUE(contains(error.message, "still count as not done")) << error.message;
}

TEST_F(BackfillPgTest, WritersThatKeepProducingMatchesEndItAfterSomeSweeps) {
  db.exec(
      "CREATE TABLE t (id int, a int); INSERT INTO t SELECT generate_series(1, 2000);"
      "CREATE FUNCTION another() RETURNS trigger LANGUAGE plpgsql AS "
      "'BEGIN INSERT INTO t VALUES (0); RETURN NULL; END';"
      "CREATE TRIGGER another AFTER UPDATE ON t FOR EACH STATEMENT EXECUTE FUNCTION another()");
  const auto error = fill_to_error(backfill_of("t", {{"a", "id"}}, Todo::fill_empty));
  EXPECT_EQ(error.code, Errc::step_failed);
  EXPECT_TRUE(contains(error.message, "after 20 sweeps 1 row still to be set")) << error.message;
}

TEST_F(BackfillPgTest, APageThatTakesTooLongIsAnErrorAndNotALoop) {
  db.exec(
      "CREATE TABLE t (id int, a int); INSERT INTO t SELECT generate_series(1, 2000);"
      "CREATE FUNCTION slow(int) RETURNS int LANGUAGE plpgsql STABLE AS 'BEGIN PERFORM pg_sleep(0.01); RETURN $1; "
      "END'");
  const auto error = fill_to_error(backfill_of("t", {{"a", "slow(id)"}}, Todo::fill_empty));
  EXPECT_EQ(error.code, Errc::step_failed);
  EXPECT_TRUE(contains(error.message, "the rows of one page")) << error.message;
}

TEST_F(BackfillPgTest, ACancelledBatchSaysSo) {
  db.exec(
      "CREATE TABLE t (id int, a int); INSERT INTO t SELECT generate_series(1, 20);"
      "CREATE FUNCTION slow(int) RETURNS int LANGUAGE plpgsql STABLE AS 'BEGIN PERFORM pg_sleep(0.01); RETURN $1; "
      "END'");
  settings.stripes = 1;
  record_step(backfill_of("t", {{"a", "slow(id)"}}, Todo::fill_empty));
  auto run = open();
  ASSERT_TRUE(run);
  ASSERT_TRUE((*run)->advance(*session));
  std::thread canceller([&] {
    std::this_thread::sleep_for(std::chrono::milliseconds(120));
    session->cancel();
  });
  const auto tick = (*run)->advance(*session);
  canceller.join();
  ASSERT_FALSE(tick);
  EXPECT_EQ(tick.error().code, Errc::cancelled);
}

struct Refusal {
  const char* sql;
  const char* table;
  const char* column;
  const char* expected;
};

class BackfillRefusalPgTest : public BackfillPgTest, public ::testing::WithParamInterface<Refusal> {};

TEST_P(BackfillRefusalPgTest, SaysWhyAndWritesNothing) {
  const auto& refusal = GetParam();
  db.exec(refusal.sql);
  record_step(backfill_of(refusal.table, {{refusal.column, "1"}}, Todo::differs));
  const auto run = open();
  ASSERT_FALSE(run);
  EXPECT_EQ(run.error().code, Errc::refused);
  EXPECT_TRUE(contains(run.error().message, refusal.expected)) << run.error().text();
  EXPECT_EQ(db.value("SELECT count(*) FROM pgphase.backfill"), "0");
}

INSTANTIATE_TEST_SUITE_P(
    Kinds, BackfillRefusalPgTest,
    ::testing::Values(
        Refusal{"SELECT 1", "nowhere", "a", "there is no such table in schema public"},
        Refusal{"CREATE TABLE t (a int)", "t", "b", "it has no column b"},
        Refusal{"CREATE VIEW v AS SELECT 1 AS a", "v", "a", "it is a view"},
        Refusal{"CREATE MATERIALIZED VIEW v AS SELECT 1 AS a", "v", "a", "it is a materialized view"},
        Refusal{"CREATE FOREIGN DATA WRAPPER w; CREATE SERVER s FOREIGN DATA WRAPPER w; CREATE FOREIGN TABLE f (a int) "
                "SERVER s",
                "f", "a", "it is a foreign table"},
        Refusal{"CREATE FOREIGN DATA WRAPPER w; CREATE SERVER s FOREIGN DATA WRAPPER w;"
                "CREATE TABLE p (a int, k int) PARTITION BY LIST (k); CREATE FOREIGN TABLE f PARTITION OF p DEFAULT "
                "SERVER s",
                "p", "a", "its partition f is a foreign table"},
        Refusal{"CREATE TABLE t (a int); CREATE TABLE child () INHERITS (t)", "t", "a", "other tables inherit from it"},
        Refusal{"CREATE TABLE t (b int, a int GENERATED ALWAYS AS (b + 1) STORED)", "t", "a", "column a is generated"},
        Refusal{"CREATE TABLE t (a int GENERATED ALWAYS AS IDENTITY)", "t", "a", "GENERATED ALWAYS AS IDENTITY"},
        Refusal{"CREATE TABLE t (a int) PARTITION BY RANGE (a)", "t", "a", "part of a partition key"},
        Refusal{"CREATE TABLE t (a int, b int) PARTITION BY RANGE ((a / 10))", "t", "a", "part of a partition key"},
        Refusal{"CREATE TABLE t (a int, b int) PARTITION BY LIST (b); CREATE TABLE u PARTITION OF t DEFAULT PARTITION "
                "BY LIST (a)",
                "t", "a", "part of a partition key"},
        Refusal{"CREATE TABLE t (a int); CREATE RULE r AS ON UPDATE TO t DO INSTEAD NOTHING", "t", "a", "has a rule"}));

TEST_F(BackfillPgTest, AnExpressionThatPostgreSQLRefusesIsQuotedBeforeAnythingIsWritten) {
  db.exec("CREATE TABLE t (id int, a int)");
  record_step(backfill_of("t", {{"a", "nosuch(id)"}}, Todo::differs));
  const auto run = open();
  ASSERT_FALSE(run);
  EXPECT_EQ(run.error().code, Errc::step_failed);
  EXPECT_TRUE(contains(run.error().message, "function nosuch(integer) does not exist")) << run.error().message;
}

TEST_F(BackfillPgTest, RowLevelSecurityIsExplained) {
  const std::string role = "rls_" + db.name();
  db.exec("CREATE ROLE " + role + "; GRANT ALL ON SCHEMA pgphase TO " + role +
          "; GRANT ALL ON ALL TABLES IN SCHEMA pgphase TO " + role +
          "; CREATE TABLE t (id int, a int); GRANT ALL ON t TO " + role +
          "; ALTER TABLE t ENABLE ROW LEVEL SECURITY; CREATE POLICY half ON t USING (id % 2 = 0)");
  session = connect(role);
  record_step(backfill_of("t", {{"a", "id"}}, Todo::fill_empty));
  const auto run = open();
  const auto error = run ? Error{} : run.error();
  session = connect();
  db.exec("DROP OWNED BY " + role + "; DROP ROLE " + role);
  EXPECT_EQ(error.code, Errc::refused);
  EXPECT_TRUE(contains(error.message, "row-level security of t applies to role " + role)) << error.text();
}

}  // namespace
}  // namespace pgphase::testing
