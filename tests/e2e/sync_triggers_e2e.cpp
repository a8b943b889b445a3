// The triggers that keep columns in step are looked at before each phase: rows that somebody wrote while they were off
// are out of step, and nothing that relies on them goes on.
#include <gmock/gmock.h>

#include <thread>

#include "tests/e2e/fixture.hpp"
#include "tests/support/server.hpp"

namespace pgphase::testing {
namespace {

using ::testing::AllOf;
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
  const auto from = last.err.find("First `") + 7;
  project.db().exec(last.err.substr(from, last.err.find('`', from) - from));
  EXPECT_EQ(up("backfill"), 0) << last.err;
  project.db().exec("ALTER TABLE people DISABLE TRIGGER \"~pgphase_sync\"");
  EXPECT_EQ(up("constraint"), 21);
  EXPECT_EQ(project.phase_state("010_change", "constraint"), "waiting");
}

// What new code has written meanwhile may be nowhere else than in the column that would go.
TEST_F(SyncTriggersE2eTest, ARollbackAsksForAWordAndTheWayForwardMakesThemAnew) {
  ASSERT_EQ(up("backfill"), 0) << last.err;
  project.db().exec("DROP TRIGGER \"!pgphase_sync\" ON people");
  EXPECT_EQ(up("constraint"), 21);
  last = project.run({"rollback", "010_change"});
  EXPECT_EQ(last.code, 21) << last.err;
  EXPECT_THAT(last.err, AllOf(HasSubstr("the trigger !pgphase_sync of people is gone"), HasSubstr("--lose-data")));
  last = project.run({"rollback", "010_change", "--lose-data"});
  EXPECT_EQ(last.code, 0) << last.err;
  project.db().exec("ALTER TABLE people DISABLE TRIGGER ALL");
  EXPECT_EQ(up("constraint"), 0) << last.err;
  EXPECT_THAT(last.err, HasSubstr("rows that were written meanwhile may be out of step"));
  EXPECT_EQ(project.db().value("SELECT count(*) FROM people WHERE address = lower(email)"), "100");
}

TEST_F(SyncTriggersE2eTest, ARollbackOfConstraintIsAskedTooAndOneOfBackfillIsNot) {
  ASSERT_EQ(up("constraint"), 0) << last.err;
  project.db().exec(
      "ALTER TABLE people DISABLE TRIGGER ALL; UPDATE people SET address = 'new' WHERE id = 1;"
      "ALTER TABLE people ENABLE TRIGGER ALL");
  EXPECT_EQ(project.run({"rollback", "010_change", "--phase", "constraint"}).code, 21);
  EXPECT_EQ(project.run({"rollback", "010_change", "--phase", "constraint", "--lose-data"}).code, 0);
  project.db().exec("ALTER TABLE people DISABLE TRIGGER ALL");
  EXPECT_EQ(project.run({"rollback", "010_change", "--phase", "backfill"}).code, 0) << "it takes nothing back";
}

// The marks that say whose a value is come from triggers, too.
TEST_F(SyncTriggersE2eTest, ARollbackThatWouldOverwriteNewerValuesAsksForAWord) {
  project.plan("020_shout",
               "format = 1\n[[backfill]]\nname = \"shout\"\ntable = \"people\"\nset = { email = \"email || '!'\" }\n");
  ASSERT_EQ(project.run({"up", "020_shout"}).code, 0);
  project.db().exec(
      "ALTER TABLE people DISABLE TRIGGER ALL; UPDATE people SET email = 'newer' WHERE id = 1;"
      "ALTER TABLE people ENABLE TRIGGER ALL");
  last = project.run({"rollback", "020_shout"});
  EXPECT_EQ(last.code, 21);
  EXPECT_THAT(last.err, HasSubstr("what was written meanwhile would be overwritten"));
  std::vector<std::string> commands;
  for (auto from = last.err.find('`'); from != std::string::npos; from = last.err.find('`', from + 1)) {
    const auto end = last.err.find('`', from + 1);
    commands.push_back(last.err.substr(from + 1, end - from - 1));
    from = end;
  }
  ASSERT_EQ(commands.size(), 2U) << last.err;
  project.db().exec(commands[0] + "; " + commands[1] + " WHERE id = 1");
  last = project.run({"rollback", "020_shout"});
  EXPECT_EQ(last.code, 0) << last.err;
  EXPECT_EQ(project.db().value("SELECT string_agg(email, ' ' ORDER BY id) FROM people WHERE id < 4"), "newer P2 P3");
}

// The backfill sets what the triggers would, so it does without them.
class FillE2eTest : public SyncTriggersE2eTest {
 protected:
  // How often the function was called while the column was filled.
  std::string calls_of_the_fill() {
    project.db().exec(
        "DO $$ BEGIN EXECUTE format('ALTER DATABASE %I SET track_functions = pl', current_database()); END $$");
    EXPECT_EQ(up("additive"), 0) << last.err;
    EXPECT_EQ(up("backfill"), 0) << last.err;
    // A session tells what it has counted when it ends, and before 15 somebody else writes that down.
    EXPECT_TRUE(eventually([&] {
      return project.db().value("SELECT count(*) FROM pg_stat_activity WHERE datname = current_database() AND "
                                "application_name LIKE 'pgphase%'") == "0";
    }));
    if (test_server_major() < 15) std::this_thread::sleep_for(std::chrono::seconds(2));
    return project.db().value(
        "SELECT coalesce(sum(calls), 0) FROM pg_stat_user_functions WHERE schemaname = 'pgphase'");
  }
  std::string out_of_step() {
    return project.db().value("SELECT count(*) FROM people WHERE address IS DISTINCT FROM lower(email)");
  }
};

TEST_F(FillE2eTest, CallsNoTriggerOfOurs) {
  EXPECT_EQ(calls_of_the_fill(), "0");
  EXPECT_EQ(out_of_step(), "0");
  project.db().exec("UPDATE people SET email = 'New' WHERE id = 1");
  EXPECT_EQ(project.db().value("SELECT address FROM people WHERE id = 1"), "new");
}

TEST_F(FillE2eTest, CallsThemWhereATriggerOfTheUsersMayChangeTheRow) {
  project.db().exec(
      "CREATE FUNCTION renamed() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN NEW.email := 'Q' || NEW.id; RETURN NEW; "
      "END $$;"
      "CREATE TRIGGER renamed BEFORE UPDATE ON people FOR EACH ROW EXECUTE FUNCTION renamed()");
  EXPECT_EQ(calls_of_the_fill(), "200");
  EXPECT_EQ(out_of_step(), "0");
  EXPECT_EQ(project.db().value("SELECT count(*) FROM people WHERE address = 'q' || id"), "100");
}

TEST_F(FillE2eTest, CallsThemForWhatATriggerOfTheUsersWritesMeanwhile) {
  project.db().exec(
      "CREATE FUNCTION note() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN "
      "INSERT INTO people VALUES (NEW.id + 1000, 'N' || NEW.id); RETURN NULL; END $$;"
      "CREATE TRIGGER note AFTER UPDATE ON people FOR EACH ROW WHEN (NEW.id <= 1000) EXECUTE FUNCTION note()");
  EXPECT_EQ(calls_of_the_fill(), "200");
  EXPECT_EQ(out_of_step(), "0");
  EXPECT_EQ(project.db().value("SELECT count(*) FROM people"), "200");
}

// Another link reads what is filled here.
TEST_F(FillE2eTest, CallsThemWhereAnotherColumnFollows) {
  project.plan("010_change", R"toml(format = 1
[[change]]
op     = "add_column"
table  = "people"
column = "address"
type   = "text"
fill   = "lower(email)"
down   = "address"
[[change]]
op     = "add_column"
table  = "people"
column = "host"
type   = "text"
fill   = "'at ' || address"
)toml");
  EXPECT_NE(calls_of_the_fill(), "0");
  EXPECT_EQ(out_of_step(), "0");
  EXPECT_EQ(project.db().value("SELECT count(*) FROM people WHERE host IS DISTINCT FROM 'at ' || address"), "0");
}

}  // namespace
}  // namespace pgphase::testing
