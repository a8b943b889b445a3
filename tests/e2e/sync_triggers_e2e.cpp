// The triggers that keep columns in step are looked at before each phase: rows that somebody wrote while they were off
// are out of step, and nothing that relies on them goes on.
#include <gmock/gmock.h>

#include "tests/e2e/fixture.hpp"

namespace pgphase::testing {
namespace {

using ::testing::HasSubstr;

class SyncTriggersE2eTest : public ::testing::Test {
 protected:
  SyncTriggersE2eTest() {
    project.db().exec(
        "CREATE TABLE people (id integer PRIMARY KEY, email text); INSERT INTO people SELECT i, 'P' || i FROM "
        "generate_series(1, 100) i");
    project.plan("010_change", R"toml(format = 1
[[change]]
op     = "add_column"
table  = "people"
column = "address"
type   = "text"
fill   = "lower(email)"
down   = "address"
)toml");
  }
  int up(const std::string& phase) {
    last = project.run({"up", "010_change", "--through", phase, "--approve"});
    return last.code;
  }
  Project project;
  Output last;
};

TEST_F(SyncTriggersE2eTest, APhaseDoesNotBeginWhereTheyWereTurnedOffAndSaysHowToGoOn) {
  ASSERT_EQ(up("additive"), 0) << last.err;
  project.db().exec("ALTER TABLE people DISABLE TRIGGER ALL");
  EXPECT_EQ(up("backfill"), 21);
  EXPECT_THAT(last.err, HasSubstr("the trigger !pgphase_sync of people is disabled"));
  project.db().exec("ALTER TABLE people ENABLE TRIGGER ALL");
  EXPECT_EQ(up("backfill"), 21) << "they may have been off for a while";
  const auto from = last.err.find("Then `") + 6;
  project.db().exec(last.err.substr(from, last.err.find('`', from) - from));
  EXPECT_EQ(up("backfill"), 0) << last.err;
  project.db().exec("ALTER TABLE people DISABLE TRIGGER \"~pgphase_sync\"");
  EXPECT_EQ(up("constraint"), 21);
  EXPECT_EQ(project.phase_state("010_change", "constraint"), "waiting");
}

// In an incident nothing of this stands in the way.
TEST_F(SyncTriggersE2eTest, ARollbackIsNotHeldUpAndTheWayForwardMakesThemAnew) {
  ASSERT_EQ(up("backfill"), 0) << last.err;
  project.db().exec("DROP TRIGGER \"!pgphase_sync\" ON people");
  EXPECT_EQ(up("constraint"), 21);
  last = project.run({"rollback", "010_change"});
  EXPECT_EQ(last.code, 0) << last.err;
  project.db().exec("ALTER TABLE people DISABLE TRIGGER ALL");
  EXPECT_EQ(up("constraint"), 0) << last.err;
  EXPECT_THAT(last.err, HasSubstr("rows that were written meanwhile may be out of step"));
  EXPECT_EQ(project.db().value("SELECT count(*) FROM people WHERE address = lower(email)"), "100");
}

}  // namespace
}  // namespace pgphase::testing
