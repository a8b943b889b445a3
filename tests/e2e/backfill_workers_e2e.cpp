// Several workers on one backfill: in the run's own process, and in others that help and are killed. And what changes
// the speed while it goes on: people, and a standby that stays behind.
#include <atomic>
#include <cstdio>
#include <random>
#include <thread>

#include "phases/postgres/server.hpp"
#include "tests/e2e/chance.hpp"
#include "tests/e2e/fixture.hpp"
#include "tests/support/standby.hpp"

namespace pgphase::testing {
namespace {

using namespace std::chrono_literals;

// The marker's way: each row that was there is to be raised exactly once, whoever does it, however often.
const char* const k_raise = R"(format = 1
description = "raise"
[[backfill]]
name = "raise"
table = "items"
set = { n = "n + 1" }
batch_time = "20ms"
irreversible = "rows are raised"
)";

// So that there is time to do something to it.
const char* const k_slowly =
    "CREATE FUNCTION slowly() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN "
    "IF NEW.id % 40 = 0 AND current_setting('application_name') LIKE 'pgphase%' "
    "THEN PERFORM pg_sleep(0.005); END IF; RETURN NEW; END $$;"
    "CREATE TRIGGER slowly BEFORE UPDATE ON items FOR EACH ROW EXECUTE FUNCTION slowly()";

class BackfillWorkersE2e : public ::testing::Test {
 protected:
  void make_items(int rows) {
    project.db().exec(
        "CREATE TABLE items (id int PRIMARY KEY, n int NOT NULL, was int NOT NULL, pad text);"
        "INSERT INTO items SELECT i, 0, 0, repeat('x', 300) FROM generate_series(1, " +
        std::to_string(rows) + ") i");
  }
  std::unique_ptr<Process> helper() { return project.start({"work", "001_raise", "--workers", "1"}); }
  std::string chosen(const std::string& key) {
    if (project.db().value("SELECT to_regclass('pgphase.backfill')") == "NULL") return "none";
    return project.db().value("SELECT coalesce(max(chosen ->> '" + key + "'), 'none') FROM pgphase.backfill");
  }

  Project project;
};

// Kills one of three processes after another, among them the one that leads, beside an application that raises rows too
// and says so in `was`, and inserts rows that nobody is to raise.
TEST_F(BackfillWorkersE2e, EachRowIsRaisedOnceThoughWorkersAreKilled) {
  constexpr int k_rows = 40000, k_kills = 20;
  make_items(k_rows);
  project.plan("001_raise", k_raise);
  std::mt19937_64 chance(seed_of_this_run());
  const auto below = [&chance](int most) { return static_cast<int>(chance() % static_cast<unsigned>(most)); };
  // As slow as it takes to kill twenty.
  project.file("pgphase.toml", "[backfill]\nworkers = 1\n[throttle]\nprobe_p95 = \"off\"\n");
  project.db().exec(k_slowly);

  // Rows from then on did not exist when it began.
  std::atomic<bool> over{false}, marked{false};
  std::atomic<int> written{0};
  std::thread writer([&] {
    PgClient client(project.db().url());
    for (int i = 0; !over; ++i) {
      try {
        client.exec("UPDATE items SET n = n + 1, was = was + 1 WHERE id = " + std::to_string(1 + i * 7919 % k_rows));
        if (marked) client.exec("INSERT INTO items VALUES (" + std::to_string(1000000 + i) + ", 0, 0, '')");
        ++written;
      } catch (const PgError& e) {
        if (e.sqlstate() != "40P01" && e.sqlstate() != "55P03") ADD_FAILURE() << e.what();
      }
    }
  });

  std::vector<std::unique_ptr<Process>> workers;
  workers.push_back(project.start({"up", "--approve", "001_raise"}));
  ASSERT_TRUE(workers[0]->wait_for_output("database:", 20s));
  ASSERT_TRUE(eventually([&] { return chosen("workers") == "1"; })) << workers[0]->err();
  marked = true;
  for (int i = 0; i < 2; ++i) workers.push_back(helper());
  int kills = 0;
  bool done = false;
  const auto until = std::chrono::steady_clock::now() + 240s;
  while (!done && std::chrono::steady_clock::now() < until) {
    std::this_thread::sleep_for(std::chrono::milliseconds(below(500)));
    const auto victim = below(3);
    auto& process = workers[static_cast<std::size_t>(victim)];
    if (kills < k_kills && process->running()) {
      process->kill(SIGKILL);
      ++kills;
    }
    if (!process->wait(kills < k_kills ? 2s : 100ms)) continue;
    if (victim > 0) {
      workers[static_cast<std::size_t>(victim)] = helper();
      continue;
    }
    done = process->wait(0s) == 0;
    if (!done) workers[0] = project.start({"up", "--approve", "001_raise"});
  }
  over = true;
  writer.join();
  ASSERT_TRUE(done) << workers[0]->out() << workers[0]->err();
  EXPECT_GT(kills, 5) << "it was over before anybody could be killed";
  EXPECT_EQ(project.db().value("SELECT count(*) FROM items WHERE id <= 40000 AND n <> was + 1"), "0");
  EXPECT_EQ(project.db().value("SELECT count(*) FROM items WHERE id > 40000 AND n <> was"), "0");
  EXPECT_EQ(project.db().value("SELECT count(*) FROM pgphase.chunk WHERE NOT done"), "0");
  std::fprintf(stderr, "%d kills, %d rows written meanwhile\n", kills, written.load());
}

// Tables of every make, by three workers at once and beside writers of their rows: each is raised once.
struct Make {
  const char* name;
  const char* table;  // items, with columns n and was; its rows are i = 1 … 30000
  const char* raise;  // one row of number $ by the application
};

class BackfillWorkersMakesE2e : public BackfillWorkersE2e, public ::testing::WithParamInterface<Make> {};

TEST_P(BackfillWorkersMakesE2e, ThreeWorkersRaiseEachRowOnce) {
  const auto& make = GetParam();
  project.db().exec(make.table);
  project.db().exec("UPDATE items SET pad = repeat('x', 300) WHERE pad IS NULL; ANALYZE items");
  // Slow enough for all three to come, and it tells who set rows.
  project.db().exec(
      "CREATE TABLE setters (pid int);"
      "CREATE FUNCTION slowly() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN "
      "IF current_setting('application_name') LIKE 'pgphase%' AND random() < 0.02 THEN "
      "INSERT INTO setters VALUES (pg_backend_pid()); PERFORM pg_sleep(0.005); END IF; RETURN NEW; END $$;"
      "CREATE TRIGGER slowly BEFORE UPDATE ON items FOR EACH ROW EXECUTE FUNCTION slowly()");
  project.plan("001_raise", k_raise);
  project.file("pgphase.toml", "[backfill]\nworkers = 3\n[throttle]\nprobe_p95 = \"off\"\n");
  std::atomic<bool> over{false};
  std::thread writer([&] {
    PgClient client(project.db().url());
    for (int i = 0; !over; ++i) {
      std::string sql = make.raise;
      sql.replace(sql.find('$'), 1, std::to_string(1 + i * 7919 % 30000));
      try {
        client.exec(sql);
      } catch (const PgError& e) {
        if (e.sqlstate() != "40P01" && e.sqlstate() != "55P03") ADD_FAILURE() << e.what();
      }
    }
  });
  const auto run = project.run({"up", "--approve", "001_raise"});
  over = true;
  writer.join();
  EXPECT_EQ(run.code, 0) << run.out << run.err;
  EXPECT_EQ(project.db().value("SELECT count(*) FROM items WHERE n <> was + 1"), "0");
  EXPECT_EQ(project.db().value("SELECT count(*) FROM items"), "30000");
  EXPECT_EQ(project.db().value("SELECT count(DISTINCT pid) FROM setters"), "3");
  EXPECT_NE(chosen("workers"), "none");
}

INSTANTIATE_TEST_SUITE_P(
    All, BackfillWorkersMakesE2e,
    ::testing::Values(
        Make{"WithoutAKey",
             "CREATE TABLE items (i int, n int DEFAULT 0, was int DEFAULT 0, pad text);"
             "INSERT INTO items (i) SELECT i FROM generate_series(1, 30000) i; CREATE INDEX ON items (i)",
             "UPDATE items SET n = n + 1, was = was + 1 WHERE i = $"},
        Make{"RandomUuidKey",
             "CREATE TABLE items (id uuid PRIMARY KEY, i int, n int DEFAULT 0, was int DEFAULT 0, pad text);"
             "INSERT INTO items (id, i) SELECT md5(i::text)::uuid, i FROM generate_series(1, 30000) i",
             "UPDATE items SET n = n + 1, was = was + 1 WHERE id = md5('$')::uuid"},
        Make{"CompositeKey",
             "CREATE TABLE items (a text, b int, n int DEFAULT 0, was int DEFAULT 0, pad text, PRIMARY KEY (a, b));"
             "INSERT INTO items (a, b) SELECT 'a', i FROM generate_series(1, 30000) i",
             "UPDATE items SET n = n + 1, was = was + 1 WHERE a = 'a' AND b = $"},
        Make{"Partitioned",
             "CREATE TABLE items (id int, n int DEFAULT 0, was int DEFAULT 0, pad text, PRIMARY KEY (id)) "
             "PARTITION BY RANGE (id);"
             "CREATE TABLE items_1 PARTITION OF items FOR VALUES FROM (0) TO (5000);"
             "CREATE TABLE items_2 PARTITION OF items FOR VALUES FROM (5000) TO (25000);"
             "CREATE TABLE items_3 PARTITION OF items DEFAULT;"
             "INSERT INTO items (id) SELECT i FROM generate_series(1, 30000) i",
             "UPDATE items SET n = n + 1, was = was + 1 WHERE id = $"},
        // Its rows move to other partitions while they are visited.
        Make{"PartitionedByWhatMoves",
             "CREATE TABLE items (i int, part int, n int DEFAULT 0, was int DEFAULT 0, pad text) PARTITION BY LIST "
             "(part);"
             "CREATE TABLE items_0 PARTITION OF items FOR VALUES IN (0);"
             "CREATE TABLE items_1 PARTITION OF items FOR VALUES IN (1);"
             "CREATE INDEX ON items (i);"
             "INSERT INTO items (i, part) SELECT i, i % 2 FROM generate_series(1, 30000) i",
             "UPDATE items SET n = n + 1, was = was + 1, part = 1 - part WHERE i = $"},
        Make{"WhatIsSetIsIndexed",
             "CREATE TABLE items (id int PRIMARY KEY, n int DEFAULT 0, was int DEFAULT 0, pad text);"
             "CREATE INDEX ON items (n);"
             "INSERT INTO items (id) SELECT i FROM generate_series(1, 30000) i",
             "UPDATE items SET n = n + 1, was = was + 1 WHERE id = $"}),
    [](const auto& made) { return made.param.name; });

TEST_F(BackfillWorkersE2e, SettingsChangeWhileItRuns) {
  make_slow_table(project.db(), 3000, 0.02);
  project.plan("001_fill", k_slow_plan);
  auto run = project.start({"up"});
  ASSERT_TRUE(eventually([&] { return project.phase_state("001_fill", "backfill") == "running"; })) << run->err();
  ASSERT_TRUE(eventually([&] { return chosen("workers") == "1"; })) << run->err();
  EXPECT_EQ(project.run({"set", "001_fill", "workers=3", "stripes=2"}).code, 0);
  EXPECT_TRUE(eventually([&] { return chosen("workers") == "3"; })) << chosen("workers");
  EXPECT_EQ(project.run({"set", "001_fill", "workers=default"}).code, 0);
  EXPECT_TRUE(eventually([&] { return chosen("workers") == "1"; })) << chosen("workers");
  const auto status = project.run({"status"});
  EXPECT_NE(status.out.find("1 worker, pages walked"), std::string::npos) << status.out;
  const auto shown = project.run({"set", "001_fill"});
  EXPECT_NE(shown.out.find("backfill.stripes = 2"), std::string::npos) << shown.out;
  for (const auto* wrong : {"workers=0", "workers", "speed=9", "batch_time=fast", "lag=1s"}) {
    const auto refused = project.run({"set", "001_fill", wrong});
    EXPECT_EQ(refused.code, 2) << wrong << refused.out;
  }
  EXPECT_EQ(project.run({"set", "009_other", "workers=1"}).code, 21);
  set_slowness(project.db(), 0);
  EXPECT_EQ(run->wait(60s), 0) << run->err();
}

TEST_F(BackfillWorkersE2e, AHelperWithoutARunSaysSo) {
  make_items(10);
  project.plan("001_raise", k_raise);
  EXPECT_EQ(project.run({"work", "001_raise", "--patience", "0s"}).code, 21);  // the ledger does not know it
  ASSERT_EQ(project.run({"up", "001_raise", "--approve"}).code, 0);
  EXPECT_EQ(project.run({"work", "001_raise"}).code, 0);  // nothing is left to help with
}

// The server, or somebody, may end a helper's connections: it makes others.
TEST_F(BackfillWorkersE2e, AHelperThatLosesItsConnectionsComesBack) {
  make_slow_table(project.db(), 3000, 0.02);
  project.plan("001_fill", k_slow_plan);
  auto run = project.start({"up"});
  ASSERT_TRUE(eventually([&] { return chosen("workers") == "1"; })) << run->err();
  auto help = project.start({"work", "001_fill"});
  ASSERT_TRUE(help->wait_for_output("helping with", 20s)) << help->err();
  ASSERT_TRUE(eventually([&] {
    return project.db().value("SELECT count(*) FROM pgphase.lease_session WHERE purpose = 'helper'") != "0";
  }));
  project.db().exec(
      "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE application_name = 'pgphase/work' "
      "AND datname = current_database()");
  project.db().exec("SELECT pg_terminate_backend(pid) FROM pgphase.lease_session WHERE purpose = 'helper'");
  EXPECT_TRUE(help->wait_for_output("connecting again", 20s)) << help->err();
  set_slowness(project.db(), 0);
  EXPECT_EQ(help->wait(60s), 0) << help->out() << help->err();
  EXPECT_EQ(run->wait(60s), 0) << run->err();
}

// A pause stops helpers too: they work under the lease of a run, which is given back.
TEST_F(BackfillWorkersE2e, APauseStopsTheHelpers) {
  make_slow_table(project.db(), 3000, 0.02);
  project.plan("001_fill", k_slow_plan);
  auto run = project.start({"up"});
  ASSERT_TRUE(eventually([&] { return chosen("workers") == "1"; })) << run->err();
  auto help = project.start({"work", "001_fill", "--patience", "1s"});
  ASSERT_TRUE(help->wait_for_output("helping with", 20s)) << help->err();
  ASSERT_EQ(project.run({"pause", "001_fill"}).code, 0);
  EXPECT_EQ(run->wait(30s), 11) << run->err();
  EXPECT_EQ(help->wait(30s), 11) << help->out() << help->err();
  const auto rows = project.db().value("SELECT count(m) FROM items");
  std::this_thread::sleep_for(500ms);
  EXPECT_EQ(project.db().value("SELECT count(m) FROM items"), rows);
}

// On a server of its own, because a standby that is paused would slow the backfills of other tests.
TEST(BackfillThrottleE2e, APausedStandbyHoldsItAndResumedLetsItGoOn) {
  auto started = LocalServer::start();
  ASSERT_TRUE(started) << started.error().text();
  LocalServer server = std::move(*started);
  const Standby standby(server.info(), "replica1");
  Project project;
  project.env["DATABASE_URL"] = server.url();
  project.file("pgphase.toml",
               "[throttle]\nreplica_lag = \"1s\"\nprobe_p95 = \"off\"\n[backfill]\nbatch_time = \"20ms\"\n");
  PgClient client(server.url()), replica(standby.url());
  client.exec(
      "CREATE TABLE items (id int, n int, pad text); INSERT INTO items SELECT i, 0, repeat('x', 900) "
      "FROM generate_series(1, 60000) i");
  client.exec(k_slowly);
  ASSERT_TRUE(eventually([&] {
    return replica.value("SELECT to_regclass('items') IS NOT NULL") == "t" &&
           replica.value("SELECT count(*) FROM items") == "60000";
  }));
  project.plan("001_raise",
               "format = 1\ndescription = \"r\"\n[[backfill]]\nname = \"raise\"\ntable = \"items\"\n"
               "set = { n = \"id\" }\nirreversible = \"x\"\n");
  auto run = project.start({"up", "001_raise", "--approve"});
  ASSERT_TRUE(eventually([&] { return client.value("SELECT count(*) FROM items WHERE n <> 0") != "0"; }))
      << run->out() << run->err();
  replica.exec("SELECT pg_wal_replay_pause()");
  const auto paused = std::chrono::steady_clock::now();
  const auto held = [&] {
    return client.value("SELECT coalesce(max(slowed_by), '') FROM pgphase.backfill").find("waits: replica_lag") !=
           std::string::npos;
  };
  ASSERT_TRUE(run->wait_for_output("limit 1 s", 15s)) << run->out() << run->err();
  EXPECT_TRUE(eventually(held));
  // The lag has to reach its limit of a second first.
  const auto after = std::chrono::duration<double>(std::chrono::steady_clock::now() - paused).count();
  std::fprintf(stderr, "held %.1f s after replay was paused\n", after);
  EXPECT_LT(after, 1 + 5);
  const auto status = project.run({"status"});
  EXPECT_NE(status.out.find("waits: replica_lag"), std::string::npos) << status.out;
  EXPECT_NE(status.out.find("limit 1 s"), std::string::npos) << status.out;
  const auto rows = client.value("SELECT count(*) FROM items WHERE n <> 0");
  std::this_thread::sleep_for(1500ms);
  EXPECT_EQ(client.value("SELECT count(*) FROM items WHERE n <> 0"), rows) << "it is not held";
  EXPECT_NE(rows, "60000");
  replica.exec("SELECT pg_wal_replay_resume()");
  EXPECT_EQ(run->wait(60s), 0) << run->out() << run->err();
  EXPECT_EQ(client.value("SELECT count(*) FROM items WHERE n <> id"), "0");
}

}  // namespace
}  // namespace pgphase::testing
