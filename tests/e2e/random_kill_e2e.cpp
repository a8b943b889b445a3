// The program is killed at moments that nobody chose, beside an application that writes.
#include <gtest/gtest.h>

#include <atomic>
#include <iostream>
#include <random>
#include <thread>

#include "tests/e2e/chance.hpp"
#include "tests/e2e/fixture.hpp"

namespace pgphase::testing {
namespace {

using std::chrono::milliseconds;

constexpr int k_lease_held = 60;
constexpr int k_killed = 128 + SIGKILL;
constexpr int k_kills = 20;
constexpr int k_rows = 100000;

// An application that inserts rows and updates other columns than the one that is being filled.
class Application {
 public:
  Application(const std::string& url, std::uint64_t seed) : thread_([this, url, seed] { write(url, seed); }) {}
  ~Application() { stop(); }
  void stop() {
    stop_ = true;
    if (thread_.joinable()) thread_.join();
  }
  int statements = 0, failures = 0;  // once stopped
  std::string failure;

 private:
  void write(const std::string& url, std::uint64_t seed) {
    std::mt19937_64 random(seed);
    PgClient client(url);
    while (!stop_) {
      const auto id = std::to_string(random() % k_rows + 1);
      const auto text = std::string(random() % 200, 'w');
      try {
        if (random() % 4 == 0) {
          client.exec("INSERT INTO t (note) VALUES ('" + text + "')");
        } else {
          client.exec("UPDATE t SET note = '" + text + "', seen = seen + 1 WHERE id = " + id);
        }
      } catch (const PgError& error) {
        ++failures;
        failure = error.what();
      }
      ++statements;
    }
  }
  std::atomic<bool> stop_{false};
  std::thread thread_;
};

double part_left(TestDatabase& db) {
  if (db.value("SELECT to_regclass('pgphase.chunk')") == "NULL") return 1;
  return std::stod(
      db.value("SELECT coalesce(sum(end_page - position)::float8 / nullif(sum(end_page - first_page), 0), 1) "
               "FROM pgphase.chunk WHERE pass = 0"));
}

TEST(RandomKillE2e, EachRowIsCountedOnceThoughTheProgramIsKilledTwentyTimes) {
  const ReleaseBinary release;
  const auto seed = seed_of_this_run();
  std::mt19937_64 random(seed);
  Project project;
  auto& db = project.db();
  // `late` is what the backfill must not count: a row that came after the marker did. An INSERT holds a lock on the
  // table that the marker's transaction waits for, so what the trigger sees holds until the row is committed.
  db.exec(
      "CREATE TABLE t (id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY, n integer NOT NULL DEFAULT 0, "
      "  note text, seen integer NOT NULL DEFAULT 0, late boolean NOT NULL DEFAULT false);"
      "INSERT INTO t (note) SELECT repeat('x', 100) FROM generate_series(1, " +
      std::to_string(k_rows) +
      ");"
      "CREATE FUNCTION is_late() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN"
      "  IF to_regclass('pgphase.backfill') IS NOT NULL THEN"
      "    NEW.late := EXISTS (SELECT FROM pgphase.backfill WHERE stage <> 'prepare');"
      "  END IF; RETURN NEW; END $$;"
      "CREATE TRIGGER is_late BEFORE INSERT ON t FOR EACH ROW EXECUTE FUNCTION is_late()");
  project.plan("010_count",
               "format = 1\n[[backfill]]\nname = \"count\"\ntable = \"t\"\nset = { n = \"n + 1\" }\n"
               "irreversible = \"counted is counted\"\n");
  project.env["PGPHASE_BATCH_TIME"] = "2ms";  // many small batches: a long way, with many moments to die at
  Application one(db.url(), random()), two(db.url(), random());

  int kills = 0;
  while (kills < k_kills) {
    // Some early, while it starts; and never so late that nothing would be left for the next.
    const auto longest = random() % 3 == 0 ? 300U : 2000U;
    const auto moment = std::chrono::steady_clock::now() + milliseconds(random() % longest);
    const double least = 1 - (kills + 1.0) / (k_kills + 1.0);
    const auto run = project.start({"up"});
    while (std::chrono::steady_clock::now() < moment && part_left(db) > least)
      std::this_thread::sleep_for(milliseconds(2));
    run->kill(SIGKILL);
    const auto code = run->wait(std::chrono::seconds(10));
    ASSERT_TRUE(code.has_value());
    if (*code == k_lease_held) continue;  // the server had not noticed yet that the one before is gone
    ASSERT_EQ(*code, k_killed) << "it ended after " << kills << " kills\n" << run->out() << run->err();
    ++kills;
  }
  std::cout << kills << " kills; left to be done: " << 100 * part_left(db) << " %\n";
  EXPECT_LT(part_left(db), 1) << "no run got as far as its first batch";

  Output last;
  ASSERT_TRUE(eventually([&] {
    last = project.run({"up"});
    return last.code != k_lease_held;
  }));
  one.stop();
  two.stop();
  ASSERT_EQ(last.code, 0) << last.err;
  EXPECT_EQ(one.failures + two.failures, 0) << one.failure << two.failure;
  std::cout << one.statements + two.statements << " statements of the application\n";
  EXPECT_EQ(db.value("SELECT count(*) FROM t WHERE n <> CASE WHEN late THEN 0 ELSE 1 END"), "0");
  EXPECT_EQ(db.value("SELECT count(*) FROM t WHERE id <= " + std::to_string(k_rows) + " AND n = 1"),
            std::to_string(k_rows));
  EXPECT_NE(db.value("SELECT count(*) FROM t WHERE late"), "0");
  EXPECT_EQ(db.value("SELECT count(*) FROM pg_attribute WHERE attname LIKE '\\_pgphase%' AND NOT attisdropped"), "0");
  EXPECT_EQ(project.plan_state("010_count"), "done");
}

}  // namespace
}  // namespace pgphase::testing
