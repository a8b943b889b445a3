#include "phases/postgres/postmaster_pid.hpp"

#include <gtest/gtest.h>

#include "phases/postgres/server_binaries.hpp"

namespace pgphase {
namespace {

const std::string k_complete =
    "4711\n/tmp/pgphase-pg-a/data\n1700000000\n54321\n/tmp/pgphase-pg-a\n127.0.0.1\n  1234  5678\nready   \n";

TEST(PostmasterPidTest, ReadsACompleteFile) {
  const auto file = parse_postmaster_pid(k_complete);
  ASSERT_TRUE(file);
  EXPECT_EQ(file->pid, 4711);
  EXPECT_EQ(file->data_folder, "/tmp/pgphase-pg-a/data");
  EXPECT_EQ(file->start_time, 1700000000);
  EXPECT_EQ(file->port, 54321);
  EXPECT_EQ(file->socket_folder, "/tmp/pgphase-pg-a");
  EXPECT_TRUE(file->ready());
}

TEST(PostmasterPidTest, IsNeverReadyBeforeTheLastLineIsComplete) {
  for (std::size_t length = 0; length < k_complete.size(); ++length) {
    const auto file = parse_postmaster_pid(std::string_view(k_complete).substr(0, length));
    EXPECT_FALSE(file && file->ready()) << length;
    if (file) {
      EXPECT_EQ(file->pid, 4711) << length;
    }
  }
}

TEST(PostmasterPidTest, StartingIsNotReady) {
  std::string text = k_complete;
  text.replace(text.find("ready   "), 8, "starting");
  const auto file = parse_postmaster_pid(text);
  ASSERT_TRUE(file);
  EXPECT_EQ(file->status, "starting");
  EXPECT_FALSE(file->ready());
}

TEST(PostmasterPidTest, RejectsWhatNamesNoServer) {
  EXPECT_FALSE(parse_postmaster_pid("-4711\n/data\n1700000000\n")) << "a standalone backend";
  EXPECT_FALSE(parse_postmaster_pid("1 2\n/data\n1700000000\n"));
  EXPECT_FALSE(parse_postmaster_pid("4711\n\n1700000000\n"));
  EXPECT_FALSE(parse_postmaster_pid("4711\n/data\nyesterday\n"));
}

TEST(ServerBinariesTest, TakesTheVersionFromWhatPostgresPrints) {
  EXPECT_EQ(server_version_in("postgres (PostgreSQL) 15.14 (Debian 15.14-0+deb12u1)\n"), "15.14");
  EXPECT_EQ(server_version_in("postgres (PostgreSQL) 18beta1\n"), "18beta1");
  EXPECT_EQ(server_version_in("bash: postgres: command not found\n"), "");
}

}  // namespace
}  // namespace pgphase
