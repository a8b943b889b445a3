// What the program meets around itself: a reader that goes away, a folder that is gone, names that nobody knows.
#include <gmock/gmock.h>

#include "tests/e2e/fixture.hpp"
#include "tests/support/paths.hpp"

namespace pgphase::testing {
namespace {

using ::testing::HasSubstr;

// `script` in bash, in the project's folder, with the program's path as $1.
Output shell(Project& project, const std::string& script) {
  ProcessOptions options;
  options.folder = project.folder().string();
  options.env = {{"DATABASE_URL", project.db().url()}};
  options.without_env = {"PGPHASE_ENV", "PGPHASE_DATABASE", "PGPHASE_PLANS"};
  return run({"bash", "-c", script, "bash", pgphase_binary().string()}, options);
}

TEST(SurroundingsE2eTest, ARunWhoseReaderIsGoneEndsAsUsualAndGivesItsLeaseBack) {
  Project project;
  project.sample_plans();
  const auto output = shell(project, "set -o pipefail; \"$1\" up | true");
  EXPECT_EQ(output.code, 10) << output.err;
  EXPECT_TRUE(project.json({"status"}).at("lease").is_null());
}

TEST(SurroundingsE2eTest, ADeletedWorkingFolderIsAUsageError) {
  Project project;
  const auto output = shell(project, "mkdir gone && cd gone && rmdir ../gone && \"$1\" status");
  EXPECT_EQ(output.code, 2) << output.err;
  EXPECT_THAT(output.err, HasSubstr("the working folder cannot be found"));
}

TEST(SurroundingsE2eTest, NamesThatNobodyKnowsAreRefusedAndMakeNoLedger) {
  Project project;
  project.sample_plans();
  for (const std::string command : {"resume", "pause"}) {
    EXPECT_EQ(project.run({command, "typo"}).code, 21) << command;
    EXPECT_EQ(project.json({"status"}).at("ledger"), boost::json::value(false)) << command;
  }
  EXPECT_EQ(project.run({"resume", "001_initial"}).code, 0);
}

TEST(SurroundingsE2eTest, UpOfAPlanThatIsDoneSaysSoOfThatPlanOnly) {
  Project project;
  project.sample_plans();
  ASSERT_EQ(project.run({"up", "001_initial"}).code, 0);
  const auto again = project.run({"up", "001_initial"});
  EXPECT_EQ(again.code, 0) << again.err;
  EXPECT_THAT(again.out, HasSubstr("nothing to do: 001_initial is done"));
}

}  // namespace
}  // namespace pgphase::testing
