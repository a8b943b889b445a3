// `pgphase rehearse`: the plans that ship pass; what kills and interruptions leave is found and removed; the source is
// only read.
#include <boost/json/parse.hpp>
#include <filesystem>
#include <fstream>
#include <thread>

#include "phases/branch/clients.hpp"
#include "phases/postgres/server.hpp"
#include "tests/e2e/fixture.hpp"
#include "tests/support/server.hpp"

namespace pgphase::testing {
namespace {

using namespace std::chrono_literals;

class RehearseE2eTest : public ::testing::Test {
 protected:
  // Asked on another database than the project's own.
  std::string branches() {
    return PgClient(test_server_url())
        .value("SELECT count(*) FROM pg_database WHERE datname ~ '^pgphase_rehearsal_" + project.db().name() + "_'");
  }
  std::string read_file(const std::string& name) {
    std::ifstream in(project.folder() / name);
    return {std::istreambuf_iterator<char>(in), {}};
  }
  // Debian's server comes with its clients; those from elsewhere do not, and then a copy is refused, with the reason.
  bool is_refused_without_clients(const Output& output) {
    constexpr int k_debians = 15;
    if (find_clients(test_server_major())) return false;
    EXPECT_NE(test_server_major(), k_debians) << "pg_dump and psql are missing beside the server";
    EXPECT_EQ(output.code, 21) << output.out << output.err;
    EXPECT_NE(output.err.find("needs pg_dump and psql of that version"), std::string::npos) << output.err;
    EXPECT_NE(output.err.find("Nothing was made."), std::string::npos) << output.err;
    return true;
  }
  Output rehearse(std::vector<std::string> args) {
    args.insert(args.begin(), "rehearse");
    return project.run(args, 300s);
  }
  Project project;
};

TEST_F(RehearseE2eTest, TheFirstPlanMeetsEveryCriterionOnAnEmptyDatabase) {
  project.sample_plans();
  const auto before = project.full_dump();
  project.db().disconnect();
  const auto output = rehearse({"001_initial", "--branch", "template"});
  EXPECT_EQ(output.code, 0) << output.out << output.err;
  for (const auto* text :
       {"✓ additive goes forward", "✓ additive rolls back: schema and rows are as before",
        "✓ additive goes forward again: the schema is as the first time",
        "✓ going forward again brings back what was written: 100 rows of tasks", "✓ the plan rolls back as a whole",
        "✓ the plan goes forward again: the schema is identical", "criteria are met"}) {
    EXPECT_NE(output.out.find(text), std::string::npos) << text << " in " << output.out;
  }
  EXPECT_EQ(output.out.find("✗"), std::string::npos) << output.out;
  EXPECT_EQ(project.full_dump(), before);
  EXPECT_EQ(branches(), "0");
}

TEST_F(RehearseE2eTest, EverySamplePlanWithKillsAndAStopAfterEveryStep) {
  project.sample_plans();
  project.db().disconnect();
  const auto output =
      rehearse({"--writers", "--every-step", "--kill", "--branch", "template", "--report", "report.html", "--report",
                "report.md", "--report", "report.xml", "--report", "report.json"});
  EXPECT_EQ(output.code, 0) << output.out << output.err;
  EXPECT_NE(output.out.find("goes on after its process was killed in the middle"), std::string::npos) << output.out;
  EXPECT_NE(output.out.find("nothing that they were told is committed is lost"), std::string::npos) << output.out;
  EXPECT_NE(output.out.find("made to fail after each of its"), std::string::npos) << output.out;
  EXPECT_EQ(output.out.find("nothing to kill"), std::string::npos) << output.out;
  EXPECT_NE(read_file("report.html").find("</html>"), std::string::npos);
  EXPECT_NE(read_file("report.md").find("- [x] additive goes forward"), std::string::npos);
  EXPECT_NE(read_file("report.xml").find("</testsuites>"), std::string::npos);
  const auto report = boost::json::parse(read_file("report.json")).as_object();
  EXPECT_TRUE(report.at("ok").as_bool());
  EXPECT_EQ(report.at("plans").as_array().size(), 4U);
  EXPECT_EQ(branches(), "0");
}

TEST_F(RehearseE2eTest, WhileOthersAreConnectedTheDatabaseIsCopied) {
  project.sample_plans();
  ASSERT_EQ(project.run({"up", "001_initial"}).code, 0);
  project.db().exec("INSERT INTO tasks (title, user_id) SELECT 'task ' || i, 'u' FROM generate_series(1, 500) i");
  const auto refused = rehearse({"002_task_priority", "--branch", "template"});
  EXPECT_EQ(refused.code, 21) << refused.out << refused.err;
  EXPECT_NE(refused.err.find("others are connected"), std::string::npos) << refused.err;
  const auto before = project.full_dump();
  const auto output = rehearse({"002_task_priority"});
  if (is_refused_without_clients(output)) return;
  EXPECT_EQ(output.code, 0) << output.out << output.err;
  EXPECT_NE(output.out.find("on a private server"), std::string::npos) << output.out;
  EXPECT_EQ(project.full_dump(), before);
}

// A server of the test's own, where nobody else writes: its WAL stands still, and so do the counters of its rows.
TEST_F(RehearseE2eTest, TheSourceIsNeverWrittenNotEvenWhenKilled) {
  project.sample_plans();
  ServerOptions options;
  options.major = test_server_major();
  options.settings = {{"autovacuum", "off"}};
  auto server = LocalServer::start(options);
  ASSERT_TRUE(server) << server.error().text();
  PgClient maintenance(server->url());
  maintenance.exec("CREATE DATABASE app");
  project.env["DATABASE_URL"] = server->url("app");
  ASSERT_EQ(project.run({"up", "001_initial"}).code, 0);
  {
    PgClient app(server->url("app"));
    app.exec("INSERT INTO tasks (title, user_id) SELECT 'task ' || i, 'u' FROM generate_series(1, 3000) i");
    app.exec("VACUUM ANALYZE");  // reading sets hint bits no more
    app.exec("CHECKPOINT");
  }
  // What a session has counted arrives when it ends, on 14 by way of another process.
  const auto rows_touched = [&] {
    std::string last;
    for (int same = 0, looks = 0; same < 5 && looks < 100; ++looks) {
      const auto now = maintenance.value(
          "SELECT sum(tup_inserted + tup_updated + tup_deleted) FROM pg_stat_database WHERE datname = 'app'");
      same = now == last ? same + 1 : 0;
      last = now;
      std::this_thread::sleep_for(300ms);
    }
    return last;
  };
  const auto wal = [&] { return maintenance.value("SELECT pg_current_wal_insert_lsn()"); };
  const auto rows_before = rows_touched(), wal_before = wal();
  const bool can_copy = static_cast<bool>(find_clients(test_server_major()));
  if (can_copy) {
    const auto output = rehearse({"--branch", "copy", "--writers", "--kill", "--every-step"});
    EXPECT_EQ(output.code, 0) << output.out << output.err;
    auto running = project.start({"rehearse", "--sample-rows", "100", "--every-step"});
    ASSERT_TRUE(running->wait_for_output("rehearsing 002", 60s)) << running->out() << running->err();
    running->kill(SIGKILL);
    running->wait(10s);
    EXPECT_EQ(rehearse({"--clean"}).code, 0);
    // What a standby would replay of it: nothing, but for the running transactions that the server logs by itself.
    EXPECT_EQ(maintenance.value("SELECT pg_wal_lsn_diff('" + wal() + "', '" + wal_before + "') < 1024"), "t");
  }
  // By template, the branch is on the same server, and so its writes are in the same WAL. The source's are not.
  const auto output = rehearse({"--branch", "template", "--writers", "--kill", "--every-step"});
  EXPECT_EQ(output.code, 0) << output.out << output.err;
  EXPECT_EQ(rows_touched(), rows_before);
  EXPECT_EQ(maintenance.value("SELECT count(*) FROM pg_database WHERE datname ~ '^pgphase_'"), "0");
}

TEST_F(RehearseE2eTest, ASampleIsEnough) {
  project.sample_plans();
  ASSERT_EQ(project.run({"up", "001_initial"}).code, 0);
  project.db().exec("INSERT INTO tasks (title, user_id) SELECT 'task ' || i, 'u' FROM generate_series(1, 5000) i");
  const auto wrong = rehearse({"--sample-rows", "100", "--branch", "template"});
  EXPECT_EQ(wrong.code, 2) << wrong.err;
  const auto output = rehearse({"--sample-rows", "100", "--kill"});
  if (is_refused_without_clients(output)) return;
  EXPECT_EQ(output.code, 0) << output.out << output.err;
  EXPECT_NE(output.out.find("a sample of"), std::string::npos) << output.out;
  EXPECT_EQ(output.out.find("nothing to kill"), std::string::npos) << output.out;
}

TEST_F(RehearseE2eTest, TheProjectsOwnDatabaseIsNoBranchByWhateverAddress) {
  project.sample_plans();
  project.env["PGPHASE_REHEARSE_ON"] = project.db().tcp_url();
  const auto refused = rehearse({"--branch", "url", "--disposable"});
  EXPECT_EQ(refused.code, 21) << refused.out << refused.err;
  EXPECT_NE(refused.err.find("is the database of this project"), std::string::npos) << refused.err;
  EXPECT_EQ(project.db().value("SELECT to_regnamespace('pgphase') IS NULL"), "t");
}

TEST_F(RehearseE2eTest, AReportThatCannotBeWrittenIsKnownBeforeTheWork) {
  project.sample_plans();
  for (const auto* name : {"no/such/folder/r.html", "r.pdf", "migrations/"}) {
    const auto refused = rehearse({"--report", name});
    EXPECT_EQ(refused.code, 2) << refused.out << refused.err;
    EXPECT_EQ(refused.out.find("rehearsing"), std::string::npos) << refused.out;
  }
}

TEST_F(RehearseE2eTest, ADatabaseThatPgphaseDidNotMakeMustBeCalledDisposable) {
  project.sample_plans();
  TestDatabase other;
  EXPECT_EQ(rehearse({"--branch", "url"}).code, 2);
  project.env["PGPHASE_REHEARSE_ON"] = other.url();
  const auto refused = rehearse({"--branch", "url", "001_initial"});
  EXPECT_EQ(refused.code, 21) << refused.out << refused.err;
  EXPECT_EQ(other.value("SELECT to_regnamespace('pgphase') IS NULL"), "t");
  const auto output = rehearse({"--branch", "url", "--disposable", "001_initial"});
  EXPECT_EQ(output.code, 0) << output.out << output.err;
  EXPECT_EQ(other.value("SELECT to_regclass('tasks') IS NOT NULL"), "t");
  EXPECT_EQ(project.db().value("SELECT to_regclass('tasks') IS NULL"), "t");
}

TEST_F(RehearseE2eTest, WhatIsAppliedAlreadyIsRehearsedOnAnEmptyDatabase) {
  project.sample_plans();
  ASSERT_EQ(project.run({"up", "001_initial"}).code, 0);
  project.db().disconnect();
  const auto refused = rehearse({"001_initial", "--branch", "template"});
  EXPECT_EQ(refused.code, 21) << refused.out << refused.err;
  EXPECT_NE(refused.err.find("--branch empty"), std::string::npos) << refused.err;
  const auto output = rehearse({"002_task_priority", "--branch", "empty"});
  EXPECT_EQ(output.code, 0) << output.out << output.err;
  EXPECT_NE(output.out.find("applying 001_initial, which comes before"), std::string::npos) << output.out;
}

// The rehearsal is killed; what it leaves is removed by --clean, and only that.
TEST_F(RehearseE2eTest, AfterAKillNothingIsLeftOnceCleaned) {
  project.sample_plans();
  project.db().disconnect();
  auto running = project.start({"rehearse", "--branch", "template", "--every-step"});
  ASSERT_TRUE(running->wait_for_output("additive", 60s)) << running->out() << running->err();
  EXPECT_EQ(branches(), "1");
  const auto other = rehearse({"--clean"});
  EXPECT_EQ(other.code, 0) << other.err;
  EXPECT_EQ(branches(), "1") << "one that is at work was removed";
  running->kill(SIGKILL);
  running->wait(10s);
  EXPECT_EQ(rehearse({"--clean"}).code, 0);
  EXPECT_EQ(branches(), "0") << "cleaning once is enough";
}

// The folder of a private server holds a copy of the rows.
TEST_F(RehearseE2eTest, AfterAKillThePrivateServerIsGoneOnceCleaned) {
  project.sample_plans();
  auto running = project.start({"rehearse", "--branch", "empty", "--every-step"});
  ASSERT_TRUE(running->wait_for_output("additive", 60s)) << running->out() << running->err();
  // It holds the lock on that folder.
  std::string folder;
  for (const auto& open : std::filesystem::directory_iterator("/proc/" + std::to_string(running->pid()) + "/fd")) {
    std::error_code gone;
    const auto target = std::filesystem::read_symlink(open.path(), gone).string();
    if (target.find("/pgphase-pg-") != std::string::npos && std::filesystem::is_directory(target)) folder = target;
  }
  ASSERT_NE(folder, "");
  EXPECT_EQ(rehearse({"--clean"}).code, 0);
  EXPECT_TRUE(std::filesystem::exists(folder)) << "one that is at work was removed";
  running->kill(SIGKILL);
  running->wait(10s);
  EXPECT_EQ(rehearse({"--clean"}).code, 0);
  EXPECT_FALSE(std::filesystem::exists(folder));
}

TEST_F(RehearseE2eTest, CleaningNeedsNoDatabaseButOneThatIsNamedMustBeReadable) {
  project.env["DATABASE_URL"] = "";
  const auto none = rehearse({"--clean"});
  EXPECT_EQ(none.code, 0) << none.err;
  project.env["DATABASE_URL"] = "postgres://localhost:no-port/app";
  const auto unreadable = rehearse({"--clean"});
  EXPECT_EQ(unreadable.code, 2) << unreadable.out << unreadable.err;
}

// While the server still copies for a client that is gone, there is no database yet that could be removed.
TEST_F(RehearseE2eTest, AKillWhileTheServerCopiesLeavesNothingEither) {
  project.sample_plans();
  const auto name = project.db().name() + "-Q";  // must be quoted, and so must its branch
  PgClient server(test_server_url());
  server.exec("CREATE DATABASE \"" + name + "\"");
  project.env["DATABASE_URL"] = with_database(test_server_url(), name);
  PgClient(project.env["DATABASE_URL"])
      .exec(
          "CREATE TABLE large (v text); ALTER TABLE large ALTER v SET STORAGE EXTERNAL; "
          "INSERT INTO large SELECT repeat('x', 1000000) FROM generate_series(1, 200)");
  const auto copying = [&] {
    return server.value("SELECT count(*) FROM pg_stat_activity WHERE query LIKE 'CREATE DATABASE \"pgphase_rehearsal_" +
                        name + "%' AND state = 'active' AND pid <> pg_backend_pid()") != "0";
  };
  auto running = project.start({"rehearse", "--branch", "template"});
  ASSERT_TRUE(eventually(copying)) << running->out() << running->err();
  running->kill(SIGKILL);
  running->wait(10s);
  EXPECT_EQ(rehearse({"--clean"}).code, 0);
  EXPECT_FALSE(copying());
  EXPECT_EQ(server.value("SELECT count(*) FROM pg_database WHERE datname LIKE 'pgphase_rehearsal_" + name + "%'"), "0");
  server.exec("DROP DATABASE \"" + name + "\" WITH (FORCE)");
}

TEST_F(RehearseE2eTest, AnInterruptionRemovesTheBranch) {
  project.sample_plans();
  project.db().disconnect();
  auto running = project.start({"rehearse", "--branch", "template", "--every-step"});
  ASSERT_TRUE(running->wait_for_output("additive", 60s)) << running->out() << running->err();
  running->kill(SIGINT);
  EXPECT_EQ(running->wait(30s), 12) << running->out() << running->err();
  EXPECT_EQ(branches(), "0");
}

TEST_F(RehearseE2eTest, TheIncidentCardTellsWhatWasMeasured) {
  project.sample_plans();
  project.db().disconnect();
  ASSERT_EQ(rehearse({"001_initial", "002_task_priority"}).code, 0);
  ASSERT_EQ(project.run({"up", "001_initial"}).code, 0);
  project.run({"up", "002_task_priority"});  // ends at its gate
  const auto status = project.run({"status"});
  EXPECT_NE(status.out.find("rehearsed"), std::string::npos) << status.out;
  EXPECT_NE(status.out.find("with every criterion met"), std::string::npos) << status.out;
}

}  // namespace
}  // namespace pgphase::testing
