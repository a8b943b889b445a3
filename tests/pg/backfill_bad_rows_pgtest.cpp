// Rows that cannot be set: with max_bad_rows they are recorded and passed over, all others are set, the step ends when
// the last of them is mended. Without it the first one stops the run: backfill_pgtest.cpp.
#include <atomic>
#include <thread>

#include "phases/backfill/helper.hpp"
#include "phases/backfill/undo.hpp"
#include "tests/pg/backfill_fixture.hpp"

namespace pgphase::testing {
namespace {

class BackfillBadRowsPgTest : public BackfillPgTest {
 protected:
  // 20 000 rows over some hundred pages; those whose id is among `bad` hold no number.
  void make_table(const std::string& bad) {
    db.exec("CREATE TABLE t (id int PRIMARY KEY, a text, b int, pad text); INSERT INTO t SELECT i, CASE WHEN i IN (" +
            bad + ") THEN 'no' || i ELSE i::text END, NULL, repeat('x', 100) FROM generate_series(1, 20000) i");
  }
  std::string recorded() { return db.value("SELECT string_agg(key, ', ' ORDER BY id) FROM pgphase.bad_row"); }
  Error next_run_to_error() {
    auto again = open();
    return again ? drive_to_error(**again) : again.error();
  }
  BackfillTick next_run() {
    auto again = open();
    if (!again) {
      ADD_FAILURE() << again.error().text();
      return {};
    }
    return drive(**again);
  }
};

TEST_F(BackfillBadRowsPgTest, AllOthersAreSetAndTheEndNamesThoseThatAreLeft) {
  make_table("7, 9000, 9001, 19999");
  settings.max_bad_rows = 10;
  const auto error = fill_to_error(backfill_of("t", {{"b", "a::int"}}, Todo::fill_empty));
  EXPECT_EQ(error.code, Errc::step_failed);
  EXPECT_TRUE(contains(error.message, "4 rows cannot be set and were passed over: row (0,7) of public.t (id = 7): "))
      << error.message;
  EXPECT_TRUE(contains(error.message, "\"no9001\"; and 1 more")) << error.message;
  EXPECT_TRUE(contains(error.next, "pgphase.bad_row")) << error.next;
  EXPECT_TRUE(contains(error.next, "`pgphase up` sets them and finishes")) << error.next;
  EXPECT_EQ(recorded(), "id = 7, id = 9000, id = 9001, id = 19999");
  EXPECT_EQ(db.value("SELECT DISTINCT sqlstate FROM pgphase.bad_row"), "22P02");
  EXPECT_EQ(db.value("SELECT count(*) FROM t WHERE b = id"), "19996");
  EXPECT_EQ(ledger("stage"), "scan");
}

TEST_F(BackfillBadRowsPgTest, TheNextRunFinishesWhenTheyAreMendedAndNotBefore) {
  make_table("7, 9000");
  settings.max_bad_rows = 10;
  fill_to_error(backfill_of("t", {{"b", "a::int"}}, Todo::fill_empty));
  EXPECT_TRUE(contains(next_run_to_error().message, "2 rows cannot be set"));
  db.exec("UPDATE t SET a = '7' WHERE id = 7");
  const auto error = next_run_to_error();
  EXPECT_TRUE(contains(error.message, "1 row cannot be set and was passed over: row (")) << error.message;
  EXPECT_TRUE(contains(error.message, "(id = 9000)")) << error.message;
  EXPECT_EQ(db.value("SELECT b FROM t WHERE id = 7"), "7");
  db.exec("DELETE FROM t WHERE id = 9000");
  EXPECT_EQ(next_run().progress.rows_done, 19999);
  EXPECT_EQ(ledger("stage"), "done");
  EXPECT_EQ(db.value("SELECT count(*) FROM pgphase.bad_row"), "0");
  EXPECT_EQ(db.value("SELECT rows FROM pgphase.step WHERE name = 'fill'"), "19999");
}

TEST_F(BackfillBadRowsPgTest, WhatTheExpressionReadsMayBeMendedInsteadOfTheRow) {
  make_table("5");
  db.exec(
      "CREATE TABLE known (a text, n int); CREATE FUNCTION number_of(text) RETURNS int STABLE LANGUAGE plpgsql AS "
      "'BEGIN RETURN $1::int; EXCEPTION WHEN OTHERS THEN RETURN (SELECT k.n / (k.n / k.n) FROM (SELECT "
      "coalesce((SELECT n "
      "FROM known WHERE known.a = $1), 0)) k (n)); END'");
  settings.max_bad_rows = 1;
  EXPECT_TRUE(
      contains(fill_to_error(backfill_of("t", {{"b", "number_of(a)"}}, Todo::fill_empty)).message, "division by zero"));
  db.exec("INSERT INTO known VALUES ('no5', 55)");
  EXPECT_EQ(next_run().progress.rows_done, 20000);
  EXPECT_EQ(db.value("SELECT b FROM t WHERE id = 5"), "55");
}

TEST_F(BackfillBadRowsPgTest, OneMoreThanTheLimitStopsAtOnce) {
  make_table("100, 200, 300, 15000");
  settings.max_bad_rows = 2;
  const auto error = fill_to_error(backfill_of("t", {{"b", "a::int"}}, Todo::fill_empty));
  EXPECT_TRUE(contains(error.message, "stopped at row (")) << error.message;
  EXPECT_TRUE(contains(error.message, "(id = ")) << error.message;
  EXPECT_TRUE(contains(error.message, "2 rows were passed over before, and max_bad_rows allows no more"))
      << error.message;
  EXPECT_EQ(db.value("SELECT count(*) FROM pgphase.bad_row"), "2");
  EXPECT_NE(db.value("SELECT count(b) FROM t"), "19996");
  // Mended ones make room: they are elsewhere now, and do not count any more.
  db.exec("UPDATE t SET a = id::text WHERE id IN (100, 200)");
  EXPECT_TRUE(contains(next_run_to_error().message, "2 rows cannot be set"));
  db.exec("UPDATE t SET a = id::text");
  EXPECT_EQ(next_run().progress.rows_done, 20000);
}

TEST_F(BackfillBadRowsPgTest, ARowThatWritersKeepMovingCountsOnce) {
  make_table("100");
  settings.max_bad_rows = 1;
  record_step(backfill_of("t", {{"b", "a::int"}}, Todo::fill_empty));
  auto run = open();
  ASSERT_TRUE(run) << run.error().text();
  while (db.value("SELECT count(*) FROM pgphase.bad_row") == "0") ASSERT_TRUE((*run)->advance(*session));
  const auto first = db.value("SELECT address FROM pgphase.bad_row");
  db.exec("UPDATE t SET pad = 'moved' WHERE id = 100");
  const auto error = drive_to_error(**run);
  EXPECT_TRUE(contains(error.message, "1 row cannot be set")) << error.message;
  EXPECT_EQ(recorded(), "id = 100");
  EXPECT_NE(db.value("SELECT address FROM pgphase.bad_row"), first);
  EXPECT_EQ(db.value("SELECT count(*) FROM t WHERE b = id"), "19999");
}

TEST_F(BackfillBadRowsPgTest, AnExpressionThatReadsItsTargetIsStillAppliedOnce) {
  db.exec(
      "CREATE TABLE t (id int, n int CHECK (n <> 43), pad text);"
      "INSERT INTO t SELECT i, CASE WHEN i % 4000 = 0 THEN 42 ELSE 0 END, repeat('x', 100) FROM generate_series(1, "
      "20000) i");
  settings.max_bad_rows = 5;
  const auto error = fill_to_error(backfill_of("t", {{"n", "n + 1"}}, Todo::marker));
  EXPECT_TRUE(contains(error.message, "5 rows cannot be set")) << error.message;
  EXPECT_TRUE(contains(error.message, "violates check constraint")) << error.message;
  EXPECT_EQ(
      db.value("SELECT string_agg(n || ':' || c, ' ' ORDER BY n) FROM (SELECT n, count(*) c FROM t GROUP BY 1) g"),
      "1:19995 42:5");
  db.exec("UPDATE t SET n = 10 WHERE n = 42");
  EXPECT_EQ(next_run().progress.rows_done, 20000);
  EXPECT_EQ(
      db.value("SELECT string_agg(n || ':' || c, ' ' ORDER BY n) FROM (SELECT n, count(*) c FROM t GROUP BY 1) g"),
      "1:19995 11:5");
  EXPECT_EQ(db.value("SELECT count(*) FROM pg_attribute WHERE attname LIKE '\\_pgphase%' AND NOT attisdropped"), "0");
}

TEST_F(BackfillBadRowsPgTest, PartitionsHaveTheirOwnAddresses) {
  db.exec(
      "CREATE TABLE t (id int, a text, b int) PARTITION BY RANGE (id);"
      "CREATE TABLE t1 PARTITION OF t FOR VALUES FROM (0) TO (1000);"
      "CREATE TABLE t2 PARTITION OF t FOR VALUES FROM (1000) TO (2000);"
      "INSERT INTO t SELECT i, CASE WHEN i = 4 THEN 'four' WHEN i = 1009 THEN 'nine' ELSE i::text END FROM "
      "generate_series(0, 1999) i");
  settings.max_bad_rows = 2;
  const auto error = fill_to_error(backfill_of("t", {{"b", "a::int"}}, Todo::differs));
  EXPECT_TRUE(contains(error.message, "row (0,5) of public.t1: ")) << error.message;
  EXPECT_TRUE(contains(error.message, "row (0,10) of public.t2: ")) << error.message;
  EXPECT_EQ(db.value("SELECT count(*) FROM t WHERE b = id"), "1998");
  db.exec("UPDATE t SET a = '4' WHERE id = 4; DROP TABLE t2");
  next_run();
  EXPECT_EQ(db.value("SELECT count(*) FROM t WHERE b = id"), "1000");
}

TEST_F(BackfillBadRowsPgTest, ARewrittenTableIsScannedAgainAndItsBadRowsFoundAgain) {
  make_table("3, 18000");
  db.exec("DELETE FROM t WHERE id % 2 = 1 AND id > 10");
  settings.max_bad_rows = 2;
  record_step(backfill_of("t", {{"b", "a::int"}}, Todo::fill_empty));
  auto run = open();
  ASSERT_TRUE(run) << run.error().text();
  while (db.value("SELECT count(*) FROM pgphase.bad_row") == "0") ASSERT_TRUE((*run)->advance(*session));
  db.exec("VACUUM FULL t");
  EXPECT_TRUE(contains(drive_to_error(**run).message, "2 rows cannot be set"));
  EXPECT_EQ(recorded(), "id = 3, id = 18000");
  db.exec("VACUUM FULL t");
  db.exec("UPDATE t SET a = id::text WHERE id IN (3, 18000)");
  next_run();
  EXPECT_EQ(db.value("SELECT count(*) FROM t WHERE b IS DISTINCT FROM id"), "0");
}

TEST_F(BackfillBadRowsPgTest, TwoRowsAtOddsWithEachOtherLoseOneOfThem) {
  db.exec(
      "CREATE TABLE t (id int PRIMARY KEY, a text, u text UNIQUE, pad text);"
      "INSERT INTO t SELECT i, CASE i WHEN 9 THEN 'Value8' WHEN 4000 THEN 'Value10' ELSE 'value' || i END, NULL, "
      "repeat('x', 200) FROM generate_series(1, 5000) i");
  settings.max_bad_rows = 5;
  const auto error = fill_to_error(backfill_of("t", {{"u", "lower(a)"}}, Todo::fill_empty));
  EXPECT_TRUE(contains(error.message, "2 rows cannot be set")) << error.message;
  EXPECT_EQ(db.value("SELECT count(u) FROM t"), "4998");
  db.exec("UPDATE t SET a = a || '-other' WHERE u IS NULL");
  EXPECT_EQ(next_run().progress.rows_done, 5000);
}

TEST_F(BackfillBadRowsPgTest, AConstraintThatIsCheckedAtTheCommitNamesTheRowToo) {
  db.exec(
      "CREATE TABLE p (id int PRIMARY KEY); INSERT INTO p SELECT generate_series(1, 2999);"
      "CREATE TABLE t (id int PRIMARY KEY, p int REFERENCES p DEFERRABLE INITIALLY DEFERRED);"
      "INSERT INTO t SELECT generate_series(1, 3000)");
  settings.max_bad_rows = 1;
  const auto error = fill_to_error(backfill_of("t", {{"p", "id"}}, Todo::fill_empty));
  EXPECT_TRUE(contains(error.message, "1 row cannot be set and was passed over")) << error.message;
  EXPECT_TRUE(contains(error.message, "(id = 3000)")) << error.message;
  db.exec("INSERT INTO p VALUES (3000)");
  EXPECT_EQ(next_run().progress.rows_done, 3000);
}

TEST_F(BackfillBadRowsPgTest, ABadRowThatComesAfterTheScanIsFoundByTheSweep) {
  make_table("0");
  settings.max_bad_rows = 5;
  record_step(backfill_of("t", {{"b", "a::int"}}, Todo::fill_empty));
  auto run = open();
  ASSERT_TRUE(run) << run.error().text();
  while (db.value("SELECT count(*) FROM pgphase.chunk WHERE NOT done") != "0") ASSERT_TRUE((*run)->advance(*session));
  db.exec("INSERT INTO t VALUES (30001, 'x'), (30002, '30002'), (30003, 'y')");
  const auto error = drive_to_error(**run);
  EXPECT_TRUE(contains(error.message, "2 rows cannot be set")) << error.message;
  EXPECT_EQ(db.value("SELECT b FROM t WHERE id = 30002"), "30002");
  EXPECT_EQ(recorded(), "id = 30001, id = 30003");
}

TEST_F(BackfillBadRowsPgTest, ARowThatSomebodyHoldsIsTriedByTheNextRun) {
  make_table("100");
  settings.max_bad_rows = 1;
  fill_to_error(backfill_of("t", {{"b", "a::int"}}, Todo::fill_empty));
  auto holder = db.client();
  holder.exec("BEGIN; UPDATE t SET a = '100' WHERE id = 100");
  EXPECT_TRUE(contains(next_run_to_error().message, "1 row cannot be set"));
  holder.exec("COMMIT");
  EXPECT_EQ(next_run().progress.rows_done, 20000);
}

TEST_F(BackfillBadRowsPgTest, RollingTheStepBackForgetsThem) {
  make_table("100");
  settings.max_bad_rows = 1;
  fill_to_error(backfill_of("t", {{"b", "a::int + coalesce(b, 0)"}}, Todo::marker));
  EXPECT_EQ(recorded(), "id = 100");
  ASSERT_TRUE(forget_backfill(*session, key));
  EXPECT_EQ(db.value("SELECT count(*) FROM pgphase.backfill"), "1") << "its marker is still there";
  EXPECT_EQ(db.value("SELECT count(*) FROM pgphase.bad_row"), "0");
}

TEST_F(BackfillBadRowsPgTest, WorkersShareOneLimit) {
  make_table("50, 6000, 6001, 12000, 18000, 19990");
  const auto work_to_the_end = [&](std::int64_t most) {
    settings.max_bad_rows = most;
    settings.workers = 2;
    auto run = open();
    EXPECT_TRUE(run) << run.error().text();
    std::atomic<bool> over = false;
    std::optional<Error> helpers;
    std::thread other([&] {
      auto own = connect();
      BackfillHelper helper(fence, key, body, settings);
      while (!over) {
        auto tick = helper.advance(*own);
        if (!tick) {
          helpers = tick.error();
          return;
        }
        std::this_thread::sleep_for(std::min(tick->pause, std::chrono::milliseconds(20)));
      }
    });
    Error error;
    for (;;) {
      auto tick = (*run)->advance(*session);
      if (!tick) error = tick.error();
      if (!tick || tick->kind == BackfillTick::Kind::done || helpers) break;
      std::this_thread::sleep_for(tick->pause);
    }
    over = true;
    other.join();
    return helpers ? *helpers : error;
  };
  record_step(backfill_of("t", {{"b", "a::int"}}, Todo::fill_empty));
  EXPECT_TRUE(contains(work_to_the_end(3).message, "max_bad_rows allows no more"));
  EXPECT_EQ(db.value("SELECT count(*) FROM pgphase.bad_row"), "3");
  EXPECT_TRUE(contains(work_to_the_end(6).message, "6 rows cannot be set"));
  EXPECT_EQ(db.value("SELECT count(*) FROM pgphase.bad_row"), "6");
  EXPECT_EQ(db.value("SELECT count(*) FROM t WHERE b = id"), "19994");
}

// Finding a row costs some tries; the windows after it are as wide as before.
TEST_F(BackfillBadRowsPgTest, ABadRowDoesNotMakeTheOthersSlow) {
  db.exec(
      "CREATE TABLE t (id int PRIMARY KEY, a text, b int, pad text); INSERT INTO t SELECT i, CASE WHEN i % 5000 = 0 "
      "THEN "
      "'no' ELSE i::text END, NULL, repeat('x', 300) FROM generate_series(1, 50000) i");
  settings.max_bad_rows = 10;
  settings.stripes = 1;
  record_step(backfill_of("t", {{"b", "a::int"}}, Todo::fill_empty));
  auto run = open();
  ASSERT_TRUE(run) << run.error().text();
  std::int64_t widest = 0;
  int calls = 0;
  for (;; ++calls) {
    auto tick = (*run)->advance(*session);
    if (!tick) break;
    widest = std::max(widest, tick->chosen.window);
  }
  EXPECT_EQ(db.value("SELECT count(*) FROM pgphase.bad_row"), "10");
  EXPECT_GT(widest, 64);
  EXPECT_LT(calls, 200);
}

}  // namespace
}  // namespace pgphase::testing
