// "Certainly empty" is asked so that nothing can hide a row: no older snapshot, no row security.
#include <fmt/format.h>

#include "tests/pg/retire_fixture.hpp"
#include "tests/support/process.hpp"

namespace pgphase::testing {
namespace {

using ::testing::StartsWith;

class EmptinessPgTest : public RetirePgTest {
 protected:
  // Somebody's transaction that commits a write only when we already wait for its lock.
  void written_while_we_wait(const std::string& statement, const std::string& table) {
    writer_ = std::make_unique<AsyncStatement>(db_.url(), "BEGIN; " + statement + "; SELECT pg_sleep(0.6); COMMIT");
    ASSERT_TRUE(eventually([&] {
      return db_.value(fmt::format(
                 "SELECT count(*) FROM pg_locks WHERE relation = '{}'::regclass AND mode = 'RowExclusiveLock'",
                 table)) == "1";
    }));
  }
  // Both sessions of the code under test begin anew with what the database says then.
  void database_setting(const std::string& setting) {
    db_.exec(fmt::format("ALTER DATABASE \"{}\" SET {}", db_.name(), setting));
    session_ = open_session();
  }

  std::unique_ptr<AsyncStatement> writer_;
};

// A snapshot from before the lock did not see the row that was committed meanwhile, and the table was dropped with it.
TEST_F(EmptinessPgTest, NoRowIsDroppedWhereTheDatabaseSaysRepeatableRead) {
  database_setting("default_transaction_isolation = 'repeatable read'");
  limits_.timeout = std::chrono::milliseconds(900);
  const auto things = table("things", "id integer");
  forward(things);
  written_while_we_wait("INSERT INTO things VALUES (42)", "things");
  EXPECT_THAT(back(things), StartsWith("retired as "));
  forward(things);
  EXPECT_EQ(db_.value("SELECT id FROM things"), "42");
}

TEST_F(EmptinessPgTest, NoValueIsDroppedWhereTheDatabaseSaysRepeatableRead) {
  database_setting("default_transaction_isolation = 'serializable'");
  limits_.timeout = std::chrono::milliseconds(900);
  db_.exec("CREATE TABLE things (id integer); INSERT INTO things VALUES (1)");
  const auto note = column("things", "note", "text");
  forward(note);
  written_while_we_wait("UPDATE things SET note = 'kept'", "things");
  EXPECT_THAT(back(note), StartsWith("retired as "));
  forward(note);
  EXPECT_EQ(db_.value("SELECT note FROM things"), "kept");
}

// As its owner we see none of the rows, and can drop it all the same.
class RowSecurityPgTest : public RetirePgTest {
 protected:
  RowSecurityPgTest() : role_("owner_of_" + db_.name()) {
    db_.exec(fmt::format(
        "CREATE ROLE \"{0}\"; GRANT ALL ON SCHEMA public, pgphase TO \"{0}\"; GRANT CREATE ON DATABASE \"{1}\" TO "
        "\"{0}\";"
        "GRANT ALL ON ALL TABLES IN SCHEMA pgphase TO \"{0}\"; GRANT ALL ON ALL SEQUENCES IN SCHEMA pgphase TO \"{0}\";"
        "SET ROLE \"{0}\"; CREATE TABLE things (id integer);"
        "CREATE POLICY nobody ON things USING (false) WITH CHECK (true);"
        "ALTER TABLE things ENABLE ROW LEVEL SECURITY, FORCE ROW LEVEL SECURITY; RESET ROLE",
        role_, db_.name()));
    session_ = open_session(role_);
  }
  ~RowSecurityPgTest() override {
    session_.reset();
    db_.exec(fmt::format("DROP OWNED BY \"{0}\" CASCADE; DROP ROLE \"{0}\"", role_));
  }
  std::string role_;
};

TEST_F(RowSecurityPgTest, NoValueIsDroppedThatRowSecurityHidesFromUs) {
  const auto note = column("things", "note", "text");
  forward(note);
  db_.exec("INSERT INTO things VALUES (1, 'kept')");
  EXPECT_FALSE(session_->query("SELECT FROM things")) << "an error, and not a table without rows";
  EXPECT_THAT(back(note), StartsWith("retired as "));
  forward(note);
  EXPECT_EQ(db_.value("SELECT note FROM things"), "kept");
}

TEST_F(RowSecurityPgTest, NoLinkedColumnIsDroppedThatRowSecurityHidesFromUs) {
  const auto twice = link("things", "id", "twice", "integer", "id * 2");
  db_.exec("ALTER TABLE things DISABLE ROW LEVEL SECURITY");
  forward(twice);
  db_.exec("INSERT INTO things VALUES (1); UPDATE things SET twice = 7; ALTER TABLE things ENABLE ROW LEVEL SECURITY");
  EXPECT_THAT(back(twice), StartsWith("retired as "));
  forward(twice);
  EXPECT_EQ(db_.value("SELECT twice FROM things"), "7");
}

}  // namespace
}  // namespace pgphase::testing
