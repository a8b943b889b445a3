// The signals that concern a whole server, on one of their own: slots, the archive, sessions, dead rows.
#include <thread>

#include "phases/postgres/server.hpp"
#include "phases/throttle/dead_tuples.hpp"
#include "phases/throttle/sessions.hpp"
#include "phases/throttle/wal_backlog.hpp"
#include "tests/pg/throttle_fixture.hpp"
#include "tests/support/process.hpp"

namespace pgphase::testing {
namespace {

using namespace std::chrono_literals;
using ::testing::HasSubstr;

class ThrottleSignalsPgTest : public ::testing::Test {
 protected:
  static void SetUpTestSuite() {
    ServerOptions options;
    options.settings = {{"archive_mode", "on"}, {"archive_command", "/bin/false"}, {"autovacuum_naptime", "1h"}};
    auto started = LocalServer::start(options);
    if (!started) throw std::runtime_error(started.error().text());
    server_ = std::make_unique<LocalServer>(std::move(*started));
  }
  static void TearDownTestSuite() { server_.reset(); }

  std::string url() const { return server_->url(); }
  PgClient client() const { return PgClient(url()); }
  std::unique_ptr<Session> connect(const std::string& role = {}) const { return throttle_session(url(), role); }

  static std::unique_ptr<LocalServer> server_;
};
std::unique_ptr<LocalServer> ThrottleSignalsPgTest::server_;

TEST_F(ThrottleSignalsPgTest, ASlotThatNobodyReadsKeepsWal) {
  auto session = connect();
  auto reading = read_slot_wal(*session);
  EXPECT_EQ(reading.value, 0);
  EXPECT_EQ(reading.words, "no replication slot keeps WAL");

  auto other = client();
  other.exec("SELECT pg_create_physical_replication_slot('left_over', true)");
  other.exec("CREATE TABLE wal AS SELECT repeat('x', 1000) FROM generate_series(1, 3000)");
  reading = read_slot_wal(*session);
  ASSERT_TRUE(reading.value) << reading.words;
  EXPECT_GT(*reading.value, 2e6);
  EXPECT_LT(*reading.value, 1e9);
  EXPECT_THAT(reading.words, HasSubstr("slot left_over keeps "));
  EXPECT_THAT(reading.words, HasSubstr("nobody reads from it"));

  const PlainRole role(url(), "plain_slot");
  EXPECT_GT(read_slot_wal(*connect(role.name())).value.value_or(0), 2e6) << "every role may see it";
  other.exec("SELECT pg_drop_replication_slot('left_over')");
  EXPECT_EQ(read_slot_wal(*session).value, 0);
}

TEST_F(ThrottleSignalsPgTest, FilesWaitForTheArchiver) {
  auto session = connect();
  auto other = client();
  const auto finish_file = [&other] {
    other.exec("CREATE TABLE one_more (); DROP TABLE one_more");
    other.exec("SELECT pg_switch_wal()");
  };
  const double before = read_archive_backlog(*session).value.value_or(-1);
  ASSERT_GE(before, 0);
  for (int i = 0; i < 3; ++i) finish_file();
  auto reading = read_archive_backlog(*session);
  EXPECT_EQ(reading.value, before + 3);
  EXPECT_THAT(reading.words, HasSubstr(" files of WAL wait for the archiver"));

  // A role that may not list the folder does with what pg_stat_archiver tells.
  const PlainRole role(url(), "plain_archive");
  auto plain = connect(role.name());
  expect_unreadable(read_archive_backlog(*plain), "pg_stat_archiver knows of no file that was archived yet");
  other.exec("ALTER SYSTEM SET archive_command = '/bin/true'");
  other.exec("SELECT pg_reload_conf()");
  finish_file();
  EXPECT_TRUE(eventually([&] { return read_archive_backlog(*session).value == 0; }, 90s));
  other.exec("ALTER SYSTEM SET archive_command = '/bin/false'");
  other.exec("SELECT pg_reload_conf()");
  ASSERT_TRUE(eventually([&] { return PgClient(url()).value("SHOW archive_command") == "/bin/false"; }));
  std::this_thread::sleep_for(500ms);  // until the archiver has read it too
  for (int i = 0; i < 4; ++i) finish_file();
  EXPECT_EQ(read_archive_backlog(*session).value, 4);
  reading = read_archive_backlog(*plain);
  EXPECT_EQ(reading.value, 4) << reading.words;
  EXPECT_THAT(reading.words, HasSubstr("which was archived last"));
  other.exec("GRANT pg_monitor TO " + role.name());
  EXPECT_THAT(read_archive_backlog(*plain).words, HasSubstr("wait for the archiver"));
}

TEST_F(ThrottleSignalsPgTest, ActiveSessionsAreThoseOfOthers) {
  auto session = connect();
  EXPECT_EQ(read_active_sessions(*session, {}).value, 0);
  const AsyncStatement one(url(), "SELECT pg_sleep(60)"), two(url(), "SELECT pg_sleep(60)");
  const PgClient idle(url());
  EXPECT_TRUE(eventually([&] { return read_active_sessions(*session, {}).value == 2; }));
  EXPECT_EQ(read_active_sessions(*session, {{one.pid()}, {}}).value, 1);
  EXPECT_EQ(read_active_sessions(*session, {{one.pid(), two.pid()}, {}}).value, 0);

  const PlainRole role(url(), "plain_active");
  auto plain = connect(role.name());
  expect_unreadable(read_active_sessions(*plain, {}), "the role plain_active may not see other sessions");
  expect_unreadable(read_active_sessions(*plain, {}), "pg_monitor");
  client().exec("GRANT pg_monitor TO plain_active");
  EXPECT_EQ(read_active_sessions(*plain, {}).value, 2);
}

class DeadTuplesPgTest : public ThrottleSignalsPgTest {
 protected:
  // Three of four rows of each partition become dead versions, and the statistics know.
  void SetUp() override {
    client().exec(
        "CREATE TABLE whole (id int, n int) PARTITION BY RANGE (id);"
        "CREATE TABLE part_a PARTITION OF whole FOR VALUES FROM (0) TO (1000);"
        "CREATE TABLE part_b PARTITION OF whole FOR VALUES FROM (1000) TO (9000);"
        "INSERT INTO whole SELECT i, 0 FROM generate_series(0, 4999) i; ANALYZE whole");
    client().exec("UPDATE whole SET n = 1 WHERE id < 1000 AND id % 4 > 0");
  }
  void TearDown() override { client().exec("DROP TABLE whole"); }
  AtWork at(const std::string& table) const {
    return {{}, {std::stoll(client().value("SELECT '" + table + "'::regclass::oid"))}};
  }
};

TEST_F(DeadTuplesPgTest, TheWorstPartitionCountsWhileAutovacuumIsBehind) {
  auto session = connect();
  Reading reading;
  ASSERT_TRUE(eventually([&] { return (reading = read_dead_tuples(*session, at("whole"))).value.value_or(0) > 0; }))
      << reading.words;
  EXPECT_NEAR(*reading.value, 0.75, 0.01);
  EXPECT_THAT(reading.words, HasSubstr("part_a has 750 dead rows for 1000 live ones (75 %), and autovacuum is behind"));
  EXPECT_NEAR(read_dead_tuples(*session, at("part_a")).value.value_or(0), 0.75, 0.01);
  EXPECT_EQ(read_dead_tuples(*session, at("part_b")).value, 0);
  EXPECT_EQ(read_dead_tuples(*session, {}).value, 0);
  const PlainRole role(url(), "plain_dead");
  EXPECT_NEAR(read_dead_tuples(*connect(role.name()), at("whole")).value.value_or(0), 0.75, 0.01);

  client().exec("ALTER TABLE part_a SET (autovacuum_vacuum_threshold = 5000)");
  reading = read_dead_tuples(*session, at("whole"));
  EXPECT_EQ(reading.value, 0) << "it is not due";
  client().exec(
      "ALTER TABLE part_a RESET (autovacuum_vacuum_threshold); ALTER TABLE part_a SET (autovacuum_enabled = off)");
  reading = read_dead_tuples(*session, at("whole"));
  EXPECT_EQ(reading.value, 0);
  EXPECT_THAT(reading.words, HasSubstr("autovacuum is off for part_a"));
  client().exec("ALTER TABLE part_a RESET (autovacuum_enabled)");
  client().exec("VACUUM part_a");
  EXPECT_TRUE(eventually([&] { return read_dead_tuples(*session, at("whole")).value == 0; }));
}

}  // namespace
}  // namespace pgphase::testing
