// The sync triggers beside what makes other writers different: types, roles, search paths, replication, triggers of the
// user's, and the plan's own backfill.
#include <fmt/format.h>

#include "tests/pg/sync_fixture.hpp"

namespace pgphase::testing {
namespace {

// What citext is: text whose = is blind to case. Made here, because not every server has the extension.
constexpr const char* k_case_blind = R"sql(
CREATE TYPE caseless;
CREATE FUNCTION caseless_in(cstring) RETURNS caseless LANGUAGE internal STRICT IMMUTABLE AS 'textin';
CREATE FUNCTION caseless_out(caseless) RETURNS cstring LANGUAGE internal STRICT IMMUTABLE AS 'textout';
CREATE TYPE caseless (INPUT = caseless_in, OUTPUT = caseless_out, LIKE = text, CATEGORY = 'S', COLLATABLE = true);
CREATE CAST (caseless AS text) WITHOUT FUNCTION AS IMPLICIT;
CREATE CAST (text AS caseless) WITHOUT FUNCTION AS ASSIGNMENT;
CREATE FUNCTION caseless_eq(caseless, caseless) RETURNS boolean LANGUAGE sql IMMUTABLE
  AS 'SELECT lower($1::text) = lower($2::text)';
CREATE FUNCTION caseless_cmp(caseless, caseless) RETURNS integer LANGUAGE sql IMMUTABLE
  AS 'SELECT bttextcmp(lower($1::text), lower($2::text))';
CREATE OPERATOR = (LEFTARG = caseless, RIGHTARG = caseless, FUNCTION = caseless_eq);
CREATE OPERATOR CLASS caseless_ops DEFAULT FOR TYPE caseless USING btree
  AS OPERATOR 3 =, FUNCTION 1 caseless_cmp(caseless, caseless);
CREATE TABLE people (id serial PRIMARY KEY, email caseless, address text);
)sql";

TEST_F(SyncFunctionPgTest, AChangeOfCaseInCitextIsAChange) {
  db.exec(k_case_blind);
  auto same = lower_case();
  same.sources[0].type = "public.caseless";
  same.targets[0].expression = "email";
  link({same});
  db.exec("INSERT INTO people (email) VALUES ('ann')");
  db.exec("UPDATE people SET email = 'ANN'");
  EXPECT_EQ(db.value("SELECT address FROM people"), "ANN");
  EXPECT_EQ(db.value("SELECT 'ann'::caseless IS DISTINCT FROM 'ANN'::caseless"), "f") << "what must not be asked";
}

TEST_F(SyncFunctionPgTest, AChangeOfScaleInNumericIsAChange) {
  db.exec("CREATE TABLE people (id serial PRIMARY KEY, email numeric, address text)");
  auto words = lower_case();
  words.sources = {{"email", "numeric", "address::numeric", ""}};
  words.targets = {{"address", "text", "email::text", ""}};
  link({words});
  db.exec("INSERT INTO people (email) VALUES (1.0)");
  db.exec("UPDATE people SET email = 1.00");
  EXPECT_EQ(db.value("SELECT address FROM people"), "1.00");
  db.exec("UPDATE people SET address = '1.000'");
  EXPECT_EQ(db.value("SELECT email FROM people"), "1.000");
}

TEST_F(SyncFunctionPgTest, NeitherTheSearchPathNorTheRoleOfAWriterMakesADifference) {
  const auto role = "writer_of_" + db.name();
  db.exec(k_people);
  db.exec(fmt::format(
      "CREATE FUNCTION tidy(text) RETURNS text LANGUAGE sql IMMUTABLE AS 'SELECT lower($1)'; CREATE SCHEMA other;"
      "CREATE FUNCTION other.tidy(text) RETURNS text LANGUAGE sql AS 'SELECT ''of another schema''';"
      "CREATE FUNCTION other.lower(text) RETURNS text LANGUAGE sql AS 'SELECT ''of another schema''';"
      "CREATE ROLE \"{0}\"; GRANT SELECT, INSERT, UPDATE ON people TO \"{0}\";"
      "GRANT USAGE ON SEQUENCE people_id_seq TO \"{0}\"; GRANT USAGE ON SCHEMA other TO \"{0}\"",
      role));
  auto tidy = lower_case();
  tidy.targets[0].expression = "lower(tidy(email))";
  link({tidy});
  auto writer = db.client();
  writer.exec(fmt::format("SET ROLE \"{}\"; SET search_path = other, pg_catalog", role));
  writer.exec("INSERT INTO public.people (email) VALUES ('Ann')");
  EXPECT_EQ(row(), "Ann|ann");
  writer.exec("UPDATE public.people SET address = 'bob'");
  EXPECT_EQ(row(), "bob|bob");
  db.exec(fmt::format("DROP OWNED BY \"{0}\"; DROP ROLE \"{0}\"", role));
}

TEST_F(SyncFunctionPgTest, RowsThatReplicationAppliesAreInStepToo) {
  db.exec(k_people);
  link({lower_case()});
  auto apply = db.client();
  apply.exec("SET session_replication_role = replica; INSERT INTO people (email) VALUES ('Ann')");
  EXPECT_EQ(row(), "Ann|ann");
  apply.exec("UPDATE people SET email = 'Bob'");
  EXPECT_EQ(row(), "Bob|bob");
}

TEST_F(SyncFunctionPgTest, AUsersTriggerOfWhateverNameSeesBothSides) {
  for (const auto* name : {"\"\"\"\"", "\"0\"", "aaa", "zzz"}) {
    db.exec("DROP TABLE IF EXISTS people, seen CASCADE");
    db.exec(k_people);
    db.exec("CREATE TABLE seen (what text)");
    link({lower_case()});
    db.exec(fmt::format(
        "CREATE OR REPLACE FUNCTION note() RETURNS trigger LANGUAGE plpgsql AS 'BEGIN INSERT INTO public.seen VALUES "
        "(concat_ws(''|'', NEW.email, NEW.address)); RETURN NEW; END';"
        "CREATE TRIGGER {} BEFORE INSERT OR UPDATE ON people FOR EACH ROW EXECUTE FUNCTION note()",
        name));
    db.exec("INSERT INTO people (email) VALUES ('Ann'); UPDATE people SET address = 'bob'");
    EXPECT_EQ(db.value("SELECT string_agg(what, ' ') FROM seen"), "Ann|ann bob|bob") << name;
  }
}

TEST_F(SyncFunctionPgTest, WhatAUsersTriggerMakesOfEitherSideIsInTheOther) {
  db.exec(k_people);
  link({lower_case()});
  db.exec(
      "CREATE FUNCTION fix() RETURNS trigger LANGUAGE plpgsql AS 'BEGIN IF NEW.n = 1 THEN NEW.email := ''By Trigger''; "
      "ELSIF NEW.n = 2 THEN NEW.address := ''by trigger too''; END IF; RETURN NEW; END';"
      "CREATE TRIGGER fix BEFORE INSERT OR UPDATE ON people FOR EACH ROW EXECUTE FUNCTION fix()");
  EXPECT_EQ(after("INSERT INTO people (email, n) VALUES ('Ann', 1)"), "By Trigger|by trigger");
  EXPECT_EQ(after("UPDATE people SET n = 2"), "by trigger too|by trigger too");
}

// The flag counts at the depth of the backfill's own statement only.
TEST_F(SyncFunctionPgTest, ATriggerOfTheUsersThatWritesWithinABackfillIsTheApplication) {
  db.exec(k_people);
  db.exec("INSERT INTO people (email) VALUES ('ANN'), ('BOB')");
  link({lower_case()});
  db.exec(
      "CREATE FUNCTION touch_others() RETURNS trigger LANGUAGE plpgsql AS 'BEGIN IF pg_trigger_depth() = 1 THEN UPDATE "
      "people SET address = ''written by the application'' WHERE id = 2; END IF; RETURN NEW; END';"
      "CREATE TRIGGER touch_others BEFORE UPDATE ON people FOR EACH ROW WHEN (OLD.id = 1) EXECUTE FUNCTION "
      "touch_others()");
  db.exec("BEGIN; SET LOCAL pgphase.backfill = '1'; UPDATE people SET address = lower(email) WHERE id = 1; COMMIT");
  EXPECT_EQ(db.value("SELECT string_agg(email || '|' || address, ' ' ORDER BY id) FROM people"),
            "ANN|ann written by the application|written by the application");
}

TEST_F(SyncFunctionPgTest, TheBackfillOfAnotherLinkIsNoBackfillOfThisOne) {
  db.exec(k_people);
  db.exec("INSERT INTO people (email) VALUES ('ANN')");
  link({lower_case()});
  db.exec("BEGIN; SET LOCAL pgphase.backfill = '2'; UPDATE people SET address = 'bob'; COMMIT");
  EXPECT_EQ(row(), "bob|bob");
  db.exec("UPDATE people SET address = 'cat'");
  EXPECT_EQ(row(), "cat|cat") << "the flag is the transaction's";
}

// What the row of EXCLUDED holds in a column that the statement leaves out: what foresight warns of.
TEST_F(SyncFunctionPgTest, TheExcludedRowOfAnUpsertHasBeenThroughTheTrigger) {
  db.exec("CREATE TABLE people (id serial PRIMARY KEY, email text DEFAULT 'NONE', address text)");
  auto by_default = lower_case();
  by_default.sources[0].default_sql = "'NONE'::text";
  link({by_default});
  db.exec("INSERT INTO people (id, address) VALUES (1, 'ann')");
  EXPECT_EQ(after("INSERT INTO people (id, address) VALUES (1, NULL) ON CONFLICT (id) DO UPDATE SET address = "
                  "excluded.address"),
            "none|none");
}

}  // namespace
}  // namespace pgphase::testing
