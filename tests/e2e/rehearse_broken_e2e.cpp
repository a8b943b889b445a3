// Plans whose way back is not the way back: the rehearsal fails each, exit 42, and names what differs.
#include "tests/e2e/fixture.hpp"
#include "tests/support/server.hpp"

namespace pgphase::testing {
namespace {

using namespace std::chrono_literals;

struct Broken {
  const char* name;
  const char* phase;
  const char* sql;       // TOML: a string or a list
  const char* rollback;  // likewise
  std::vector<std::string> says;
};

void PrintTo(const Broken& broken, std::ostream* out) {
  *out << broken.name;
}

constexpr const char* k_schema = R"sql(
CREATE ROLE %ROLE% NOLOGIN;
CREATE TYPE mood AS ENUM ('ok', 'sad');
CREATE TABLE items (id serial PRIMARY KEY, n integer DEFAULT 5, name text, feeling mood, price numeric(10,2));
INSERT INTO items (n, name, feeling, price) SELECT i, 'item ' || i, 'ok', i FROM generate_series(1, 50) i;
CREATE FUNCTION touched() RETURNS trigger LANGUAGE plpgsql AS 'BEGIN RETURN NEW; END';
CREATE VIEW cheap AS SELECT id FROM items WHERE price < 10;
CREATE INDEX items_name ON items (name);
GRANT SELECT ON items TO %ROLE%;
)sql";

std::vector<Broken> broken_plans() {
  return {
      {"EmptyRollback", "additive", "'ALTER TABLE items ADD COLUMN a int'", "'SELECT 1'", {"column items.a"}},
      {"ForgetsAnIndex",
       "additive",
       "['ALTER TABLE items ADD COLUMN a int', 'CREATE INDEX CONCURRENTLY items_n ON items (n)']",
       "'ALTER TABLE items DROP COLUMN a'",
       {"index", "items_n"}},
      {"LeavesATable", "additive", "'CREATE TABLE more (id int)'", "'SELECT 1'", {"table more"}},
      {"LeavesAnEnum", "additive", "\"CREATE TYPE colour AS ENUM ('red')\"", "'SELECT 1'", {"colour"}},
      {"LeavesAnEnumsLabel", "additive", "\"ALTER TYPE mood ADD VALUE 'new'\"", "'SELECT 1'", {"mood", "new"}},
      {"ChangesADefault",
       "additive",
       "'ALTER TABLE items ALTER COLUMN n SET DEFAULT 6'",
       "'ALTER TABLE items ALTER COLUMN n SET DEFAULT 7'",
       {"items.n", "default", "5", "7"}},
      {"LosesAGrant",
       "additive",
       "'GRANT UPDATE ON items TO %ROLE%'",
       "'REVOKE ALL ON items FROM %ROLE%'",
       {"items", "SELECT"}},
      {"LeavesAComment",
       "additive",
       "\"COMMENT ON TABLE items IS 'new words'\"",
       "'SELECT 1'",
       {"comment", "new words"}},
      {"ChangesRows", "backfill", "'UPDATE items SET n = n + 1'", "'SELECT 1'", {"rows of items differ"}},
      {"DeletesRows",
       "additive",
       "'CREATE VIEW v AS SELECT 1 AS one'",
       "['DROP VIEW v', 'DELETE FROM items WHERE id = 1']",
       {"rows of items differ", "50 rows before, 49 now"}},
      {"LeavesATrigger",
       "additive",
       "'CREATE TRIGGER t BEFORE UPDATE ON items FOR EACH ROW EXECUTE FUNCTION touched()'",
       "'SELECT 1'",
       {"trigger"}},
      {"DisownsASequence",
       "additive",
       "'ALTER SEQUENCE items_id_seq OWNED BY NONE'",
       "'SELECT 1'",
       {"items_id_seq", "owned"}},
      {"ChangesASequence",
       "additive",
       "'ALTER SEQUENCE items_id_seq INCREMENT BY 10'",
       "'SELECT 1'",
       {"items_id_seq", "increment"}},
      {"SetsASequenceBack",
       "additive",
       "'ALTER SEQUENCE items_id_seq RESTART'",
       "'SELECT 1'\nallow = { restart-sequence = 'a test' }",
       {"items_id_seq", "has gone back from 50 to its start"}},
      {"LeavesAView", "additive", "'CREATE VIEW v AS SELECT 1 AS one'", "'SELECT 1'", {"view v"}},
      {"ChangesAView",
       "additive",
       "'CREATE OR REPLACE VIEW cheap AS SELECT id FROM items WHERE price < 20'",
       "'CREATE OR REPLACE VIEW cheap AS SELECT id FROM items WHERE price < 30'",
       {"cheap"}},
      {"ChangesAFunction",
       "additive",
       "\"CREATE OR REPLACE FUNCTION touched() RETURNS trigger LANGUAGE plpgsql AS 'BEGIN RETURN OLD; END'\"",
       "'SELECT 1'",
       {"touched"}},
      {"LeavesAConstraint",
       "constraint",
       "'ALTER TABLE items ADD CONSTRAINT positive CHECK (n > 0) NOT VALID'",
       "'SELECT 1'",
       {"positive"}},
      {"LeavesAConstraintValidated",
       "constraint",
       "['ALTER TABLE items ADD CONSTRAINT positive CHECK (n > 0) NOT VALID', 'ALTER TABLE items VALIDATE CONSTRAINT "
       "positive']",
       "['SELECT 1', 'SELECT 1']",
       {"positive"}},
      {"LeavesAPolicy", "additive", "'CREATE POLICY p ON items USING (true)'", "'SELECT 1'", {"policy"}},
      {"LeavesRowSecurity",
       "constraint",
       "'ALTER TABLE items ENABLE ROW LEVEL SECURITY'",
       "'SELECT 1'",
       {"items", "row"}},
      {"ChangesTheOwner", "constraint", "'ALTER TABLE items OWNER TO %ROLE%'", "'SELECT 1'", {"owner"}},
      {"ChangesStorageSettings", "additive", "'ALTER TABLE items SET (fillfactor = 70)'", "'SELECT 1'", {"fillfactor"}},
      {"ChangesAStatisticsTarget",
       "additive",
       "'ALTER TABLE items ALTER COLUMN n SET STATISTICS 500'",
       "'SELECT 1'",
       {"items.n", "500"}},
      {"DropsTooMuch",
       "additive",
       "'ALTER TABLE items ADD COLUMN a int'",
       "['ALTER TABLE items DROP COLUMN a', 'ALTER TABLE items DROP COLUMN name']",
       {"column items.name is missing"}},
      {"LeavesAPublication",
       "additive",
       "'CREATE PUBLICATION %ROLE%_p FOR TABLE items'",
       "'SELECT 1'",
       {"publication"}},
      {"RollbackThatFails", "additive", "'CREATE VIEW v AS SELECT 1 AS one'", "'DROP VIEW other'", {"other"}},
      {"RollbackThatLosesWhatWasWritten",
       "additive",
       "'ALTER TABLE items ADD COLUMN a int'",
       "'ALTER TABLE items DROP COLUMN a'",
       {"brings back what was written", "rows of items differ"}},
      {"AStepThatFails",
       "additive",
       "'CREATE VIEW v AS SELECT no_such_function()'",
       "'DROP VIEW v'",
       {"no_such_function"}},
  };
}

class BrokenRollbackE2eTest : public ::testing::TestWithParam<Broken> {
 protected:
  BrokenRollbackE2eTest() { project.db().exec(with_role(k_schema)); }
  ~BrokenRollbackE2eTest() override {
    try {
      project.db().exec(with_role("DROP OWNED BY %ROLE% CASCADE; DROP ROLE %ROLE%"));
    } catch (const PgError& error) {
      ADD_FAILURE() << error.what();
    }
  }
  // Roles belong to the whole server.
  std::string with_role(std::string text) {
    for (auto at = text.find("%ROLE%"); at != std::string::npos; at = text.find("%ROLE%")) {
      text.replace(at, 6, "r_" + project.db().name());
    }
    return text;
  }
  Project project;
};

TEST_P(BrokenRollbackE2eTest, IsNamedAndEndsWith42) {
  const auto& broken = GetParam();
  project.plan("001_broken", with_role(std::string("format = 1\n[[") + broken.phase + "]]\nname = \"s\"\nsql = " +
                                       broken.sql + "\nrollback = " + broken.rollback + "\n"));
  project.env["PGPHASE_REHEARSE_ON"] = project.db().url();
  project.env["DATABASE_URL"] = test_server_url();  // the project's own database is no branch
  const auto output = project.run({"rehearse", "--branch", "url", "--disposable"}, 120s);
  EXPECT_EQ(output.code, 42) << output.out << output.err;
  EXPECT_NE(output.out.find("✗"), std::string::npos) << output.out;
  for (const auto& text : broken.says)
    EXPECT_NE(output.out.find(text), std::string::npos) << text << " in " << output.out;
}

INSTANTIATE_TEST_SUITE_P(Plans, BrokenRollbackE2eTest, ::testing::ValuesIn(broken_plans()),
                         [](const auto& instance) { return std::string(instance.param.name); });

}  // namespace
}  // namespace pgphase::testing
