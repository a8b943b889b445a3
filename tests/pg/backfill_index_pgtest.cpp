// Rows that an index finds: few of a large table, set without a walk over its pages.
#include <thread>

#include "phases/backfill/helper.hpp"
#include "tests/pg/backfill_fixture.hpp"

namespace pgphase::testing {
namespace {

using std::chrono::milliseconds;
using std::chrono::seconds;

class BackfillIndexPgTest : public BackfillPgTest {
 protected:
  // Of 60 000 rows on some thousand pages each hundredth is new; a partial index knows which. No key.
  void make_table() {
    db.exec(
        "CREATE TABLE t (id int, status text, a int, pad text);"
        "INSERT INTO t SELECT i, CASE WHEN i % 100 = 0 THEN 'new' ELSE 'old' END, NULL, repeat('x', 200) "
        "FROM generate_series(1, 60000) i;"
        "CREATE INDEX t_new ON t (id) WHERE status = 'new'");
    db.exec("VACUUM ANALYZE t");
  }
  static BackfillBody new_ones() {
    return backfill_of("t", {{"status", "'seen'"}, {"a", "id"}}, Todo::where, "status = 'new'");
  }
  // Of that table, in short batches: some rows are set, most are not. Nothing, where the test has failed.
  std::unique_ptr<BackfillRun> within_the_scan() {
    make_table();
    settings.scan = Scan::index;
    settings.batch_time = milliseconds(2);
    record_step(new_ones());
    auto run = open();
    while (run && db.value("SELECT count(*) FROM t WHERE a = id") == "0") {
      if (const auto tick = (*run)->advance(*session); !tick) run = tick.error();
    }
    EXPECT_TRUE(run) << run.error().text();
    return run ? std::move(*run) : nullptr;
  }
};

TEST_F(BackfillIndexPgTest, OnlyTheRowsThatItFindsAreVisited) {
  make_table();
  settings.scan = Scan::index;
  settings.batch_time = milliseconds(20);
  const auto done = fill(new_ones());
  EXPECT_EQ(done.progress.rows_done, 600);
  EXPECT_EQ(done.progress.pages_done, done.progress.pages_total);
  EXPECT_EQ(db.value("SELECT count(*) FROM t WHERE a = id AND status = 'seen'"), "600");
  EXPECT_EQ(db.value("SELECT count(*) FROM t WHERE status = 'old' AND a IS NULL"), "59400");
  EXPECT_EQ(ledger("scan"), "index");
  EXPECT_EQ(db.value("SELECT count(*) FROM pgphase.chunk"), "1");
  ASSERT_FALSE(notes.empty());
  EXPECT_TRUE(contains(notes.front(), "scan by index t_new: about ")) << notes.front();
  EXPECT_TRUE(contains(notes.front(), " of 60,000 rows match")) << notes.front();
}

TEST_F(BackfillIndexPgTest, EachPartitionByItsOwnIndex) {
  db.exec(
      "CREATE TABLE t (id int, status text, a int) PARTITION BY RANGE (id);"
      "CREATE TABLE t1 PARTITION OF t FOR VALUES FROM (0) TO (5000);"
      "CREATE TABLE t2 PARTITION OF t FOR VALUES FROM (5000) TO (10000);"
      "CREATE TABLE t3 PARTITION OF t FOR VALUES FROM (10000) TO (10001);"
      "INSERT INTO t SELECT i, CASE WHEN i % 10 = 0 THEN 'new' ELSE 'old' END FROM generate_series(0, 9999) i;"
      "CREATE INDEX ON t (status); ANALYZE t");
  settings.scan = Scan::index;
  record_step(new_ones());
  auto run = open();
  ASSERT_TRUE(run) << run.error().text();
  ASSERT_TRUE((*run)->advance(*session));
  db.exec("INSERT INTO t VALUES (10000, 'new')");  // into what had no page
  EXPECT_EQ(drive(**run).progress.rows_done, 1001);
  EXPECT_EQ(db.value("SELECT count(*) FROM t WHERE status = 'new'"), "0");
}

TEST_F(BackfillIndexPgTest, WithoutAnIndexThatFindsThemItIsRefusedBeforeAnythingIsWritten) {
  make_table();
  settings.scan = Scan::index;
  record_step(backfill_of("t", {{"a", "1"}}, Todo::where, "a IS NULL"));
  auto run = open();
  ASSERT_FALSE(run);
  EXPECT_EQ(run.error().code, Errc::refused);
  EXPECT_TRUE(contains(run.error().message, "cannot scan by an index: no index of public.t finds the rows"))
      << run.error().message;
  EXPECT_TRUE(contains(run.error().next, "Leave `scan` at \"auto\"")) << run.error().next;
  EXPECT_EQ(db.value("SELECT count(*) FROM pgphase.backfill"), "0");
}

TEST_F(BackfillIndexPgTest, AMarkerIsInNoIndex) {
  make_table();
  settings.scan = Scan::index;
  const auto error = fill_to_error(backfill_of("t", {{"a", "coalesce(a, 0) + 1"}}, Todo::marker));
  EXPECT_EQ(error.code, Errc::refused);
  EXPECT_TRUE(contains(error.message, "a marker column")) << error.message;
}

TEST_F(BackfillIndexPgTest, AutoTakesItForFewRowsOfALargeTableOnly) {
  // Large by its pages: one row on each.
  db.exec(
      "CREATE TABLE t (id int, status text, a int, pad text) WITH (fillfactor = 10);"
      "ALTER TABLE t ALTER pad SET STORAGE PLAIN;"
      "INSERT INTO t SELECT i, CASE WHEN i % 500 = 0 THEN 'new' ELSE 'old' END, NULL, repeat('x', 4500) "
      "FROM generate_series(1, 10200) i;"
      "CREATE INDEX t_status ON t (status)");
  record_step(new_ones());
  const auto chosen = [&] {
    auto run = open();
    EXPECT_TRUE(run) << run.error().text();
    EXPECT_TRUE((*run)->advance(*session));
    const auto scan = ledger("scan");
    db.exec("DELETE FROM pgphase.backfill");
    return scan;
  };
  EXPECT_EQ(chosen(), "physical") << "nobody has looked at its rows yet";
  db.exec("VACUUM ANALYZE t");
  EXPECT_EQ(chosen(), "index");
  settings.scan = Scan::physical;
  EXPECT_EQ(chosen(), "physical");
  settings.scan = Scan::automatic;
  db.exec("UPDATE t SET status = 'new' WHERE id % 10 = 0");
  db.exec("ANALYZE t");
  EXPECT_EQ(chosen(), "physical") << "a tenth of the rows";
}

TEST_F(BackfillIndexPgTest, RowsThatBeginToMatchMeanwhileAreSetToo) {
  auto run = within_the_scan();
  ASSERT_TRUE(run);
  db.exec("UPDATE t SET status = 'new' WHERE id % 100 = 7; INSERT INTO t VALUES (70000, 'new')");
  EXPECT_EQ(drive(*run).progress.rows_done, 1201);
  EXPECT_EQ(db.value("SELECT count(*) FROM t WHERE status = 'new'"), "0");
  EXPECT_EQ(db.value("SELECT count(*) FROM t WHERE a = id"), "1201");
}

TEST_F(BackfillIndexPgTest, LockedRowsAreLeftForTheSweepWhichWaitsForThem) {
  make_table();
  settings.scan = Scan::index;
  auto holder = db.client();
  holder.exec("BEGIN; UPDATE t SET pad = 'mine' WHERE id IN (100, 2500, 60000)");
  record_step(new_ones());
  auto run = open();
  ASSERT_TRUE(run) << run.error().text();
  std::thread ends([&] {
    std::this_thread::sleep_for(milliseconds(1500));
    holder.exec("COMMIT");
  });
  EXPECT_EQ(drive(**run).progress.rows_done, 600);
  ends.join();
  EXPECT_GT(waits, 0);
  EXPECT_LT(ticks, 100) << "it spins";
  EXPECT_TRUE(contains(waited_for, "3 rows of public.t are locked by pid " + std::to_string(holder.pid())))
      << waited_for;
}

TEST_F(BackfillIndexPgTest, RowsThatStayLockedUseUpTheBudget) {
  make_table();
  settings.scan = Scan::index;
  settings.locks.budget = seconds(1);
  auto holder = db.client();
  holder.exec("BEGIN; SELECT FROM t WHERE id = 100 FOR UPDATE");
  const auto error = fill_to_error(new_ones());
  EXPECT_EQ(error.code, Errc::lock_budget);
  EXPECT_TRUE(contains(error.message, "1 row of public.t is locked by pid " + std::to_string(holder.pid())))
      << error.message;
  EXPECT_EQ(db.value("SELECT count(*) FROM t WHERE status = 'new'"), "1");
  holder.exec("ROLLBACK");
  auto again = open();
  ASSERT_TRUE(again) << again.error().text();
  EXPECT_EQ(drive(**again).progress.rows_done, 600);
}

TEST_F(BackfillIndexPgTest, ASessionThatIsKilledIsFollowedByOneThatAsksAgain) {
  auto run = within_the_scan();
  ASSERT_TRUE(run);
  const auto done = std::stoi(db.value("SELECT count(*) FROM t WHERE a = id"));
  EXPECT_LT(done, 600);
  run.reset();
  end_session();
  session = connect();
  settings.scan = Scan::physical;  // what was decided stands
  auto again = open();
  ASSERT_TRUE(again) << again.error().text();
  EXPECT_EQ(drive(**again).progress.rows_done, 600);
  EXPECT_EQ(ledger("scan"), "index");
}

TEST_F(BackfillIndexPgTest, ARewriteMeanwhileIsNoHarm) {
  auto run = within_the_scan();
  ASSERT_TRUE(run);
  db.exec("DELETE FROM t WHERE status = 'old' AND id < 30000");
  db.exec("VACUUM FULL t");
  EXPECT_EQ(drive(*run).progress.rows_done, 600);
  EXPECT_EQ(db.value("SELECT count(*) FROM t WHERE a = id"), "600");
  EXPECT_EQ(db.value("SELECT count(*) FROM t WHERE a IS NOT NULL AND status <> 'seen'"), "0");
}

TEST_F(BackfillIndexPgTest, SeveralSessionsShareThePartitions) {
  db.exec("CREATE TABLE t (id int, status text, a int, pad text) PARTITION BY HASH (id)");
  for (int i = 0; i < 4; ++i) {
    const auto n = std::to_string(i);
    db.exec("CREATE TABLE t" + n + " PARTITION OF t FOR VALUES WITH (MODULUS 4, REMAINDER " + n + ")");
  }
  db.exec(
      "INSERT INTO t SELECT i, CASE WHEN i % 10 = 0 THEN 'new' ELSE 'old' END, NULL, repeat('x', 100) FROM "
      "generate_series(1, 40000) i; CREATE INDEX ON t (status); ANALYZE t");
  settings.scan = Scan::index;
  settings.batch_time = milliseconds(5);
  record_step(new_ones());
  auto run = open();
  ASSERT_TRUE(run) << run.error().text();
  ASSERT_TRUE((*run)->advance(*session));
  std::optional<Error> trouble;
  std::thread other([&] {
    auto own = connect();
    BackfillHelper helper(fence, key, body, settings);
    for (;;) {
      auto tick = helper.advance(*own);
      if (!tick) trouble = tick.error();
      if (!tick || tick->kind == BackfillTick::Kind::done) return;
      std::this_thread::sleep_for(tick->pause);
    }
  });
  EXPECT_EQ(drive(**run).progress.rows_done, 4000);
  other.join();
  EXPECT_FALSE(trouble) << trouble->text();
  EXPECT_EQ(db.value("SELECT count(*) FROM t WHERE a = id"), "4000");
  EXPECT_EQ(db.value("SELECT rows FROM pgphase.step WHERE name = 'fill'"), "4000");
}

TEST_F(BackfillIndexPgTest, ABadRowIsPassedOver) {
  make_table();
  db.exec(
      "ALTER TABLE t ADD text_of_it text; UPDATE t SET text_of_it = CASE WHEN id = 300 THEN 'no' ELSE id::text END");
  settings.scan = Scan::index;
  settings.max_bad_rows = 1;
  const auto error =
      fill_to_error(backfill_of("t", {{"status", "'seen'"}, {"a", "text_of_it::int"}}, Todo::where, "status = 'new'"));
  EXPECT_TRUE(contains(error.message, "1 row cannot be set and was passed over: row (")) << error.message;
  EXPECT_EQ(db.value("SELECT count(*) FROM t WHERE a = id"), "599");
  EXPECT_EQ(ledger("scan"), "index");
  db.exec("UPDATE t SET text_of_it = '300' WHERE id = 300");
  auto again = open();
  ASSERT_TRUE(again) << again.error().text();
  EXPECT_EQ(drive(**again).progress.rows_done, 600);
}

TEST_F(BackfillIndexPgTest, AConditionThatFailsOnARowIsLookedForPageByPage) {
  db.exec(
      "CREATE TABLE t (id int, status text, a int); INSERT INTO t SELECT i, CASE WHEN i = 900 THEN 'no' WHEN i % 10 = "
      "0 "
      "THEN '-1' ELSE i::text END FROM generate_series(1, 20000) i; CREATE INDEX t_id ON t (id); ANALYZE t");
  settings.scan = Scan::index;
  settings.max_bad_rows = 1;
  const auto error =
      fill_to_error(backfill_of("t", {{"status", "'1'"}, {"a", "id"}}, Todo::where, "id < 2000 AND status::int < 0"));
  EXPECT_TRUE(contains(error.message, "1 row cannot be set and was passed over: row (")) << error.message;
  EXPECT_EQ(db.value("SELECT count(*) FROM t WHERE a = id"), "198");
  db.exec("UPDATE t SET status = '-1' WHERE id = 900");
  auto again = open();
  ASSERT_TRUE(again) << again.error().text();
  EXPECT_EQ(drive(**again).progress.rows_done, 199);
}

TEST_F(BackfillIndexPgTest, ATriggerThatSuppressesTheUpdateIsNamedAndNothingSpins) {
  make_table();
  db.exec(
      "CREATE FUNCTION no() RETURNS trigger LANGUAGE plpgsql AS 'BEGIN IF OLD.id = 500 THEN RETURN NULL; END IF; "
      "RETURN "
      "NEW; END';"
      "CREATE TRIGGER no BEFORE UPDATE ON t FOR EACH ROW EXECUTE FUNCTION no()");
  settings.scan = Scan::index;
  const auto error = fill_to_error(new_ones());
  EXPECT_TRUE(contains(error.message, "1 row to be set, but UPDATE does not change")) << error.message;
}

TEST_F(BackfillIndexPgTest, MoreRowsThanOneHarvestHolds) {
  db.exec(
      "CREATE TABLE t (id int, status text, a int); INSERT INTO t SELECT i, CASE WHEN i % 2 = 0 THEN 'new' ELSE 'old' "
      "END "
      "FROM generate_series(1, 90000) i; CREATE INDEX ON t (status); ANALYZE t");
  settings.scan = Scan::index;
  EXPECT_EQ(fill(new_ones()).progress.rows_done, 45000);
  EXPECT_EQ(db.value("SELECT count(*) FROM t WHERE status = 'new'"), "0");
}

}  // namespace
}  // namespace pgphase::testing
