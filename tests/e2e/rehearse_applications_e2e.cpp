// Rehearsals of the databases that applications really have: triggers, audit trails, cycles of foreign keys. Right
// plans pass, wrong ones do not, and nothing reaches beyond the branch.
#include "phases/branch/clients.hpp"
#include "tests/e2e/fixture.hpp"
#include "tests/support/server.hpp"

namespace pgphase::testing {
namespace {

using namespace std::chrono_literals;

class RehearseApplicationsE2eTest : public ::testing::Test {
 protected:
  Output rehearse(const std::vector<std::string>& more = {"--writers", "--kill", "--every-step", "--branch",
                                                          "template"}) {
    std::vector<std::string> args{"rehearse"};
    args.insert(args.end(), more.begin(), more.end());
    project.db().disconnect();
    return project.run(args, 300s);
  }
  void expect_met() {
    const auto output = rehearse();
    EXPECT_EQ(output.code, 0) << output.out << output.err;
  }
  void expect_found(const std::string& what) {
    const auto output = rehearse();
    EXPECT_EQ(output.code, 42) << output.out << output.err;
    EXPECT_NE(output.out.find(what), std::string::npos) << output.out << output.err;
  }
  Project project;
};

constexpr const char* k_audited = R"sql(
CREATE TABLE o (id serial PRIMARY KEY, v text, updated_at timestamptz NOT NULL DEFAULT now());
CREATE TABLE trail (id serial PRIMARY KEY, o int, at timestamptz DEFAULT clock_timestamp());
CREATE FUNCTION touch() RETURNS trigger LANGUAGE plpgsql AS $$BEGIN NEW.updated_at := clock_timestamp(); RETURN NEW; END$$;
CREATE FUNCTION audit() RETURNS trigger LANGUAGE plpgsql AS $$
  BEGIN INSERT INTO trail (o) VALUES (coalesce(NEW.id, OLD.id)); RETURN NULL; END$$;
CREATE TRIGGER touch BEFORE UPDATE ON o FOR EACH ROW EXECUTE FUNCTION touch();
CREATE TRIGGER audit AFTER INSERT OR UPDATE OR DELETE ON o FOR EACH ROW EXECUTE FUNCTION audit();
INSERT INTO o (v) SELECT 'x' || i FROM generate_series(1, 60) i;
)sql";

TEST_F(RehearseApplicationsE2eTest, AuditTrailsAndTimesOfTheLastChangeAreNotTheRollbacksFault) {
  project.db().exec(k_audited);
  project.plan("001_c",
               "format = 1\n[[change]]\nop = \"add_column\"\ntable = \"o\"\ncolumn = \"c\"\ntype = \"text\"\n");
  project.plan(
      "002_check",
      "format = 1\nrequires = [\"001_c\"]\n[[constraint]]\nname = \"n\"\nsql = [\"ALTER TABLE o ADD CONSTRAINT ck "
      "CHECK (id > -5) NOT VALID\", \"ALTER TABLE o VALIDATE CONSTRAINT ck\"]\nrollback = \"ALTER TABLE o DROP "
      "CONSTRAINT ck\"\n");
  expect_met();
}

TEST_F(RehearseApplicationsE2eTest, AColumnThatATriggerKeepsInStep) {
  project.db().exec(
      "CREATE TABLE u (id serial PRIMARY KEY, name text);"
      "INSERT INTO u (name) SELECT 'Name ' || i FROM generate_series(1, 60) i");
  project.plan("001_lower", R"toml(format = 1
[[change]]
op = "add_column"
table = "u"
column = "lower_name"
type = "text"
[[additive]]
name = "function"
sql = "CREATE FUNCTION in_step() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN NEW.lower_name := lower(NEW.name); RETURN NEW; END $$"
rollback = "DROP FUNCTION in_step()"
[[additive]]
name = "trigger"
sql = "CREATE TRIGGER in_step BEFORE INSERT OR UPDATE ON u FOR EACH ROW EXECUTE FUNCTION in_step()"
rollback = "DROP TRIGGER in_step ON u"
)toml");
  expect_met();
}

TEST_F(RehearseApplicationsE2eTest, ForeignKeysInACycle) {
  project.db().exec(
      "CREATE TABLE a (id serial PRIMARY KEY, b int); CREATE TABLE b (id serial PRIMARY KEY, a int NOT NULL "
      "REFERENCES a); ALTER TABLE a ADD FOREIGN KEY (b) REFERENCES b");
  project.plan(
      "001_fk",
      "format = 1\n[[constraint]]\nname = \"n\"\nsql = [\"ALTER TABLE a ADD CONSTRAINT x FOREIGN KEY (b) REFERENCES b "
      "NOT VALID\", \"ALTER TABLE a VALIDATE CONSTRAINT x\"]\nrollback = \"ALTER TABLE a DROP CONSTRAINT x\"\n");
  expect_met();
}

// The author's way back takes 1 from every row, also from those that never got theirs.
TEST_F(RehearseApplicationsE2eTest, ARollbackThatIsOnlyRightForAFinishedBackfillIsFound) {
  project.db().exec(
      "CREATE TABLE p (id serial PRIMARY KEY, n int); INSERT INTO p (n) SELECT 1000 FROM generate_series(1, "
      "2000)");
  project.plan("001_more",
               "format = 1\n[[backfill]]\nname = \"more\"\ntable = \"p\"\nset = { n = \"n + 1\" }\n"
               "rollback = \"UPDATE p SET n = n - 1\"\n");
  expect_found("✗ backfill/more killed in the middle rolls back");
}

// Its only row is the one that is held: there is nothing else to wait for.
TEST_F(RehearseApplicationsE2eTest, ABackfillOfOneRowIsKilledToo) {
  project.db().exec("CREATE TABLE p (id serial PRIMARY KEY, n int); INSERT INTO p (n) VALUES (1)");
  project.plan("001_one",
               "format = 1\n[[additive]]\nname = \"k\"\nsql = \"ALTER TABLE p ADD COLUMN k int\"\nrollback = "
               "\"ALTER TABLE p DROP COLUMN k\"\n[[backfill]]\nname = \"fill\"\ntable = \"p\"\nset = { k = \"n\" }\n");
  const auto output = rehearse({"--kill", "--seed-rows", "0", "--branch", "template"});
  EXPECT_EQ(output.code, 0) << output.out << output.err;
  EXPECT_NE(output.out.find("✓ backfill/fill goes on after its process was killed"), std::string::npos) << output.out;
}

TEST_F(RehearseApplicationsE2eTest, ValuesLostBetweenBackfillsAreFound) {
  project.db().exec(
      "CREATE TABLE p (id serial PRIMARY KEY, n int); INSERT INTO p (n) SELECT i FROM generate_series(1, 60) i");
  project.plan("001_lose",
               "format = 1\n[[additive]]\nname = \"k\"\nsql = \"ALTER TABLE p ADD COLUMN k int\"\nrollback = "
               "\"ALTER TABLE p DROP COLUMN k\"\n[[backfill]]\nname = \"fill\"\ntable = \"p\"\nset = { k = \"n\" }\n");
  expect_found("✗ going forward again brings back what was written");
}

TEST_F(RehearseApplicationsE2eTest, WhatAllDatabasesShareIsNotRehearsedBesideTheSource) {
  const auto role = "r_" + project.db().name();
  project.db().exec("CREATE ROLE " + role + " LOGIN");
  project.plan("001_role", "format = 1\n[[constraint]]\nname = \"n\"\nsql = \"ALTER ROLE " + role +
                               " NOLOGIN\"\nrollback = \"ALTER ROLE " + role + " LOGIN\"\n");
  const auto refused = rehearse({"--branch", "template"});
  EXPECT_EQ(refused.code, 21) << refused.out << refused.err;
  EXPECT_NE(refused.err.find("001_role constraint/n changes what all databases"), std::string::npos) << refused.err;
  // On a private server, if there are the programs to copy with; never beside the source.
  const auto elsewhere = rehearse({});
  EXPECT_EQ(elsewhere.code, find_clients(test_server_major()) ? 0 : 21) << elsewhere.out << elsewhere.err;
  EXPECT_EQ(project.db().value("SELECT rolcanlogin FROM pg_roles WHERE rolname = '" + role + "'"), "t");
  project.db().exec("DROP ROLE " + role);
}

TEST_F(RehearseApplicationsE2eTest, ADatabaseOfThatNameThatNobodyOfUsMadeIsLeftAlone) {
  const auto name = "pgphase_rehearsal_" + project.db().name() + "_deadbeef";
  PgClient server(test_server_url());
  server.exec("CREATE DATABASE " + name);
  EXPECT_EQ(project.run({"rehearse", "--clean"}).code, 0);
  EXPECT_EQ(server.value("SELECT count(*) FROM pg_database WHERE datname = '" + name + "'"), "1");
  server.exec("DROP DATABASE " + name);
}

TEST_F(RehearseApplicationsE2eTest, ADatabaseInLatin1) {
  const auto name = project.db().name() + "_latin1";
  PgClient server(test_server_url());
  server.exec("CREATE DATABASE " + name + " TEMPLATE template0 ENCODING 'LATIN1' LC_COLLATE 'C' LC_CTYPE 'C'");
  project.sample_plans();
  project.env["DATABASE_URL"] = with_database(test_server_url(), name);
  const auto output = project.run({"rehearse", "001_initial", "--branch", "template"}, 120s);
  EXPECT_EQ(output.code, 0) << output.out << output.err;
  EXPECT_EQ(project.run({"up", "001_initial"}).code, 0);
  server.exec("DROP DATABASE " + name + " WITH (FORCE)");
}

TEST_F(RehearseApplicationsE2eTest, ABranchHasNoWayToForeignServers) {
  project.db().exec(
      "CREATE FOREIGN DATA WRAPPER w; CREATE SERVER s FOREIGN DATA WRAPPER w;"
      "CREATE USER MAPPING FOR CURRENT_USER SERVER s OPTIONS (password 'x'); CREATE USER MAPPING FOR PUBLIC SERVER s");
  project.plan("001_seen",
               "format = 1\n[[additive]]\nname = \"n\"\nsql = \"CREATE TABLE seen AS SELECT count(*) AS n FROM "
               "pg_user_mappings\"\nrollback = \"DROP TABLE seen\"\n[[constraint]]\nname = \"c\"\nsql = \"COMMENT "
               "ON TABLE seen IS NULL\"\nrollback = \"SELECT 1\"\nverify = \"SELECT n = 0 FROM seen\"\n");
  const auto output = rehearse({"--branch", "template", "--seed-rows", "0"});
  EXPECT_EQ(output.code, 0) << output.out << output.err;
  EXPECT_EQ(project.db().value("SELECT count(*) FROM pg_user_mappings"), "2");
}

}  // namespace
}  // namespace pgphase::testing
