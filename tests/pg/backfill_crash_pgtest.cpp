// Exactly once: beside writers, after crashes, after a COMMIT whose client is gone, after a rollback of the phase.
#include <atomic>
#include <chrono>
#include <cstdlib>
#include <iostream>
#include <random>
#include <thread>

#include "phases/backfill/undo.hpp"
#include "tests/pg/backfill_fixture.hpp"
#include "tests/support/process.hpp"

namespace pgphase::testing {
namespace {

using std::chrono::milliseconds;

std::uint64_t test_seed() {
  const char* given = std::getenv("PGPHASE_TEST_SEED");
  const std::uint64_t seed = given ? std::strtoull(given, nullptr, 10) : std::random_device{}();
  std::cout << "PGPHASE_TEST_SEED=" << seed << "\n";
  return seed;
}

// Inserts, deletes, and updates that move rows between pages, each of which adds 1000 to n and says so in w. Like an
// application, it tries again after an error; errors are counted.
class Writer {
 public:
  Writer(const std::string& url, std::uint64_t seed) : thread_([this, url, seed] { run(url, seed); }) {}
  ~Writer() { stop(); }
  void stop() {
    stop_ = true;
    if (thread_.joinable()) thread_.join();
  }
  std::atomic<int> statements = 0, errors = 0;
  std::string last_error;

 private:
  void run(const std::string& url, std::uint64_t seed) {
    PgClient client(url);
    std::mt19937_64 random(seed);
    while (!stop_) {
      const auto id = std::to_string(random() % 20000 + 1);
      try {
        switch (random() % 6) {
          case 0:
            client.exec("INSERT INTO t (n, w, pad) VALUES (0, 0, repeat('n', 100))");
            break;
          case 1:
            client.exec("DELETE FROM t WHERE id = " + id + " AND id % 7 = 0");
            break;
          case 2:
            client.exec("BEGIN; UPDATE t SET n = n + 1000, w = w + 1, pad = repeat('p', " +
                        std::to_string(random() % 400) + ") WHERE id = " + id + "; SELECT pg_sleep(0.002); ROLLBACK");
            break;
          default:
            client.exec("UPDATE t SET n = n + 1000, w = w + 1, pad = repeat('p', " + std::to_string(random() % 400) +
                        ") WHERE id = " + id);
        }
        ++statements;
      } catch (const PgError& e) {
        ++errors;
        last_error = e.what();
      }
    }
  }

  std::atomic<bool> stop_ = false;
  std::thread thread_;
};

TEST_F(BackfillPgTest, EachRowIsSetOnceBesideWritersThoughItsSessionsAreKilled) {
  const auto seed = test_seed();
  std::mt19937_64 random(seed);
  db.exec(
      "CREATE TABLE t (id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY, n int, w int, pad text);"
      "INSERT INTO t (n, w, pad) SELECT 0, 0, repeat('x', 300) FROM generate_series(1, 20000); CREATE INDEX ON t "
      "(pad)");
  settings.batch_time = milliseconds(10);
  record_step(backfill_of("t", {{"n", "n + 1"}}, Todo::marker));
  auto run = open();
  ASSERT_TRUE(run) << run.error().text();
  advance_to_scan(**run);  // from here on, new rows are not meant

  std::vector<std::unique_ptr<Writer>> writers;
  for (int i = 0; i < 4; ++i) writers.push_back(std::make_unique<Writer>(db.url(), random()));
  std::atomic<int> victim = session->backend().pid;
  std::atomic<bool> over = false;
  std::thread killer([&, seed] {  // at any instant, within a statement or a COMMIT too
    std::mt19937_64 moments(seed + 1);
    auto client = db.client();
    for (int i = 0; i < 15 && !over; ++i) {
      std::this_thread::sleep_for(milliseconds(moments() % 60));
      client.exec("SELECT pg_terminate_backend(" + std::to_string(victim) + ")");
    }
  });

  int crashes = 0;
  for (bool done = false; !done;) {
    auto tick = (*run)->advance(*session);
    if (tick && tick->kind == BackfillTick::Kind::done) {
      done = true;
    } else if (tick) {
      std::this_thread::sleep_for(tick->pause);
      if (tick->kind == BackfillTick::Kind::blocked) std::this_thread::sleep_for(milliseconds(50));
    } else {
      ASSERT_TRUE(tick.error().code == Errc::session_lost || tick.error().code == Errc::in_doubt)
          << tick.error().text();
      run->reset();
      do {  // the killer may get the new session too
        ++crashes;
        session = connect();
        victim = session->backend().pid;
        run = open();
        if (!run) {
          ASSERT_EQ(run.error().code, Errc::session_lost) << run.error().text();
        }
      } while (!run);
    }
  }
  over = true;
  killer.join();
  int statements = 0;
  for (auto& writer : writers) {
    writer->stop();
    statements += writer->statements;
    EXPECT_EQ(writer->errors, 0) << writer->last_error;
  }
  std::cout << crashes << " crashes, " << statements << " statements of writers, " << ledger("sweep_pass")
            << " sweeps, " << ledger("swept_rows") << " rows in earlier sweeps\n";
  EXPECT_GT(crashes, 0);
  EXPECT_GT(statements, 100);
  EXPECT_EQ(db.value("SELECT count(*) FROM t WHERE id <= 20000 AND n - 1000 * w <> 1"), "0");
  EXPECT_EQ(db.value("SELECT count(*) FROM t WHERE id > 20000 AND n - 1000 * w <> 0"), "0");
  EXPECT_EQ(db.value("SELECT count(*) FROM pg_attribute WHERE attname LIKE '\\_pgphase%' AND NOT attisdropped"), "0");
}

TEST_F(BackfillPgTest, RowsThatMoveBehindTheScanAreSwept) {
  db.exec(
      "CREATE TABLE t (id int primary key, a int, pad text);"
      "INSERT INTO t SELECT i, NULL, repeat('x', 500) FROM generate_series(1, 3000) i");
  record_step(backfill_of("t", {{"a", "id"}}, Todo::fill_empty));
  auto run = open();
  ASSERT_TRUE(run) << run.error().text();
  for (int i = 0; i < 3; ++i) ASSERT_TRUE((*run)->advance(*session));
  // The pages that the scan has left behind are emptied for rows from the end. A session that is just connecting, to
  // whatever database, belongs to none yet, and its snapshot keeps dead rows everywhere: VACUUM may need another time.
  ASSERT_TRUE(eventually([&] {
    db.exec("VACUUM t");
    db.client().exec("UPDATE t SET pad = repeat('y', 500) WHERE id > 2900");
    return db.value("SELECT count(*) FROM t WHERE id > 2900 AND ctid < '(16,0)'") != "0";
  }));
  drive(**run);
  EXPECT_EQ(db.value("SELECT count(*) FROM t WHERE a IS DISTINCT FROM id"), "0");
  EXPECT_EQ(ledger("sweep_pass"), "1");
}

// The client is gone, the server still executes its COMMIT, and a successor begins: it must wait for the COMMIT and
// then see that the window is done.
TEST_F(BackfillPgTest, ACommitThatOutlivesItsClientIsNotCountedTwice) {
  db.exec(
      "CREATE TABLE t (id int, n int); INSERT INTO t SELECT i, 0 FROM generate_series(1, 500) i;"
      "CREATE FUNCTION slow_commit() RETURNS trigger LANGUAGE plpgsql AS 'BEGIN "
      "IF NEW.id = 1 THEN PERFORM pg_sleep(0.4); END IF; RETURN NULL; END';"
      "CREATE CONSTRAINT TRIGGER slow AFTER UPDATE ON t DEFERRABLE INITIALLY DEFERRED "
      "FOR EACH ROW EXECUTE FUNCTION slow_commit()");
  settings.stripes = 1;
  record_step(backfill_of("t", {{"n", "n + 1"}}, Todo::marker));
  auto first = open();
  ASSERT_TRUE(first);
  advance_to_scan(**first);
  auto orphan = std::move(session);
  bool orphan_committed = false;
  Errc afterwards = Errc::bug;
  std::thread old_run([&] {
    orphan_committed = (*first)->advance(*orphan).has_value();
    if (auto next = (*first)->advance(*orphan); !next) afterwards = next.error().code;
  });
  while (db.value("SELECT count(*) FROM pg_stat_activity WHERE query = 'COMMIT' AND state = 'active' AND pid = " +
                  std::to_string(orphan->backend().pid)) == "0") {
    std::this_thread::sleep_for(milliseconds(1));
  }
  control.reset();  // its lease is free; the orphan was never registered, so nobody can end it
  control = connect();
  auto taken = acquire_lease(*control, "bob@laptop", "test", TakeOver::by_force);
  ASSERT_TRUE(taken) << taken.error().text();
  fence = *taken;
  session = connect();
  auto second = open();
  ASSERT_TRUE(second) << second.error().text();
  EXPECT_EQ(drive(**second).progress.rows_done, 500);
  old_run.join();
  EXPECT_TRUE(orphan_committed) << "the COMMIT was meant to succeed after its successor began";
  EXPECT_EQ(afterwards, Errc::lease_lost);
  EXPECT_EQ(db.value("SELECT count(*) FROM t WHERE n <> 1"), "0");
}

// Without the lease's fence: the chunk's row alone keeps a window from being counted twice.
TEST_F(BackfillPgTest, AWindowThatSomebodyElseHasDoneIsNotDoneAgain) {
  db.exec(
      "CREATE TABLE t (id int, n int, pad text);"
      "INSERT INTO t SELECT i, 0, repeat('x', 500) FROM generate_series(1, 2000) i");
  settings.stripes = 1;
  record_step(backfill_of("t", {{"n", "id"}}, Todo::differs));
  auto first = open();
  ASSERT_TRUE(first);
  advance_to_scan(**first);
  ASSERT_TRUE((*first)->advance(*session));  // it believes the chunk to stand at page 16
  auto second = open();
  ASSERT_TRUE(second);
  ASSERT_TRUE((*second)->advance(*session));
  ASSERT_EQ(db.value("SELECT position FROM pgphase.chunk"), "32");
  ASSERT_TRUE((*first)->advance(*session));
  EXPECT_EQ(db.value("SELECT position FROM pgphase.chunk"), "32") << "it went on from a position that is not true";
  EXPECT_EQ(drive(**first).progress.rows_done, 2000);
  EXPECT_EQ(db.value("SELECT sum(rows) FROM pgphase.chunk"), "2000");
}

TEST_F(BackfillPgTest, AHalfDoneMarkerIsUsedAgainAfterARollback) {
  db.exec(
      "CREATE TABLE t (id int, n int, pad text); INSERT INTO t SELECT i, 0, repeat('x', 500) FROM generate_series(1, "
      "3000) i");
  record_step(backfill_of("t", {{"n", "coalesce(n, 0) + 1"}}, Todo::marker));
  auto run = open();
  ASSERT_TRUE(run);
  for (int i = 0; i < 4; ++i) ASSERT_TRUE((*run)->advance(*session));
  ASSERT_NE(db.value("SELECT count(*) FROM t WHERE n = 1"), "0");
  ASSERT_NE(db.value("SELECT count(*) FROM t WHERE n = 0"), "0");
  const auto marker = ledger("marker");
  {
    auto transaction = begin_fenced(*session, fence, "test.forget");
    ASSERT_TRUE(transaction);
    ASSERT_TRUE(forget_backfill(*session, key));
    ASSERT_TRUE(transaction->commit());
  }
  EXPECT_EQ(marker_left(*session, key)->value_or("none"), marker);
  EXPECT_EQ(db.value("SELECT count(*) FROM pgphase.chunk"), "0");
  db.exec("INSERT INTO t (id, n) VALUES (0, 0)");

  auto again = open();
  ASSERT_TRUE(again) << again.error().text();
  drive(**again);
  EXPECT_EQ(db.value("SELECT count(*) FROM t WHERE n <> 1 AND id > 0"), "0");
  EXPECT_EQ(db.value("SELECT n FROM t WHERE id = 0"), "0");
  EXPECT_FALSE(marker_left(*session, key)->has_value());
}

TEST_F(BackfillPgTest, AMarkerIsMadeAnewAfterTheAuthorsUndo) {
  db.exec(
      "CREATE TABLE t (id int, n int, was int, pad text); INSERT INTO t SELECT i, 0, 0, repeat('x', 500) FROM "
      "generate_series(1, 3000) i");
  record_step(backfill_of("t", {{"n", "n + 1"}}, Todo::marker));
  auto run = open();
  ASSERT_TRUE(run);
  for (int i = 0; i < 4; ++i) ASSERT_TRUE((*run)->advance(*session));
  db.exec("UPDATE t SET n = was");
  bool recorded = false;
  auto attempt = discard_marker(*session, fence, settings.locks, key, body.table, [&](Session&) -> Result<void> {
    recorded = true;
    return {};
  });
  ASSERT_TRUE(attempt) << attempt.error().text();
  EXPECT_TRUE(attempt->done && recorded);
  EXPECT_EQ(db.value("SELECT count(*) FROM pgphase.backfill"), "0");
  EXPECT_EQ(db.value("SELECT count(*) FROM pg_attribute WHERE attname LIKE '\\_pgphase%' AND NOT attisdropped"), "0");
  auto again = open();
  ASSERT_TRUE(again) << again.error().text();
  EXPECT_EQ(drive(**again).progress.rows_done, 3000);
  EXPECT_EQ(db.value("SELECT count(*) FROM t WHERE n <> 1"), "0");
}

TEST_F(BackfillPgTest, AMarkerThatSomebodyDroppedStopsTheRun) {
  db.exec(
      "CREATE TABLE t (id int, n int, pad text); INSERT INTO t SELECT i, 0, repeat('x', 500) FROM generate_series(1, "
      "3000) i");
  record_step(backfill_of("t", {{"n", "n + 1"}}, Todo::marker));
  auto run = open();
  ASSERT_TRUE(run);
  for (int i = 0; i < 4; ++i) ASSERT_TRUE((*run)->advance(*session));
  db.exec("ALTER TABLE t DROP COLUMN " + ledger("marker"));
  const auto again = open();
  ASSERT_FALSE(again);
  EXPECT_TRUE(contains(again.error().message, "is gone from t")) << again.error().message;
}

}  // namespace
}  // namespace pgphase::testing
