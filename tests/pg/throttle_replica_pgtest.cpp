// replica_lag beside a real streaming standby.
#include <thread>

#include "phases/throttle/replica_lag.hpp"
#include "tests/pg/throttle_fixture.hpp"
#include "tests/support/process.hpp"
#include "tests/support/standby.hpp"

namespace pgphase::testing {
namespace {

using namespace std::chrono_literals;
using ::testing::HasSubstr;
using Clock = std::chrono::steady_clock;

class ThrottleReplicaPgTest : public ::testing::Test {
 protected:
  static LocalServer start() {
    auto started = LocalServer::start();
    if (!started) throw std::runtime_error(started.error().text());
    return std::move(*started);
  }
  ThrottleReplicaPgTest() { client_.exec("CREATE TABLE t (n int)"); }

  Reading read() { return lag_.read(*session_, Clock::now()); }
  void write() { client_.exec("INSERT INTO t SELECT generate_series(1, 100)"); }
  // As the watch does it, once a second, with some writing before each.
  Reading look_for(std::chrono::milliseconds time) {
    Reading last;
    for (const auto end = Clock::now() + time; Clock::now() < end;) {
      write();
      std::this_thread::sleep_for(500ms);
      last = read();
    }
    return last;
  }

  LocalServer server_ = start();
  PgClient client_{server_.url()};
  std::unique_ptr<Session> session_ = throttle_session(server_.url());
  ReplicaLag lag_;
};

TEST_F(ThrottleReplicaPgTest, FollowsAStandbyThatIsHealthyThenPausedThenResumed) {
  EXPECT_EQ(read().value, 0);
  EXPECT_EQ(read().words, "no replica is connected");

  const Standby standby(server_.info(), "standby1");
  PgClient replica(standby.url());
  ASSERT_TRUE(eventually([this] { return read().words.find("standby1") != std::string::npos; }));
  look_for(1s);
  EXPECT_TRUE(eventually([this] { return read().value == 0; }, 5s)) << read().words;
  std::this_thread::sleep_for(1500ms);
  auto reading = read();
  EXPECT_EQ(reading.value, 0) << "nothing is written, and nothing is behind: " << reading.words;

  replica.exec("SELECT pg_wal_replay_pause()");
  ASSERT_TRUE(eventually([&] { return replica.value("SELECT pg_get_wal_replay_pause_state()") == "paused"; }));
  reading = look_for(2s);
  ASSERT_TRUE(reading.value) << reading.words;
  const double after_two = *reading.value;
  EXPECT_GT(after_two, 1000) << reading.words;
  EXPECT_LT(after_two, 4500) << reading.words;
  EXPECT_THAT(reading.words, HasSubstr("replica standby1 replays "));
  std::this_thread::sleep_for(1500ms);  // nothing is written any more, and what was is still missing there
  reading = read();
  EXPECT_GT(reading.value.value_or(0), after_two + 1000) << reading.words;

  // A watch that begins now has no memory of it, and still sees it grow.
  ReplicaLag fresh;
  const double first = fresh.read(*session_, Clock::now()).value.value_or(-1);
  std::this_thread::sleep_for(1s);
  EXPECT_GE(fresh.read(*session_, Clock::now()).value.value_or(0), first + 900);

  replica.exec("SELECT pg_wal_replay_resume()");
  EXPECT_TRUE(eventually([this] { return read().value == 0; }, 15s)) << read().words;
}

TEST_F(ThrottleReplicaPgTest, ARoleThatSeesNothingOfItSaysSo) {
  const PlainRole role(server_.url(), "plain_replica");
  auto plain = throttle_session(server_.url(), role.name());
  ReplicaLag lag;
  EXPECT_EQ(lag.read(*plain, Clock::now()).value, 0) << "that there is none, it sees";
  const Standby standby(server_.info(), "standby1");
  ASSERT_TRUE(eventually([this] { return read().words.find("standby1") != std::string::npos; }));
  expect_unreadable(lag.read(*plain, Clock::now()),
                    "the role plain_replica may not see other sessions in "
                    "pg_stat_replication; it needs pg_monitor");
  client_.exec("GRANT pg_monitor TO plain_replica");
  EXPECT_TRUE(lag.read(*plain, Clock::now()).value);
}

}  // namespace
}  // namespace pgphase::testing
