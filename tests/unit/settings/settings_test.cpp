#include "orchestrator/settings/settings.hpp"

#include <gtest/gtest.h>
#include <unistd.h>

#include <atomic>
#include <filesystem>
#include <fstream>

#include "orchestrator/settings/resolve.hpp"
#include "orchestrator/settings/settings_table.hpp"

namespace pgphase {
namespace {

namespace fs = std::filesystem;
using namespace std::chrono_literals;

class SettingsTest : public testing::Test {
 protected:
  SettingsTest() {
    static std::atomic<int> count = 0;
    folder_ =
        fs::temp_directory_path() / ("pgphase-settings-" + std::to_string(::getpid()) + "-" + std::to_string(++count));
    fs::create_directories(folder_);
  }
  ~SettingsTest() override { fs::remove_all(folder_); }

  void write(const std::string& name, const std::string& text) {
    fs::create_directories((folder_ / name).parent_path());
    std::ofstream(folder_ / name) << text;
  }
  Result<Settings> resolve() { return resolve_settings(flags_, environment_, folder_); }
  Settings good() {
    auto settings = resolve();
    EXPECT_TRUE(settings) << (settings ? "" : settings.error().text());
    return settings ? *settings : Settings{};
  }
  std::string error() {
    const auto settings = resolve();
    EXPECT_FALSE(settings);
    if (settings) return {};
    EXPECT_EQ(settings.error().code, Errc::usage);
    return settings.error().text();
  }

  fs::path folder_;
  Flags flags_;
  Environment environment_;
};

bool contains(const std::string& text, std::string_view piece) {
  return text.find(piece) != std::string::npos;
}

TEST_F(SettingsTest, HasTheseDefaults) {
  const Settings settings = good();
  EXPECT_EQ(settings.database, "");
  EXPECT_EQ(settings.database_source, Source::unset);
  EXPECT_TRUE(settings.password_command.empty());
  EXPECT_EQ(settings.role, "");
  EXPECT_EQ(settings.connect_timeout, 10s);
  EXPECT_FALSE(settings.protected_database);
  EXPECT_EQ(settings.plans, folder_ / "migrations");
  EXPECT_EQ(settings.locks.timeout, 500ms);
  EXPECT_EQ(settings.locks.hold, 1s);
  EXPECT_EQ(settings.locks.pause, 1s);
  EXPECT_EQ(settings.locks.attempts, 30);
  EXPECT_EQ(settings.locks.budget, 10min);
  EXPECT_EQ(settings.backfill.batch_time, 100ms);
  EXPECT_EQ(settings.backfill.workers, 1);
  EXPECT_EQ(settings.backfill.scan, Settings::Backfill::Scan::automatic);
  EXPECT_FALSE(settings.backfill.stripes);
  EXPECT_EQ(settings.backfill.max_bad_rows, 0);
  EXPECT_EQ(settings.retain.keep, 7 * 24h);
  EXPECT_EQ(settings.project, folder_);
  EXPECT_TRUE(settings.config_file.empty());
  EXPECT_TRUE(settings.warnings.empty());
}

TEST_F(SettingsTest, ReadsEverySettingFromTheFile) {
  write("pgphase.toml", R"(
database = "postgresql://a@h/d"
password_command = ["pass", "show", "db"]
role = "owner"
connect_timeout = "3s"
protected = true
plans = "db/plans"
[locks]
timeout = "200ms"
hold = "2s"
pause = "5s"
attempts = 7
budget = "1h"
[backfill]
batch_time = "50ms"
workers = 4
scan = "index"
stripes = 6
max_bad_rows = 1000
[retain]
for = "30d"
)");
  const Settings settings = good();
  EXPECT_EQ(settings.database, "postgresql://a@h/d");
  EXPECT_EQ(settings.database_source, Source::file);
  EXPECT_EQ(settings.database_place, "pgphase.toml:2:12");
  EXPECT_EQ(settings.password_command, (std::vector<std::string>{"pass", "show", "db"}));
  EXPECT_EQ(settings.role, "owner");
  EXPECT_EQ(settings.connect_timeout, 3s);
  EXPECT_TRUE(settings.protected_database);
  EXPECT_EQ(settings.plans, folder_ / "db/plans");
  EXPECT_EQ(settings.locks.timeout, 200ms);
  EXPECT_EQ(settings.locks.hold, 2s);
  EXPECT_EQ(settings.locks.pause, 5s);
  EXPECT_EQ(settings.locks.attempts, 7);
  EXPECT_EQ(settings.locks.budget, 1h);
  EXPECT_EQ(settings.backfill.batch_time, 50ms);
  EXPECT_EQ(settings.backfill.workers, 4);
  EXPECT_EQ(settings.backfill.scan, Settings::Backfill::Scan::index);
  EXPECT_EQ(settings.backfill.stripes, 6);
  EXPECT_EQ(settings.backfill.max_bad_rows, 1000);
  EXPECT_EQ(settings.retain.keep, 30 * 24h);
}

// A value unlike the default for every row, as a variable or a flag has it.
std::string other_value(const SettingRow& row) {
  switch (row.kind) {
    case SettingKind::text:
      return "other";
    case SettingKind::words:
      return R"(["other", "two words"])";
    case SettingKind::duration:
      return "42s";
    case SettingKind::count:
      return "42";
    case SettingKind::count_or_auto:
      return "3";
    case SettingKind::choice:
      return std::string(row.choices.substr(row.choices.rfind(' ') + 1));
    case SettingKind::boolean:
      return "true";
    case SettingKind::statement:
      return "SELECT 42";
    case SettingKind::limit:
      for (const char* text : {"42s", "42GiB", "42%", "42", "4x"}) {
        const auto limit = parse_setting(row, text);
        if (limit && !refused(row, *limit)) return text;
      }
  }
  return {};
}

TEST_F(SettingsTest, EveryVariableAndEveryFlagReachesItsSetting) {
  const auto shown = [](const Settings& s) {
    std::string command;
    for (const auto& word : s.password_command) command += "[" + word + "]";
    std::string out = s.database + "|" + command + "|" + s.role + "|" + s.plans.string();
    for (const auto duration : {s.connect_timeout, s.locks.timeout, s.locks.hold, s.locks.pause, s.locks.budget,
                                s.backfill.batch_time, s.retain.keep}) {
      out += "|" + std::to_string(duration.count());
    }
    for (const SignalLimit& limit : s.throttle.limits) {
      out += "|" + std::to_string(limit.limit) + (limit.on ? "on" : "off") + std::to_string(limit.times_rest);
    }
    out += "|" + s.throttle.probe + "|" + std::to_string(s.backfill.workers);
    out +=
        "|" + std::to_string(static_cast<int>(s.backfill.scan)) + "|" + std::to_string(s.backfill.stripes.value_or(0));
    return out + "|" + std::to_string(s.backfill.max_bad_rows) + "|" + std::to_string(s.locks.attempts);
  };
  const std::string before = shown(good());
  for (const SettingRow& row : settings_table()) {
    if (row.env.empty()) continue;
    environment_ = {{std::string(row.env), other_value(row)}};
    const std::string by_variable = shown(good());
    environment_.clear();
    flags_.values = {{std::string(row.key), other_value(row)}};
    const std::string by_flag = shown(good());
    flags_.values.clear();
    EXPECT_NE(by_variable, before) << row.key;
    EXPECT_EQ(by_variable, by_flag) << row.key;
  }
}

TEST_F(SettingsTest, AFlagWinsOverAVariableOverTheEnvironmentsTableOverTheFile) {
  write("pgphase.toml", "[locks]\ntimeout = \"1ms\"\nhold = \"11ms\"\n[env.production.locks]\ntimeout = \"2ms\"\n");
  EXPECT_EQ(good().locks.timeout, 1ms);
  flags_.environment = "production";
  EXPECT_EQ(good().locks.timeout, 2ms);
  EXPECT_EQ(good().locks.hold, 11ms);  // what the environment leaves out comes from the file
  environment_["PGPHASE_LOCK_TIMEOUT"] = "3ms";
  EXPECT_EQ(good().locks.timeout, 3ms);
  flags_.values["locks.timeout"] = "4ms";
  EXPECT_EQ(good().locks.timeout, 4ms);
}

TEST_F(SettingsTest, AnEmptyVariableIsNotSet) {
  environment_["PGPHASE_LOCK_TIMEOUT"] = "";
  environment_["DATABASE_URL"] = "";
  EXPECT_EQ(good().locks.timeout, 500ms);
  EXPECT_EQ(good().database_source, Source::unset);
}

TEST_F(SettingsTest, SelectsAnEnvironmentByFlagOrVariable) {
  write("pgphase.toml", "[env.production]\nprotected = true\n[env.staging]\nrole = \"s\"\n");
  environment_["PGPHASE_ENV"] = "production";
  EXPECT_TRUE(good().protected_database);
  EXPECT_EQ(good().environment, "production");
  flags_.environment = "staging";
  EXPECT_FALSE(good().protected_database);
  EXPECT_EQ(good().role, "s");
  flags_.environment = "prodution";
  EXPECT_TRUE(contains(error(), "there is no [env.prodution] in pgphase.toml"));
  EXPECT_TRUE(contains(error(), "production, staging"));
}

TEST_F(SettingsTest, TakesTheDatabaseFromDatabaseUrlThenFileThenDotenv) {
  write(".env", "DATABASE_URL=postgresql://dotenv@h/d\n");
  EXPECT_EQ(good().database, "postgresql://dotenv@h/d");
  EXPECT_EQ(good().database_source, Source::dotenv);
  write("pgphase.toml", "database = \"postgresql://file@h/d\"\n");
  EXPECT_EQ(good().database, "postgresql://file@h/d");
  environment_["DATABASE_URL"] = "postgresql://variable@h/d";
  EXPECT_EQ(good().database, "postgresql://variable@h/d");
  EXPECT_EQ(good().database_place, "DATABASE_URL");
  environment_["PGPHASE_DATABASE"] = "postgresql://ours@h/d";
  EXPECT_EQ(good().database, "postgresql://ours@h/d");
}

TEST_F(SettingsTest, DatabaseUrlDoesNotRetargetASelectedEnvironment) {
  write("pgphase.toml", "database = \"postgresql://dev@h/d\"\n[env.a]\ndatabase = \"postgresql://a@h/d\"\n[env.b]\n");
  write(".env", "DATABASE_URL=postgresql://dotenv@h/d\n");
  environment_["DATABASE_URL"] = "postgresql://stray@h/d";
  flags_.environment = "a";
  EXPECT_EQ(good().database, "postgresql://a@h/d");
  flags_.environment = "b";
  EXPECT_EQ(good().database, "postgresql://dev@h/d");
  environment_["PGPHASE_DATABASE"] = "postgresql://meant@h/d";
  EXPECT_EQ(good().database, "postgresql://meant@h/d");
}

TEST_F(SettingsTest, ASelectedEnvironmentWithoutADatabaseIsNotGivenDatabaseUrl) {
  write("pgphase.toml", "[env.production]\nprotected = true\n");
  flags_.environment = "production";
  for (const bool in_file : {false, true}) {
    if (in_file) {
      environment_.clear();
      write(".env", "DATABASE_URL=postgresql://stray@h/d\n");
    } else {
      environment_["DATABASE_URL"] = "postgresql://stray@h/d";
    }
    const auto connection = connection_of(good());
    ASSERT_FALSE(connection);
    EXPECT_TRUE(contains(connection.error().text(), "DATABASE_URL does not count"));
    EXPECT_TRUE(contains(connection.error().text(), "[env.production]"));
  }
}

TEST_F(SettingsTest, FindsTheFileInAFolderAbove) {
  write("pgphase.toml", "role = \"above\"\n");
  write(".env", "DATABASE_URL=postgresql://dotenv@h/d\n");
  const fs::path below = folder_ / "src" / "deep";
  fs::create_directories(below);
  const auto settings = resolve_settings({}, {}, below);
  ASSERT_TRUE(settings);
  EXPECT_EQ(settings->role, "above");
  EXPECT_EQ(settings->project, folder_);
  EXPECT_EQ(settings->plans, folder_ / "migrations");
  EXPECT_EQ(settings->database, "postgresql://dotenv@h/d");
  write("src/pgphase.toml", "role = \"nearer\"\n");
  EXPECT_EQ(resolve_settings({}, {}, below)->role, "nearer");
}

TEST_F(SettingsTest, TakesTheFileThatConfigNames) {
  write("pgphase.toml", "role = \"found\"\n");
  write("other/settings.toml", "role = \"named\"\n");
  flags_.config = "other/settings.toml";
  EXPECT_EQ(good().role, "named");
  EXPECT_EQ(good().plans, folder_ / "other" / "migrations");
  flags_.config = "missing.toml";
  EXPECT_TRUE(contains(error(), "missing.toml: error: cannot be read"));
}

TEST_F(SettingsTest, PlansFromAFlagAreRelativeToTheWorkingFolder) {
  write("pgphase.toml", "plans = \"from/file\"\n");
  fs::create_directories(folder_ / "src");
  EXPECT_EQ(resolve_settings({}, {}, folder_ / "src")->plans, folder_ / "from/file");
  flags_.values["plans"] = "../typed";
  EXPECT_EQ(resolve_settings(flags_, {}, folder_ / "src")->plans, folder_ / "typed");
  flags_.values["plans"] = "/absolute";
  EXPECT_EQ(resolve_settings(flags_, {}, folder_ / "src")->plans, "/absolute");
}

TEST_F(SettingsTest, PointsAtEverythingThatIsWrongAtOnce) {
  write("pgphase.toml",
        "rolle = \"x\"\n"
        "[locks]\n"
        "timeout = \"500\"\n"
        "atempts = 3\n"
        "attempts = 0\n"
        "[env.other.locks]\n"
        "hold = 1\n");
  environment_["PGPHASE_LOCK_HOLD"] = "soon";
  flags_.values["locks.budget"] = "8d";
  const std::string text = error();
  EXPECT_TRUE(contains(text, "pgphase.toml:1:1: error: `rolle` is not a key of pgphase.toml"));
  EXPECT_TRUE(contains(text, "did you mean `role`?"));
  EXPECT_TRUE(contains(text, "pgphase.toml:3:11: error:"));
  EXPECT_TRUE(contains(text, "pgphase.toml:4:1: error: `atempts` is not a key of [locks]"));
  EXPECT_TRUE(contains(text, "pgphase.toml:5:12: error: `locks.attempts` is out of range"));
  EXPECT_TRUE(contains(text, "pgphase.toml:7:8: error:"));
  EXPECT_TRUE(contains(text, "PGPHASE_LOCK_HOLD: error:"));
  EXPECT_TRUE(contains(text, "--lock-budget: error: `locks.budget` is out of range"));
}

TEST_F(SettingsTest, SaysOfKeysThatAreNotBuiltThatTheyAreNot) {
  write("pgphase.toml", "[env.a.gate]\nx = 1\n");
  EXPECT_TRUE(contains(error(), "`gate` is designed but not built yet"));
}

TEST_F(SettingsTest, APasswordCommandIsAListOfItsArguments) {
  write("pgphase.toml", "password_command = \"pass show db\"\n");
  EXPECT_TRUE(contains(error(), "takes a list"));
  write("pgphase.toml", "password_command = [\"\"]\n");
  error();
  write("pgphase.toml", "password_command = [\"a\"]\n[env.local]\npassword_command = []\n");
  flags_.environment = "local";
  EXPECT_TRUE(good().password_command.empty());
}

TEST_F(SettingsTest, NoErrorShowsALineThatMayHoldAPassword) {
  for (const char* text : {
           "database = 'postgresql://u:hunter2@h/d\n",
           "database = postgresql://u:hunter2@h/d\n",
           "database = hunter2\n",
           "database = [\"host=h password=hunter2\"]\n",
           "databse = 'host=h password=hunter2'\n",
           "url = 'postgresql://u:hunter2@h/d'\n",
           "password_command = { a = 'hunter2' }\n",
           "env = { a = { databse = 'postgresql://u:hunter2@h/d' } }\n",
       }) {
    write("pgphase.toml", text);
    EXPECT_FALSE(contains(error(), "hunter2")) << error();
  }
  write("pgphase.toml", "");
  environment_["PGPHASE_PASSWORD_COMMAND"] = "echo hunter2";
  EXPECT_FALSE(contains(error(), "hunter2")) << error();
}

TEST_F(SettingsTest, WarnsOfAMisspeltVariable) {
  environment_["PGPHASE_LOCKS_TIMEOUT"] = "1s";
  environment_["PGPHASE_SOMETHING_ELSE"] = "1s";
  const Settings settings = good();
  ASSERT_EQ(settings.warnings.size(), 1U);
  EXPECT_TRUE(contains(settings.warnings[0], "is PGPHASE_LOCK_TIMEOUT meant?"));
}

TEST_F(SettingsTest, AnEmptyFileMarksTheProject) {
  write("pgphase.toml", "\n");
  fs::create_directories(folder_ / "src");
  EXPECT_EQ(resolve_settings({}, {}, folder_ / "src")->project, folder_);
}

TEST_F(SettingsTest, PutsTheConnectTimeoutWhereTheStringHasNone) {
  environment_["DATABASE_URL"] = "postgresql+asyncpg://u:p@h/d?ssl=require";
  EXPECT_EQ(connection_of(good())->get("connect_timeout"), "10");
  environment_["PGPHASE_CONNECT_TIMEOUT"] = "2500ms";
  EXPECT_EQ(connection_of(good())->get("connect_timeout"), "3");
  environment_["DATABASE_URL"] = "host=h connect_timeout=5";
  EXPECT_EQ(connection_of(good())->get("connect_timeout"), "5");
}

TEST_F(SettingsTest, RefusesAPasswordInAFlag) {
  flags_.values["database"] = "postgresql://u:hunter2@h/d";
  const auto connection = connection_of(good());
  ASSERT_FALSE(connection);
  EXPECT_TRUE(contains(connection.error().text(), "--database holds a password"));
  EXPECT_FALSE(contains(connection.error().text(), "hunter2"));
  flags_.values["database"] = "postgresql://u@h/d";
  EXPECT_TRUE(connection_of(good()));
}

TEST_F(SettingsTest, SaysWhereABadConnectionStringStands) {
  write(".env", "DATABASE_URL=mysql://u:hunter2@h/d\n");
  const auto connection = connection_of(good());
  ASSERT_FALSE(connection);
  EXPECT_TRUE(contains(connection.error().text(), "DATABASE_URL in " + (folder_ / ".env").string()));
  EXPECT_FALSE(contains(connection.error().text(), "hunter2"));
  fs::remove(folder_ / ".env");
  EXPECT_TRUE(contains(connection_of(good()).error().text(), "no database is named"));
}

TEST_F(SettingsTest, AKeyOfVeryManyPartsIsPointedAt) {
  std::string key = "a";
  for (int i = 0; i < 20'000; ++i) key += ".a";
  write("pgphase.toml", key + " = 1\n");
  EXPECT_TRUE(contains(error(), "pgphase.toml:1:1: error: the key has more than 16 parts"));
}

}  // namespace
}  // namespace pgphase
