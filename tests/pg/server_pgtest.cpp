// LocalServer and the sandbox: they start, keep others out, and leave nothing behind, however they end.
#include "phases/postgres/server.hpp"

#include <gtest/gtest.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <csignal>
#include <filesystem>
#include <fstream>
#include <thread>

#include "phases/postgres/postmaster_pid.hpp"
#include "phases/postgres/sandbox.hpp"
#include "phases/postgres/server_folder.hpp"
#include "tests/support/database.hpp"
#include "tests/support/process.hpp"
#include "tests/support/temp_dir.hpp"

namespace pgphase::testing {
namespace {

namespace fs = std::filesystem;

LocalServer start_or_throw(const ServerOptions& options = {}) {
  auto server = LocalServer::start(options);
  if (!server) throw std::runtime_error(server.error().text());
  return std::move(*server);
}

std::string with_password(const std::string& url, const std::string& password) {
  const auto begin = url.find("postgres:") + 9;
  return std::string(url).replace(begin, url.find('@') - begin, password);
}

TEST(LocalServerPgTest, AnswersThroughSocketAndTcpAndLeavesNothingBehind) {
  RunningServer info;
  {
    const LocalServer server = start_or_throw();
    info = server.info();
    EXPECT_TRUE(is_running(info));
    EXPECT_EQ(PgClient(server.url()).value("SHOW server_version").substr(0, info.version.size()), info.version);
    EXPECT_EQ(PgClient(server.tcp_url()).value("SELECT current_user"), "postgres");
    EXPECT_EQ(PgClient(server.url("template1")).value("SELECT current_database()"), "template1");
  }
  EXPECT_FALSE(is_running(info.process));
  EXPECT_FALSE(fs::exists(info.folder));
}

TEST(LocalServerPgTest, KeepsStrangersOut) {
  const LocalServer server = start_or_throw();
  try {
    PgClient intruder(with_password(server.tcp_url(), "wrong"));
    FAIL() << "a wrong password was accepted";
  } catch (const PgError& error) {
    EXPECT_NE(std::string(error.what()).find("password authentication failed"), std::string::npos) << error.what();
  }
  struct stat now {};
  ASSERT_EQ(::lstat(server.info().folder.c_str(), &now), 0);
  EXPECT_EQ(now.st_mode & 0777U, 0700U);
  EXPECT_FALSE(fs::exists(server.info().folder + "/password"));
  EXPECT_EQ(PgClient(server.url()).value("SHOW listen_addresses"), "127.0.0.1");
}

TEST(LocalServerPgTest, SettingsOfTheCallerWin) {
  ServerOptions options;
  options.settings = {{"max_connections", "17"}, {"application_name", "it's"}};
  options.durability = Durability::durable;
  const LocalServer server = start_or_throw(options);
  PgClient client(server.url());
  EXPECT_EQ(client.value("SHOW max_connections"), "17");
  EXPECT_EQ(client.value("SELECT reset_val FROM pg_settings WHERE name = 'fsync'"), "on");
}

TEST(LocalServerPgTest, AFailedStartTellsTheLogAndLeavesNothingBehind) {
  const TempDir parent;
  fs::permissions(parent.path(), fs::perms(0755));
  ServerOptions options;
  options.folder = parent / "server";
  options.settings = {{"shared_buffers", "no size"}};
  const auto server = LocalServer::start(options);
  ASSERT_FALSE(server);
  EXPECT_NE(server.error().text().find("invalid value for parameter \"shared_buffers\""), std::string::npos)
      << server.error().text();
  EXPECT_FALSE(fs::exists(options.folder));
}

TEST(LocalServerPgTest, RefusesAFolderThatHoldsSomething) {
  const TempDir parent;
  const auto precious = parent.write("server/precious", "data");
  ServerOptions options;
  options.folder = parent / "server";
  const auto server = LocalServer::start(options);
  ASSERT_FALSE(server);
  EXPECT_EQ(server.error().code, Errc::refused);
  EXPECT_EQ(read_file(precious), "data");
}

TEST(LocalServerPgTest, NamesTheFolderWithoutServer) {
  ServerOptions options;
  options.bin_folder = "/nonexistent/bin";
  const auto server = LocalServer::start(options);
  ASSERT_FALSE(server);
  EXPECT_NE(server.error().text().find("/nonexistent/bin"), std::string::npos);
}

TEST(LocalServerPgTest, KeepsItsDataOverACrash) {
  LocalServer server = start_or_throw();
  PgClient(server.url()).exec("CREATE TABLE kept AS SELECT 42 AS n");
  const int port = server.info().port;
  const auto restarted = server.restart(Shutdown::immediate);
  ASSERT_TRUE(restarted) << restarted.error().text();
  EXPECT_EQ(server.info().port, port);
  EXPECT_EQ(PgClient(server.tcp_url()).value("SELECT n FROM kept"), "42");
}

TEST(LocalServerPgTest, DiesWithAKilledStarterAndIsSwept) {
  int ends[2];
  ASSERT_EQ(::pipe(ends), 0);
  const pid_t starter = ::fork();
  if (starter == 0) {
    auto server = LocalServer::start();
    const std::string line =
        server ? std::to_string(server->info().process.pid) + " " + server->info().folder + "\n" : "0 none\n";
    [[maybe_unused]] const auto written = ::write(ends[1], line.data(), line.size());
    ::pause();
    ::_exit(0);
  }
  ::close(ends[1]);
  std::string line;
  for (char c = 0; ::read(ends[0], &c, 1) == 1 && c != '\n';) line += c;
  ::close(ends[0]);
  const pid_t postmaster = std::atoi(line.c_str());
  const std::string folder = line.substr(line.find(' ') + 1);
  ASSERT_GT(postmaster, 0) << line;
  sweep_dead_servers();
  EXPECT_TRUE(fs::exists(folder)) << "a server in use was swept";

  ::kill(starter, SIGKILL);
  ::waitpid(starter, nullptr, 0);
  EXPECT_TRUE(eventually([&] { return !process_id(postmaster); })) << "the server outlived its starter";
  EXPECT_TRUE(eventually([&] {
    sweep_dead_servers();
    return !fs::exists(folder);
  }));
}

class SandboxPgTest : public ::testing::Test {
 protected:
  void TearDown() override { stop_sandbox(state()); }
  std::string state() const { return folder_ / "sandbox"; }
  TempDir folder_;
};

TEST_F(SandboxPgTest, RunsOnAfterItsStarterEndedAndStopsCleanly) {
  const pid_t starter = ::fork();
  if (starter == 0) ::_exit(start_sandbox(state()) ? 0 : 1);
  int status = 1;
  ::waitpid(starter, &status, 0);
  ASSERT_EQ(status, 0);

  const auto found = find_sandbox(state());
  ASSERT_TRUE(found && *found);
  const RunningServer server = **found;
  EXPECT_EQ(PgClient(server.url()).value("SELECT 1"), "1");
  EXPECT_EQ(PgClient(server.tcp_url()).value("SELECT 1"), "1");
  struct stat now {};
  ASSERT_EQ(::lstat((state() + "/server.json").c_str(), &now), 0);
  EXPECT_EQ(now.st_mode & 0777U, 0600U) << "the password is in there";

  const auto again = start_sandbox(state());
  ASSERT_TRUE(again) << again.error().text();
  EXPECT_EQ(again->started, Sandbox::Started::earlier);
  EXPECT_EQ(again->server.process.pid, server.process.pid);

  const auto stopped = stop_sandbox(state());
  ASSERT_TRUE(stopped) << stopped.error().text();
  EXPECT_TRUE(*stopped);
  EXPECT_FALSE(is_running(server.process));
  EXPECT_FALSE(fs::exists(server.folder));
  EXPECT_FALSE(fs::exists(state()));
  const auto twice = stop_sandbox(state());
  ASSERT_TRUE(twice);
  EXPECT_FALSE(*twice);
}

TEST_F(SandboxPgTest, ReplacesAServerThatWasKilled) {
  const auto first = start_sandbox(state());
  ASSERT_TRUE(first) << first.error().text();
  ::kill(first->server.process.pid, SIGKILL);
  ASSERT_TRUE(eventually([&] {
    ::waitpid(first->server.process.pid, nullptr, WNOHANG);
    return !is_running(first->server);
  }));
  const auto found = find_sandbox(state());
  ASSERT_TRUE(found);
  EXPECT_FALSE(*found);
  const auto second = start_sandbox(state());
  ASSERT_TRUE(second) << second.error().text();
  EXPECT_EQ(second->started, Sandbox::Started::now);
  EXPECT_NE(second->server.folder, first->server.folder);
}

TEST_F(SandboxPgTest, NeverSignalsAnotherProcessWithTheSamePid) {
  Process bystander({"sleep", "60"});
  const auto started = start_sandbox(state());
  ASSERT_TRUE(started) << started.error().text();
  ASSERT_TRUE(stop_server(started->server, Shutdown::fast));
  // The state now names a pid that is somebody else's.
  const std::string file = state() + "/server.json";
  std::string text = read_file(file);
  const std::string pid = "\"pid\":" + std::to_string(started->server.process.pid);
  ASSERT_NE(text.find(pid), std::string::npos) << text;
  text.replace(text.find(pid), pid.size(), "\"pid\":" + std::to_string(bystander.pid()));
  std::ofstream(file) << text;
  const auto stopped = stop_sandbox(state());
  ASSERT_TRUE(stopped) << stopped.error().text();
  EXPECT_FALSE(*stopped);
  EXPECT_TRUE(bystander.running());
}

TEST_F(SandboxPgTest, RefusesAStateFolderThatOthersMayWrite) {
  fs::create_directory(state());
  fs::permissions(state(), fs::perms(0777));
  const auto started = start_sandbox(state());
  ASSERT_FALSE(started);
  EXPECT_EQ(started.error().code, Errc::refused);
}

}  // namespace
}  // namespace pgphase::testing
