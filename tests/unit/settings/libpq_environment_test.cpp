#include "orchestrator/settings/libpq_environment.hpp"

#include <gtest/gtest.h>

namespace pgphase {
namespace {

ConnInfo completed(const std::string& text, const Environment& environment) {
  return with_libpq_environment(*parse_conninfo(text), environment, "ada");
}

const Environment k_all = {
    {"PGHOST", "db"}, {"PGPORT", "5999"}, {"PGUSER", "alice"}, {"PGDATABASE", "lbl"}, {"PGHOSTADDR", ""}};

TEST(LibpqEnvironment, FillsInWhatTheStringLeavesOut) {
  const auto connection = completed("postgresql://postgres@127.0.0.1", k_all);
  EXPECT_EQ(connection.display(), "lbl on 127.0.0.1:5999 as postgres");
  EXPECT_EQ(connection.get("dbname"), "lbl");
  EXPECT_EQ(completed("sslmode=disable", k_all).display(), "lbl on db:5999 as alice");
}

TEST(LibpqEnvironment, LeavesAloneWhatTheStringSays) {
  EXPECT_EQ(completed("postgresql://bob@h:5433/app", k_all).display(), "app on h:5433 as bob");
}

TEST(LibpqEnvironment, NamesTheDatabaseLikeTheUserWhenNothingElseDoes) {
  EXPECT_EQ(completed("postgresql://bob@h", {}).get("dbname"), "bob");
  EXPECT_EQ(completed("host=h", {{"PGUSER", "eve"}}).get("dbname"), "eve");
  EXPECT_EQ(completed("host=h dbname=''", {{"PGDATABASE", "lbl"}}).get("dbname"), "ada");
  EXPECT_EQ(completed("host=h", {{"PGDATABASE", ""}}).get("dbname"), "ada");
}

TEST(LibpqEnvironment, PutsNothingBeforeAService) {
  EXPECT_EQ(completed("service=prod", k_all).display(), "service prod");
  const auto connection = completed("postgresql://bob@h", {{"PGSERVICE", "prod"}, {"PGDATABASE", "lbl"}});
  EXPECT_EQ(connection.get("service"), "prod");
  EXPECT_FALSE(connection.has("dbname"));
}

}  // namespace
}  // namespace pgphase
