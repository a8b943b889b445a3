#include "orchestrator/throttle/watch.hpp"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <sys/socket.h>
#include <unistd.h>

#include <boost/asio/co_spawn.hpp>
#include <boost/asio/io_context.hpp>
#include <csignal>

#include "tests/pg/throttle_fixture.hpp"
#include "tests/support/process.hpp"

namespace pgphase::testing {
namespace {

namespace asio = boost::asio;
using namespace std::chrono_literals;
using ::testing::HasSubstr;
using Clock = std::chrono::steady_clock;

constexpr const char* k_own_backends =
    "SELECT pid FROM pg_stat_activity WHERE datname = current_database() AND application_name = 'pgphase/throttle'";

class WatchPgTest : public ::testing::Test {
 protected:
  WatchPgTest() {
    make_probe_table(db_.url());
    db_.exec("CREATE TABLE knob AS SELECT 0 AS v");
    options_.connector = [url = db_.url()](const std::string& purpose) -> Result<SessionOptions> {
      SessionOptions options;
      options.conninfo = url;
      options.target = "the test's database";
      options.application_name = "pgphase/" + purpose;
      return options;
    };
    options_.warn = [this](const std::string& line) { warnings_.push_back(line); };
  }
  ~WatchPgTest() override {
    if (!watch_) return;
    watch_->stop();
    io_.run();
  }

  void custom(const std::string& sql, double limit, WhenUnreadable unreadable = WhenUnreadable::hold) {
    options_.limits[Signal::custom] = {true, limit, 0, unreadable, sql};
  }
  void start() {
    watch_.emplace(options_);
    asio::co_spawn(io_, watch_->run(), [this](std::exception_ptr thrown) {
      ended_ = true;
      EXPECT_FALSE(thrown);
    });
  }
  // Runs the loop until the verdict is as wanted; false at the deadline.
  bool becomes(const std::function<bool(const Verdict&)>& wanted, std::chrono::milliseconds limit = 10s) {
    for (const auto end = Clock::now() + limit; Clock::now() < end;) {
      io_.run_for(20ms);
      if (wanted(last_ = watch_->verdict())) return true;
    }
    return false;
  }
  // How long run() goes on after stop().
  std::chrono::milliseconds time_to_stop() {
    const auto begun = Clock::now();
    watch_->stop();
    while (!ended_ && Clock::now() - begun < 20s) io_.run_one_for(10ms);
    return std::chrono::duration_cast<std::chrono::milliseconds>(Clock::now() - begun);
  }
  const SignalView* view(Signal signal) const {
    for (const auto& one : last_.signals) {
      if (one.signal == signal) return &one;
    }
    return nullptr;
  }

  TestDatabase db_;
  asio::io_context io_{1};
  WatchOptions options_;
  std::vector<std::string> warnings_;
  std::optional<Watch> watch_;
  Verdict last_;
  bool ended_ = false;
};

const auto goes_on = [](const Verdict& verdict) { return !verdict.hold; };
const auto holds = [](const Verdict& verdict) { return verdict.hold; };

TEST_F(WatchPgTest, ReadsEverySignalAndTheProbe) {
  for (const Signal signal : {Signal::replica_lag, Signal::slot_wal, Signal::archive_backlog, Signal::blocked_by_us,
                              Signal::active_sessions, Signal::dead_tuples}) {
    options_.limits[signal] = {true, 1e15, 0, WhenUnreadable::hold, ""};
  }
  options_.limits[Signal::free_space_query] = {true, 1000, 0, WhenUnreadable::hold, "SELECT 1000000"};
  custom("SELECT v FROM knob", 10);
  options_.limits[Signal::probe_p95] = {true, 0, 100, WhenUnreadable::hold, ""};
  start();
  EXPECT_TRUE(watch_->verdict().hold) << "nobody begins before the first look";
  const auto begun = Clock::now();
  ASSERT_TRUE(becomes(goes_on)) << last_.why;
  EXPECT_LT(Clock::now() - begun, 2s);
  EXPECT_EQ(last_.duty, 1) << last_.why;
  ASSERT_TRUE(becomes([this](const Verdict&) { return view(Signal::probe_p95)->value.has_value(); }));
  for (const Signal signal : k_signals) {
    ASSERT_TRUE(view(signal)) << to_string(signal);
    EXPECT_TRUE(view(signal)->value) << to_string(signal) << " " << view(signal)->words;
  }
  EXPECT_THAT(view(Signal::probe_p95)->words, HasSubstr("the built-in probe takes "));
  EXPECT_GE(view(Signal::probe_p95)->limit, 5);
  EXPECT_TRUE(warnings_.empty()) << warnings_[0];
  const int before = std::stoi(db_.value("SELECT n FROM pgphase.probe"));
  io_.run_for(2s);
  const int probes = std::stoi(db_.value("SELECT n FROM pgphase.probe")) - before;
  EXPECT_GE(probes, 12) << "about ten times a second";
  EXPECT_LE(probes, 21);
  EXPECT_LT(time_to_stop(), 400ms);
  EXPECT_TRUE(eventually([this] { return db_.query(k_own_backends).empty(); })) << "its connection is closed";
}

TEST_F(WatchPgTest, HoldsAtALimitAndGoesOnBelow) {
  custom("SELECT v FROM knob", 10);
  start();
  ASSERT_TRUE(becomes(goes_on)) << last_.why;
  db_.exec("UPDATE knob SET v = 12");
  ASSERT_TRUE(becomes(holds, 3s));
  EXPECT_EQ(last_.why, "custom 12, limit 10");
  db_.exec("UPDATE knob SET v = 2");
  ASSERT_TRUE(becomes(goes_on, 3s)) << last_.why;
  EXPECT_LT(last_.duty, 0.5);
  EXPECT_TRUE(becomes([](const Verdict& verdict) { return verdict.duty == 1; }, 15s));
}

TEST_F(WatchPgTest, SeesWhoWaitsForTheBackendsThatItIsGiven) {
  options_.limits[Signal::blocked_by_us] = {true, 300, 0, WhenUnreadable::hold, ""};
  PgClient ours(db_.url());
  options_.own_pids = [&ours] { return std::vector<int>{ours.pid()}; };
  start();
  ASSERT_TRUE(becomes(goes_on)) << last_.why;
  ours.exec("BEGIN; UPDATE knob SET v = 1");
  const AsyncStatement waiting(db_.url(), "UPDATE knob SET v = 2");
  ASSERT_TRUE(becomes(holds));
  EXPECT_THAT(last_.why, HasSubstr("blocked_by_us "));
  EXPECT_THAT(view(Signal::blocked_by_us)->words, HasSubstr(std::to_string(waiting.pid())));
  ours.exec("ROLLBACK");
  EXPECT_TRUE(becomes(goes_on)) << last_.why;
}

TEST_F(WatchPgTest, OneSignalThatFailsHarmsNoOther) {
  custom("SELECT v FROM no_such_table", 10, WhenUnreadable::go_on);
  options_.limits[Signal::slot_wal] = {true, 1e15, 0, WhenUnreadable::hold, ""};
  start();
  ASSERT_TRUE(becomes(goes_on)) << last_.why;
  EXPECT_FALSE(view(Signal::custom)->value);
  EXPECT_TRUE(view(Signal::slot_wal)->value);
  io_.run_for(2500ms);
  ASSERT_EQ(warnings_.size(), 1U) << "said once";
  EXPECT_THAT(warnings_[0], HasSubstr("throttle: custom cannot be read, because its query failed: relation"));
  EXPECT_THAT(warnings_[0], HasSubstr("the backfill goes on without it"));
}

TEST_F(WatchPgTest, AQueryThatIsHeldToHoldsWhenItFails) {
  custom("SELECT v FROM no_such_table", 10, WhenUnreadable::hold);
  start();
  ASSERT_TRUE(becomes([](const Verdict& verdict) { return verdict.why.find("no_such_table") != std::string::npos; }));
  EXPECT_TRUE(last_.hold);
  db_.exec("CREATE TABLE no_such_table AS SELECT 1 AS v");
  EXPECT_TRUE(becomes(goes_on)) << last_.why;
}

TEST_F(WatchPgTest, ConnectsAgainAfterALoss) {
  custom("SELECT v FROM knob", 10);
  options_.limits[Signal::probe_p95] = {true, 1000, 0, WhenUnreadable::go_on, ""};
  start();
  ASSERT_TRUE(becomes(goes_on)) << last_.why;
  const auto before = db_.query(k_own_backends);
  ASSERT_EQ(before.size(), 1U);
  db_.exec("SELECT pg_terminate_backend(" + *before[0][0] + ")");
  db_.exec("UPDATE knob SET v = 12");
  ASSERT_TRUE(becomes([](const Verdict& verdict) { return verdict.why == "custom 12, limit 10"; })) << last_.why;
  const auto after = db_.query(k_own_backends);
  ASSERT_EQ(after.size(), 1U);
  EXPECT_NE(*after[0][0], *before[0][0]);
}

TEST_F(WatchPgTest, EndsPromptlyInTheMiddleOfASlowQuery) {
  custom("SELECT 1 FROM pg_sleep(30)", 10);
  start();
  io_.run_for(300ms);
  ASSERT_FALSE(ended_);
  EXPECT_LT(time_to_stop(), 700ms);
}

TEST_F(WatchPgTest, AServerThatStandsStillHoldsUpNothing) {
  custom("SELECT v FROM knob", 10);
  start();
  ASSERT_TRUE(becomes(goes_on)) << last_.why;
  const auto backend = std::stoi(*db_.query(k_own_backends)[0][0]);
  ASSERT_EQ(::kill(backend, SIGSTOP), 0);
  const bool held = becomes(holds, 9s);
  const auto took = time_to_stop();
  ::kill(backend, SIGCONT);
  EXPECT_TRUE(held);
  EXPECT_THAT(last_.why, HasSubstr("the server has not answered in time"));
  EXPECT_LT(took, 700ms);
}

TEST_F(WatchPgTest, WithoutAServerTheSignalsAreUnreadableAndTheRestGoesOn) {
  options_.connector = [](const std::string&) -> Result<SessionOptions> {
    SessionOptions options;
    options.conninfo = "host=127.0.0.1 port=1 dbname=x user=x";
    options.target = "nowhere";
    return options;
  };
  custom("SELECT 1", 10, WhenUnreadable::go_on);
  start();
  ASSERT_TRUE(becomes(goes_on, 2s)) << last_.why;
  EXPECT_THAT(view(Signal::custom)->words, HasSubstr("cannot connect to nowhere"));
  io_.run_for(1500ms);
  ASSERT_EQ(warnings_.size(), 1U);
  EXPECT_THAT(warnings_[0], HasSubstr("no signal can be read"));
  EXPECT_LT(time_to_stop(), 200ms);
}

TEST_F(WatchPgTest, AConnectionThatIsStillBeingMadeIsLeftAlone) {
  // It listens and never answers.
  const int listener = ::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
  sockaddr_in address{};
  address.sin_family = AF_INET;
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  socklen_t size = sizeof address;
  ASSERT_EQ(::bind(listener, reinterpret_cast<sockaddr*>(&address), size), 0);
  ASSERT_EQ(::listen(listener, 8), 0);
  ASSERT_EQ(::getsockname(listener, reinterpret_cast<sockaddr*>(&address), &size), 0);
  options_.connector = [port = ntohs(address.sin_port)](const std::string&) -> Result<SessionOptions> {
    SessionOptions options;
    options.conninfo = "host=127.0.0.1 dbname=x user=x sslmode=disable connect_timeout=3 port=" + std::to_string(port);
    options.target = "nowhere";
    return options;
  };
  custom("SELECT 1", 10, WhenUnreadable::hold);
  start();
  io_.run_for(500ms);
  ASSERT_FALSE(ended_);
  EXPECT_LT(time_to_stop(), 200ms);
  watch_.reset();
  io_.run();  // until the attempt has ended by itself
  ::close(listener);
}

TEST_F(WatchPgTest, WithNothingToWatchItEndsAtOnce) {
  start();
  EXPECT_EQ(watch_->verdict().duty, 1);
  io_.run_for(200ms);
  EXPECT_TRUE(ended_);
  EXPECT_TRUE(db_.query(k_own_backends).empty());
}

}  // namespace
}  // namespace pgphase::testing
