// [throttle], and the keys of [backfill] that are not plain.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "orchestrator/settings/resolve.hpp"
#include "tests/support/temp_dir.hpp"

namespace pgphase::testing {
namespace {

using ::testing::HasSubstr;

class ThrottleSettingsTest : public ::testing::Test {
 protected:
  Result<Settings> resolve(const std::string& file) {
    folder_.write("pgphase.toml", file);
    return resolve_settings(flags_, environment_, folder_.path());
  }
  SignalLimit read(const std::string& lines, Signal signal) {
    const auto settings = resolve(lines);
    EXPECT_TRUE(settings) << settings.error().text();
    return settings ? settings->throttle[signal] : SignalLimit{};
  }
  std::string error(const std::string& file) {
    const auto settings = resolve(file);
    EXPECT_FALSE(settings) << file;
    return settings ? "" : settings.error().text();
  }

  TempDir folder_;
  Flags flags_;
  Environment environment_;
};

SignalLimit limit(double value, WhenUnreadable unreadable = WhenUnreadable::go_on, std::string sql = {}) {
  SignalLimit out;
  out.on = true;
  out.limit = value;
  out.unreadable = unreadable;
  out.sql = std::move(sql);
  return out;
}

constexpr double k_gib = 1024.0 * 1024 * 1024;

TEST_F(ThrottleSettingsTest, HasTheseDefaults) {
  EXPECT_EQ(read("", Signal::replica_lag), limit(10'000));
  EXPECT_EQ(read("", Signal::slot_wal), limit(10 * k_gib));
  EXPECT_EQ(read("", Signal::archive_backlog), limit(64));
  EXPECT_EQ(read("", Signal::blocked_by_us), limit(500));
  for (const Signal off : {Signal::active_sessions, Signal::dead_tuples, Signal::free_space_query, Signal::custom}) {
    EXPECT_EQ(read("", off), SignalLimit{}) << to_string(off);
  }
  auto probe = limit(0);
  probe.times_rest = 2;
  EXPECT_EQ(read("", Signal::probe_p95), probe);
  EXPECT_EQ(resolve("")->throttle.probe, "");
}

struct Written {
  const char* line;
  Signal signal;
  SignalLimit limit;
};

TEST_F(ThrottleSettingsTest, ABareValueIsTheLimitAndATableSaysMore) {
  auto thrice = limit(0, WhenUnreadable::hold);
  thrice.times_rest = 3;
  for (const Written& c : {
           Written{"replica_lag = '5s'", Signal::replica_lag, limit(5000)},
           Written{"replica_lag = 'off'", Signal::replica_lag, SignalLimit{}},
           Written{"replica_lag = { limit = '5s' }", Signal::replica_lag, limit(5000)},
           Written{"replica_lag = { limit = '5s', unreadable = 'hold' }", Signal::replica_lag,
                   limit(5000, WhenUnreadable::hold)},
           Written{"slot_wal = '2GiB'", Signal::slot_wal, limit(2 * k_gib)},
           Written{"archive_backlog = 10", Signal::archive_backlog, limit(10)},
           Written{"blocked_by_us = '1s'", Signal::blocked_by_us, limit(1000)},
           Written{"active_sessions = { limit = 40, unreadable = 'continue' }", Signal::active_sessions, limit(40)},
           Written{"dead_tuples = '30%'", Signal::dead_tuples, limit(0.3)},
           Written{"free_space_query = { sql = 'SELECT 1', limit = '20GiB' }", Signal::free_space_query,
                   limit(20 * k_gib, WhenUnreadable::hold, "SELECT 1")},
           Written{"custom = { sql = 'SELECT 1', limit = 1.5, unreadable = 'continue' }", Signal::custom,
                   limit(1.5, WhenUnreadable::go_on, "SELECT 1")},
           Written{"custom = { sql = 'SELECT 1', limit = -3 }", Signal::custom,
                   limit(-3, WhenUnreadable::hold, "SELECT 1")},
           Written{"probe_p95 = '20ms'", Signal::probe_p95, limit(20)},
           Written{"probe_p95 = { limit = '3x', unreadable = 'hold' }", Signal::probe_p95, thrice},
       }) {
    EXPECT_EQ(read(std::string("[throttle]\n") + c.line + "\n", c.signal), c.limit) << c.line;
  }
}

TEST_F(ThrottleSettingsTest, AnEnvironmentOverridesAndAVariableOverridesIt) {
  const std::string file =
      "[throttle]\nreplica_lag = '5s'\nslot_wal = '1GiB'\n[env.production.throttle]\nreplica_lag = '2s'\n";
  EXPECT_EQ(read(file, Signal::replica_lag), limit(5000));
  flags_.environment = "production";
  EXPECT_EQ(read(file, Signal::replica_lag), limit(2000));
  EXPECT_EQ(read(file, Signal::slot_wal), limit(k_gib));
  environment_["PGPHASE_THROTTLE_REPLICA_LAG"] = "3s hold";
  EXPECT_EQ(read(file, Signal::replica_lag), limit(3000, WhenUnreadable::hold));
  flags_.values["throttle.replica_lag"] = "off";
  EXPECT_EQ(read(file, Signal::replica_lag), SignalLimit{});
}

TEST_F(ThrottleSettingsTest, AProbeIsOneStatement) {
  EXPECT_EQ(resolve("[throttle]\nprobe = 'SELECT id FROM tasks WHERE id = 1'\n")->throttle.probe,
            "SELECT id FROM tasks WHERE id = 1");
  EXPECT_TRUE(resolve("[throttle]\nprobe = 'UPDATE tasks SET seen = now() WHERE id = 1'\n"));
  EXPECT_THAT(error("[throttle]\nprobe = 'SELECT 1; SELECT 2'\n"),
              HasSubstr("pgphase.toml:2:9: error: `throttle.probe`: this must be one statement, not 2"));
}

struct Mistake {
  const char* lines;
  const char* message;
};

TEST_F(ThrottleSettingsTest, AMistakeIsPointedAt) {
  for (const Mistake& c : {
           Mistake{"replica_lag = 5", "pgphase.toml:2:15: error: `replica_lag` takes a duration, not an integer"},
           Mistake{"replica_lag = '5'", "pgphase.toml:2:15: error: \"5\" is not a duration: the unit is missing"},
           Mistake{"replica_lag = '1ms'",
                   "pgphase.toml:2:15: error: `throttle.replica_lag` is out of range: not between 100 ms and 24 h"},
           Mistake{"replica_lag = { limit = '5s', unreadable = 'stop' }",
                   "pgphase.toml:2:44: error: `unreadable` takes \"hold\" or \"continue\""},
           Mistake{"replica_lag = { unreadable = 'hold' }", "error: `limit` is missing in `replica_lag`"},
           Mistake{"replica_lag = { limit = '5s', unredable = 'hold' }", "did you mean `unreadable`?"},
           Mistake{"replica_lag = { limit = '5s', sql = 'SELECT 1' }", "error: `sql` is not a key of `replica_lag`"},
           Mistake{"replica_leg = '5s'", "did you mean `replica_lag`?"},
           Mistake{"archive_backlog = '64'", "`archive_backlog` takes a whole number, not a string"},
           Mistake{"archive_backlog = 0", "out of range: not between 1 file and 1000000 files"},
           Mistake{"archive_backlog = 1.5", "`archive_backlog` takes a whole number, not a float"},
           Mistake{"dead_tuples = '0.3'", "\"0.3\" is not a limit for it"},
           Mistake{"dead_tuples = '0%'", "out of range: not between 1 % and 1000 %"},
           Mistake{"free_space_query = 'SELECT 1'", "pgphase.toml:2:20: error: `free_space_query` takes a table"},
           Mistake{"free_space_query = { limit = '1GiB' }", "error: `sql` is missing in `free_space_query`"},
           Mistake{"custom = { sql = 'DELETE FROM t', limit = 1 }",
                   "pgphase.toml:2:18: error: this must be a SELECT that changes nothing"},
           Mistake{"custom = { sql = 'SELEKT 1', limit = 1 }", "pgphase.toml:2:18: error: this is not SQL"},
           Mistake{"probe_p95 = '1.1x'", "out of range: not between 1.2x and 100x"},
           Mistake{"probe_p95 = '0ms'", "out of range"},
           Mistake{"probe_p95 = '10s'", "out of range: not between 1 ms and 5 s"},
           Mistake{"probe_p95 = 'fast'", "\"fast\" is not a duration"},
       }) {
    EXPECT_THAT(error(std::string("[throttle]\n") + c.lines + "\n"), HasSubstr(c.message)) << c.lines;
  }
}

TEST_F(ThrottleSettingsTest, AllMistakesOfAllEnvironmentsAtOnce) {
  const auto text = error("[throttle]\nslot_wal = 5\n[env.a.throttle]\ncustom = 7\n[backfill]\nworkers = 65\n");
  EXPECT_THAT(text, HasSubstr("pgphase.toml:2:12: error: `slot_wal`"));
  EXPECT_THAT(text, HasSubstr("pgphase.toml:4:10: error: `custom`"));
  EXPECT_THAT(text, HasSubstr("pgphase.toml:6:11: error: `backfill.workers` is out of range"));
}

TEST_F(ThrottleSettingsTest, AVariablesMistakeNamesTheVariable) {
  environment_["PGPHASE_THROTTLE_SLOT_WAL"] = "much";
  EXPECT_THAT(error(""), HasSubstr("PGPHASE_THROTTLE_SLOT_WAL: error: \"much\" is not a size"));
}

TEST_F(ThrottleSettingsTest, BackfillTakesWhatItsKeysSay) {
  using Scan = Settings::Backfill::Scan;
  EXPECT_EQ(resolve("[backfill]\nscan = 'physical'\n")->backfill.scan, Scan::physical);
  EXPECT_EQ(resolve("[backfill]\nscan = 'auto'\n")->backfill.scan, Scan::automatic);
  EXPECT_FALSE(resolve("[backfill]\nstripes = 'auto'\n")->backfill.stripes);
  EXPECT_EQ(resolve("[backfill]\nstripes = 16\n")->backfill.stripes, 16);
  EXPECT_THAT(error("[backfill]\nscan = 'key'\n"),
              HasSubstr("pgphase.toml:2:8: error: `backfill.scan` is none of auto, physical, index"));
  EXPECT_THAT(error("[backfill]\nstripes = 17\n"),
              HasSubstr("`backfill.stripes` is out of range: not between 1 and 16"));
  EXPECT_THAT(error("[backfill]\nstripes = 0\n"), HasSubstr("out of range"));
  EXPECT_THAT(error("[backfill]\nstripes = 'many'\n"), HasSubstr("`stripes` takes an integer or \"auto\""));
  EXPECT_THAT(error("[backfill]\nworkers = 0\n"), HasSubstr("not between 1 and 64"));
  EXPECT_THAT(error("[backfill]\nmax_bad_rows = 1000001\n"), HasSubstr("not between 0 and 1000000"));
}

}  // namespace
}  // namespace pgphase::testing
