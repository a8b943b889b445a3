// Beside locks: rows that somebody holds, a table that somebody holds, and who it is.
#include <atomic>
#include <chrono>
#include <thread>

#include "tests/pg/backfill_fixture.hpp"

namespace pgphase::testing {
namespace {

using std::chrono::milliseconds;
using std::chrono::seconds;

constexpr const char* k_table =
    "CREATE TABLE t (id int primary key, a int, pad text); "
    "INSERT INTO t SELECT i, NULL, repeat('x', 300) FROM generate_series(1, 5000) i";

TEST_F(BackfillPgTest, LockedRowsAreLeftForTheSweepWhichWaitsForThem) {
  db.exec(k_table);
  auto holder = db.client();
  holder.exec("BEGIN; UPDATE t SET pad = 'mine' WHERE id IN (100, 2500)");
  record_step(backfill_of("t", {{"a", "id"}}, Todo::fill_empty));
  auto run = open();
  ASSERT_TRUE(run);
  std::thread ends([&] {
    std::this_thread::sleep_for(milliseconds(1500));
    holder.exec("COMMIT");
  });
  drive(**run);
  ends.join();
  EXPECT_EQ(db.value("SELECT count(*) FROM t WHERE a IS DISTINCT FROM id"), "0");
  EXPECT_GT(waits, 0);
  EXPECT_TRUE(contains(waited_for, "pid " + std::to_string(holder.pid()))) << waited_for;
  EXPECT_TRUE(contains(waited_for, "UPDATE t SET pad")) << waited_for;
  ASSERT_FALSE(notes.empty());
  EXPECT_TRUE(contains(notes.front(), "left for the sweep")) << notes.front();
}

TEST_F(BackfillPgTest, RowsThatStayLockedUseUpTheBudgetAndTheirHolderIsNamed) {
  db.exec(k_table);
  auto holder = db.client();
  holder.exec("BEGIN; SELECT * FROM t WHERE id = 100 FOR UPDATE");
  settings.locks.budget = seconds(1);
  const auto error = fill_to_error(backfill_of("t", {{"a", "id"}}, Todo::fill_empty));
  EXPECT_EQ(error.code, Errc::lock_budget);
  EXPECT_TRUE(contains(error.message, "1 row of public.t")) << error.message;
  EXPECT_TRUE(contains(error.message, "pid " + std::to_string(holder.pid()))) << error.message;
  EXPECT_EQ(db.value("SELECT count(*) FROM t WHERE a IS NULL"), "1");
  holder.exec("ROLLBACK");
  auto again = open();
  ASSERT_TRUE(again) << again.error().text();
  EXPECT_EQ(drive(**again).progress.rows_done, 5000);
}

TEST_F(BackfillPgTest, SeveralHoldersOfOneRowAreNamed) {
  db.exec(k_table);
  auto one = db.client(), two = db.client();
  one.exec("BEGIN; SELECT * FROM t WHERE id = 100 FOR SHARE");
  two.exec("BEGIN; SELECT * FROM t WHERE id = 100 FOR SHARE");
  settings.locks.budget = seconds(1);
  const auto error = fill_to_error(backfill_of("t", {{"a", "id"}}, Todo::fill_empty));
  EXPECT_TRUE(contains(error.message, "pid " + std::to_string(one.pid()))) << error.message;
  EXPECT_TRUE(contains(error.message, "pid " + std::to_string(two.pid()))) << error.message;
}

TEST_F(BackfillPgTest, AForeignKeyCheckOfSomebodyElseHoldsNothingUp) {
  db.exec(k_table);
  db.exec("CREATE TABLE child (t_id int REFERENCES t)");
  auto inserting = db.client();
  inserting.exec("BEGIN; INSERT INTO child SELECT generate_series(1, 200)");  // FOR KEY SHARE on the rows of t
  EXPECT_EQ(fill(backfill_of("t", {{"a", "id"}}, Todo::fill_empty)).progress.rows_done, 5000);
  EXPECT_EQ(waits, 0);
}

TEST_F(BackfillPgTest, ATableThatSomebodyHoldsBlocksAndGoesOnAfterwards) {
  db.exec(k_table);
  record_step(backfill_of("t", {{"a", "id"}}, Todo::fill_empty));
  auto run = open();
  ASSERT_TRUE(run);
  ASSERT_TRUE((*run)->advance(*session));
  auto holder = db.client();
  holder.exec("BEGIN; LOCK TABLE t IN SHARE MODE");
  std::thread ends([&] {
    std::this_thread::sleep_for(milliseconds(700));
    holder.exec("COMMIT");
  });
  drive(**run);
  ends.join();
  EXPECT_GT(blocked, 0);
  EXPECT_TRUE(contains(waited_for, "in the way: pid " + std::to_string(holder.pid()))) << waited_for;
  EXPECT_EQ(db.value("SELECT count(*) FROM t WHERE a IS DISTINCT FROM id"), "0");
}

TEST_F(BackfillPgTest, AReaderInATransactionBlocksOnlyTheMarker) {
  db.exec(k_table);
  auto reader = db.client();
  reader.exec("BEGIN; SELECT count(*) FROM t");
  settings.locks.timeout = milliseconds(100);
  record_step(backfill_of("t", {{"a", "coalesce(a, 0) + 1"}}, Todo::marker));
  auto run = open();
  ASSERT_TRUE(run);
  ASSERT_TRUE((*run)->advance(*session));
  auto tick = (*run)->advance(*session);
  ASSERT_TRUE(tick) << tick.error().text();
  EXPECT_EQ(tick->kind, BackfillTick::Kind::blocked);
  EXPECT_FALSE(tick->blocked_by.message.empty());
  reader.exec("COMMIT");
  EXPECT_EQ(drive(**run).progress.rows_done, 5000);
}

// Nobody waits longer for a row than a batch may last.
TEST_F(BackfillPgTest, NoWriterWaitsLongerThanTheHardLimit) {
  db.exec(
      "CREATE TABLE t (id int primary key, a int, pad text); "
      "INSERT INTO t SELECT i, NULL, repeat('x', 300) FROM generate_series(1, 100000) i");
  settings.batch_time = milliseconds(50);
  record_step(backfill_of("t", {{"a", "id"}}, Todo::fill_empty));
  auto run = open();
  ASSERT_TRUE(run);
  std::atomic<bool> over = false;
  milliseconds longest{0};
  std::thread application([&] {
    auto client = db.client();
    for (int i = 0; !over; i = (i + 7919) % 100000) {
      const auto began = std::chrono::steady_clock::now();
      client.exec("UPDATE t SET pad = 'w' WHERE id = " + std::to_string(i + 1));
      longest = std::max(longest, std::chrono::duration_cast<milliseconds>(std::chrono::steady_clock::now() - began));
    }
  });
  drive(**run);
  over = true;
  application.join();
  EXPECT_EQ(db.value("SELECT count(*) FROM t WHERE a IS DISTINCT FROM id"), "0");
  EXPECT_LT(longest, milliseconds(600));
}

}  // namespace
}  // namespace pgphase::testing
