#include "phases/postgres/password_command.hpp"

#include <gtest/gtest.h>
#include <unistd.h>

#include <filesystem>
#include <fstream>
#include <thread>

namespace pgphase {
namespace {

using namespace std::chrono_literals;

Result<std::string> shell(const std::string& script, std::chrono::milliseconds deadline = 10s) {
  return run_password_command({"sh", "-c", script}, deadline);
}

// As in /proc: one letter, or "gone".
std::string state_of(pid_t pid) {
  std::ifstream status("/proc/" + std::to_string(pid) + "/stat");
  std::string id;
  std::string name;
  std::string state = "gone";
  status >> id >> name >> state;
  return state;
}

TEST(PasswordCommand, GivesTheFirstLineOfStdout) {
  EXPECT_EQ(shell("printf 'pa ss\\r\\nsecond'").value(), "pa ss");
  EXPECT_EQ(shell("printf 'no newline'").value(), "no newline");
  EXPECT_EQ(shell("echo noise >&2; echo pw").value(), "pw");
}

TEST(PasswordCommand, UsesNoShell) {
  EXPECT_EQ(run_password_command({"echo", "$HOME; echo `id`"}).value(), "$HOME; echo `id`");
}

TEST(PasswordCommand, HasNoInput) {
  EXPECT_EQ(shell("read line; echo \"got:$line\"").value(), "got:");
}

TEST(PasswordCommand, ReportsFailureWithoutArgumentsOrOutput) {
  for (const auto& result : {shell("echo s3cret; exit 3"), shell("echo s3cret >&2; exit 1"),
                             shell("kill -9 $$ # s3cret"), shell("true # s3cret"), shell("printf '\\ns3cret'"),
                             shell("printf 's3cret\\0x'"), run_password_command({"/nonexistent/command", "s3cret"})}) {
    ASSERT_FALSE(result);
    EXPECT_EQ(result.error().code, Errc::unreachable);
    EXPECT_EQ(result.error().text().find("s3cret"), std::string::npos) << result.error().text();
  }
  EXPECT_NE(shell("exit 3").error().message.find("exit code 3"), std::string::npos);
  EXPECT_FALSE(run_password_command({}));
}

TEST(PasswordCommand, IsKilledWithItsChildrenAtTheDeadline) {
  const auto file = std::filesystem::temp_directory_path() / ("pgphase-pwcmd-" + std::to_string(::getpid()));
  const auto begin = std::chrono::steady_clock::now();
  const auto result = shell("sleep 60 & echo $! > " + file.string() + "; wait", 300ms);
  EXPECT_LT(std::chrono::steady_clock::now() - begin, 5s);
  ASSERT_FALSE(result);
  EXPECT_NE(result.error().message.find("300ms"), std::string::npos);

  pid_t grandchild = 0;
  std::ifstream(file) >> grandchild;
  std::filesystem::remove(file);
  ASSERT_GT(grandchild, 0);
  // The signal is sent; the grandchild dies soon, and may stay a zombie until its new parent looks.
  std::string state;
  for (int tries = 0; tries < 500; ++tries) {
    state = state_of(grandchild);
    if (state == "gone" || state == "Z" || state == "X") return;
    std::this_thread::sleep_for(10ms);
  }
  FAIL() << "still in state " << state;
}

TEST(PasswordCommand, DoesNotWaitForADaemonThatKeepsTheOutputOpen) {
  const auto begin = std::chrono::steady_clock::now();
  EXPECT_EQ(shell("sleep 3 & echo pw").value(), "pw");
  EXPECT_LT(std::chrono::steady_clock::now() - begin, 2s);
}

TEST(PasswordCommand, StopsACommandThatPrintsWithoutEnd) {
  const auto result = shell("yes");
  ASSERT_FALSE(result);
  EXPECT_NE(result.error().message.find("64 KiB"), std::string::npos);
}

}  // namespace
}  // namespace pgphase
