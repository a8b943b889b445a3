// What a role may do that does not own the ledger: look, ask, or neither, and what it is told then.
#include <gmock/gmock.h>

#include "tests/e2e/fixture.hpp"

namespace pgphase::testing {
namespace {

using ::testing::HasSubstr;

// Roles belong to the whole server: one for each database, dropped with the test.
class RightsE2eTest : public ::testing::Test {
 protected:
  RightsE2eTest() : role(project.db().name() + "_reader") {
    project.sample_plans();
    project.db().exec("CREATE ROLE " + role);
    project.file("pgphase.toml", "role = \"" + role + "\"\n");
  }
  ~RightsE2eTest() override {
    project.db().exec("DROP OWNED BY " + role);
    project.db().exec("DROP ROLE " + role);
  }
  Output as_owner(std::vector<std::string> args) {
    args.emplace_back("--role=");
    args.back() += project.db().value("SELECT current_user");
    return project.run(args);
  }

  Project project;
  std::string role;
};

TEST_F(RightsE2eTest, ARoleWithoutRightsIsToldWhichOnesItNeeds) {
  ASSERT_EQ(as_owner({"up"}).code, 10);
  for (const std::string command : {"status", "current", "history", "pause"}) {
    const auto refused = project.run({command});
    EXPECT_EQ(refused.code, 21) << command << refused.err;
    EXPECT_THAT(refused.err, HasSubstr("may not read the ledger")) << command;
    EXPECT_THAT(refused.err, HasSubstr("GRANT USAGE ON SCHEMA pgphase TO " + role)) << command;
  }
}

TEST_F(RightsE2eTest, TheGrantsOfTheManualAreEnoughToLookAndToAsk) {
  ASSERT_EQ(as_owner({"up"}).code, 10);
  project.db().exec("GRANT USAGE ON SCHEMA pgphase TO " + role + "; GRANT SELECT ON ALL TABLES IN SCHEMA pgphase TO " +
                    role);
  EXPECT_EQ(project.run({"status"}).code, 0);
  const std::vector<std::string> approve{"approve", "002_task_priority", "--phase", "constraint"};
  const auto refused = project.run(approve);
  EXPECT_EQ(refused.code, 21) << refused.err;
  EXPECT_THAT(refused.err, HasSubstr("GRANT INSERT, UPDATE ON pgphase.request TO " + role));

  project.db().exec("GRANT INSERT, UPDATE ON pgphase.request TO " + role + "; GRANT INSERT ON pgphase.event TO " +
                    role);
  for (const auto& args : {approve, std::vector<std::string>{"pause"}, std::vector<std::string>{"resume"}}) {
    const auto done = project.run(args);
    EXPECT_EQ(done.code, 0) << args[0] << done.err;
  }
}

}  // namespace
}  // namespace pgphase::testing
