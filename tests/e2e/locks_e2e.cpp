// A step that needs ACCESS EXCLUSIVE against an application that holds transactions open, and against autovacuum.
#include <atomic>
#include <thread>

#include "phases/postgres/server.hpp"
#include "tests/e2e/fixture.hpp"

namespace pgphase::testing {
namespace {

using namespace std::chrono_literals;
using Clock = std::chrono::steady_clock;
using std::chrono::milliseconds;

const char* const k_plan = "001_column";
const char* const k_add_column = R"(format = 1
[[change]]
op = "add_column"
table = "items"
column = "c"
type = "text"
)";
const char* const k_make_items =
    "CREATE TABLE items (id integer PRIMARY KEY, n integer); INSERT INTO items SELECT i, i FROM generate_series(1, "
    "100) i";

// A part of the application: reads the table all the time and remembers its longest wait.
class Reader {
 public:
  explicit Reader(const std::string& url) : client_(url), thread_([this] { read(); }) {}
  ~Reader() { stop(); }
  Reader(const Reader&) = delete;
  Reader& operator=(const Reader&) = delete;

  void stop() {
    stop_ = true;
    if (thread_.joinable()) thread_.join();
  }
  int reads() const { return reads_; }
  milliseconds longest() const { return milliseconds(longest_); }  // after stop()
  const std::string& trouble() const { return trouble_; }          // after stop()

 private:
  void read() {
    try {
      while (!stop_) {
        const auto begun = Clock::now();
        client_.query("SELECT n FROM items WHERE id = 7");
        const auto took = std::chrono::duration_cast<milliseconds>(Clock::now() - begun).count();
        longest_ = std::max<std::int64_t>(longest_, took);
        ++reads_;
        std::this_thread::sleep_for(1ms);  // the think time of an application
      }
    } catch (const PgError& error) {
      trouble_ = error.what();
    }
  }

  PgClient client_;
  std::atomic<bool> stop_{false};
  std::atomic<int> reads_{0};
  std::atomic<std::int64_t> longest_{0};
  std::string trouble_;
  std::thread thread_;
};

// A server of its own, where a setting is other than on the tests' server.
Result<LocalServer> server_with(const std::string& name, const std::string& value) {
  ServerOptions options;
  options.settings = {{name, value}};
  return LocalServer::start(options);
}

class LocksE2eTest : public ::testing::Test {
 protected:
  LocksE2eTest() {
    project.db().exec(k_make_items);
    project.plan(k_plan, k_add_column);
  }
  // A transaction that has read the table and stays open.
  PgClient open_transaction() {
    auto client = project.db().client();
    client.exec("BEGIN");
    client.query("SELECT count(*) FROM items");
    return client;
  }
  bool column_exists() {
    return project.db().value(
               "SELECT count(*) FROM information_schema.columns WHERE table_name = 'items' AND column_name "
               "= 'c'") == "1";
  }
  static void expect_names(const std::string& text, const PgClient& blocker) {
    EXPECT_NE(text.find("pid " + std::to_string(blocker.pid())), std::string::npos) << text;
    EXPECT_NE(text.find("as postgres"), std::string::npos) << text;
    EXPECT_NE(text.find("SELECT count(*) FROM items"), std::string::npos) << text;
  }

  Project project;
};

TEST_F(LocksE2eTest, NoReaderWaitsLongerThanTheLockTimeoutAtATimeAndItGoesThroughWhenTheBlockerEnds) {
  auto blocker = open_transaction();
  Reader reader(project.db().url());
  auto run = project.start({"up", "--lock-timeout", "300ms", "--lock-pause", "200ms"});
  ASSERT_TRUE(run->wait_for_output("attempt 4 gave up", 40s)) << run->out() << run->err();
  const auto reads_while_blocked = reader.reads();
  expect_names(run->err(), blocker);
  EXPECT_FALSE(column_exists());
  EXPECT_TRUE(run->running());

  blocker.exec("COMMIT");
  EXPECT_EQ(run->wait(40s), 0) << run->out() << run->err();
  EXPECT_TRUE(column_exists());
  reader.stop();
  EXPECT_EQ(reader.trouble(), "");
  // The blocker was there for four attempts: without the limit a reader would have waited for all of that time. What is
  // above 300 ms is a busy machine's.
  EXPECT_LT(reader.longest(), 800ms);
  EXPECT_GT(reads_while_blocked, 50) << "nobody got through between the attempts";
}

TEST_F(LocksE2eTest, WithASmallBudgetItEndsWith30AndNothingOfTheStepIsDone) {
  const auto before = project.schema_dump();
  auto blocker = open_transaction();
  const auto output = project.run({"up", "--lock-timeout", "100ms", "--lock-pause", "50ms", "--lock-attempts", "3"});
  EXPECT_EQ(output.code, 30) << output.out << output.err;
  expect_names(output.err, blocker);
  EXPECT_NE(output.err.find("3 attempts"), std::string::npos) << output.err;
  EXPECT_EQ(project.schema_dump(), before);
  EXPECT_EQ(project.plan_state(k_plan), "failed");
  const auto status = project.run({"status"});
  expect_names(status.out, blocker);

  blocker.exec("COMMIT");
  EXPECT_EQ(project.run({"up"}).code, 0);
  EXPECT_TRUE(column_exists());
}

TEST_F(LocksE2eTest, TheBudgetOfTimeEndsItToo) {
  auto blocker = open_transaction();
  const auto begun = Clock::now();
  const auto output = project.run({"up", "--lock-timeout", "100ms", "--lock-pause", "50ms", "--lock-budget", "2s"});
  EXPECT_EQ(output.code, 30) << output.out << output.err;
  EXPECT_LT(Clock::now() - begun, 10s);
  EXPECT_FALSE(column_exists());
}

TEST_F(LocksE2eTest, StepsThatCommittedBeforeTheBlockedOneStand) {
  project.plan(k_plan,
               "format = 1\n[[change]]\nop = \"create_table\"\ntable = \"first\"\nprimary_key = \"id\"\n"
               "columns = [{ name = \"id\", type = \"integer\" }]\n" +
                   std::string(k_add_column).substr(std::string("format = 1\n").size()));
  auto blocker = open_transaction();
  EXPECT_EQ(project.run({"up", "--lock-timeout", "100ms", "--lock-pause", "50ms", "--lock-attempts", "2"}).code, 30);
  EXPECT_EQ(project.db().value("SELECT to_regclass('first') IS NOT NULL"), "t");
  EXPECT_FALSE(column_exists());
}

TEST_F(LocksE2eTest, ARollbackTakesItsLocksTheSameWay) {
  ASSERT_EQ(project.run({"up"}).code, 0);
  auto blocker = open_transaction();
  Reader reader(project.db().url());
  const auto output =
      project.run({"rollback", k_plan, "--lock-timeout", "200ms", "--lock-pause", "50ms", "--lock-attempts", "3"});
  reader.stop();
  EXPECT_EQ(output.code, 30) << output.out << output.err;
  expect_names(output.err, blocker);
  EXPECT_TRUE(column_exists());
  EXPECT_LT(reader.longest(), 700ms);
  blocker.exec("COMMIT");
  EXPECT_EQ(project.run({"rollback", k_plan}).code, 0);
  EXPECT_FALSE(column_exists());
}

TEST_F(LocksE2eTest, APauseStopsItBetweenTwoAttempts) {
  auto blocker = open_transaction();
  auto run = project.start({"up", "--lock-timeout", "100ms"});
  ASSERT_TRUE(run->wait_for_output("attempt 1 gave up", 20s)) << run->out() << run->err();
  ASSERT_EQ(project.run({"pause"}).code, 0);
  EXPECT_EQ(run->wait(20s), 11) << run->out() << run->err();
  EXPECT_FALSE(column_exists());
}

TEST_F(LocksE2eTest, PreparedTransactionsAreNamedAsWhatTheyAre) {
  auto server = server_with("max_prepared_transactions", "2");
  ASSERT_TRUE(server) << server.error().text();
  PgClient client(server->url());
  client.exec(k_make_items);
  client.exec("BEGIN; SELECT count(*) FROM items; PREPARE TRANSACTION 'forgotten'");
  project.env["DATABASE_URL"] = server->url();
  const auto output = project.run({"up", "--lock-timeout", "100ms", "--lock-pause", "50ms", "--lock-attempts", "2"});
  EXPECT_EQ(output.code, 30) << output.out << output.err;
  EXPECT_NE(output.err.find("prepared transaction 'forgotten'"), std::string::npos) << output.err;
}

TEST_F(LocksE2eTest, GetsPastAnAutovacuumOfTheTable) {
  // Autovacuum comes every second there, and takes its time over this table.
  auto server = server_with("autovacuum_naptime", "1s");
  ASSERT_TRUE(server) << server.error().text();
  project.env["DATABASE_URL"] = server->url();
  PgClient client(server->url());
  client.exec(
      "CREATE TABLE items (id integer PRIMARY KEY, n integer, padding text) WITH (autovacuum_vacuum_threshold = 1, "
      "autovacuum_vacuum_scale_factor = 0, autovacuum_vacuum_cost_delay = 100, autovacuum_vacuum_cost_limit = 1)");
  client.exec("INSERT INTO items SELECT i, i, repeat('x', 400) FROM generate_series(1, 20000) i");
  client.exec("DELETE FROM items WHERE id % 3 = 0");
  const std::string at_work =
      "SELECT coalesce(max(l.pid), 0) FROM pg_locks l JOIN pg_stat_activity a USING (pid) WHERE l.relation = "
      "'items'::regclass AND a.backend_type = 'autovacuum worker' AND l.granted AND l.mode = "
      "'ShareUpdateExclusiveLock'";
  ASSERT_TRUE(eventually([&] { return client.value(at_work) != "0"; }, 60s)) << "no autovacuum came";
  const auto vacuum = client.value(at_work);

  Reader reader(server->url());
  const auto output = project.run({"up", "--lock-attempts", "5"});
  reader.stop();
  EXPECT_EQ(output.code, 0) << output.out << output.err;
  EXPECT_EQ(
      client.value("SELECT count(*) FROM information_schema.columns WHERE table_name = 'items' AND column_name = 'c'"),
      "1");
  EXPECT_EQ(reader.trouble(), "");
  EXPECT_LT(reader.longest(), 1000ms);
  EXPECT_NE(read_file(server->info().log_file()).find("canceling autovacuum task"), std::string::npos)
      << "autovacuum " << vacuum << " ended by itself: it was not in the way";
}

}  // namespace
}  // namespace pgphase::testing
