// Ordinary SQL becomes plans that can be read: every statement has its entry, in order, or says why not.
#include "plans/translate/translate.hpp"

#include <gmock/gmock.h>

#include "plans/split/split.hpp"

namespace pgphase {
namespace {

using ::testing::AllOf;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::Not;
using ::testing::SizeIs;

Translation translated(std::string_view sql) {
  return translate_script(sql, {"A test"});
}

// What the plans are made of: "add_column", "additive", "backfill". Each plan must be one that can be read and split.
std::vector<std::string> entries(std::string_view sql) {
  const auto translation = translated(sql);
  for (const auto& left : translation.left) ADD_FAILURE() << "line " << left.at.line << ": " << left.why;
  std::vector<std::string> out;
  for (const auto& plan : translation.plans) {
    if (&plan != &translation.plans.front()) out.emplace_back("---");
    const auto phased = read_phased_plan({"001_test"}, plan.toml, "001_test.toml");
    if (!phased) ADD_FAILURE() << render(phased.error()) << plan.toml;
    std::string_view rest = plan.toml;
    for (std::size_t at = rest.find("[["); at != std::string_view::npos; at = rest.find("\n[[", at + 1)) {
      const auto from = rest.find("[[", at) + 2;
      auto kind = std::string(rest.substr(from, rest.find("]]", from) - from));
      if (kind == "change") {
        const auto op = rest.find("op = \"", from) + 6;
        kind = std::string(rest.substr(op, rest.find('"', op) - op));
      }
      out.push_back(kind);
    }
  }
  return out;
}

std::string only_plan(std::string_view sql) {
  const auto translation = translated(sql);
  EXPECT_THAT(translation.plans, SizeIs(1));
  return translation.plans.empty() ? "" : translation.plans.front().toml;
}

std::string why_left(std::string_view sql) {
  const auto translation = translated(sql);
  return translation.left.empty() ? "nothing is left" : translation.left.front().why;
}

TEST(TranslateTest, EachOfTheUsualOnesBecomesTheChangeThatDoesIt) {
  EXPECT_THAT(entries("ALTER TABLE t ADD COLUMN a float NOT NULL DEFAULT random()"),
              ElementsAre("add_column", "additive", "backfill", "set_not_null"));
  EXPECT_THAT(entries("ALTER TABLE t ADD COLUMN a int NOT NULL DEFAULT 3"), ElementsAre("add_column"));
  EXPECT_THAT(entries("CREATE INDEX i ON t (a)"), ElementsAre("create_index"));
  EXPECT_THAT(entries("ALTER TABLE t ADD FOREIGN KEY (a) REFERENCES r (id)"), ElementsAre("add_foreign_key"));
  EXPECT_THAT(entries("ALTER TABLE t ALTER COLUMN a TYPE bigint"), ElementsAre("change_type"));
  EXPECT_THAT(entries("ALTER TABLE t ALTER COLUMN a SET NOT NULL"), ElementsAre("set_not_null"));
  EXPECT_THAT(entries("UPDATE t SET a = lower(b)"), ElementsAre("backfill"));
  EXPECT_THAT(entries("ALTER TABLE t RENAME COLUMN a TO b"), ElementsAre("rename_column"));
  EXPECT_THAT(entries("ALTER TABLE t RENAME TO u"), ElementsAre("rename_table"));
  EXPECT_THAT(entries("ALTER TABLE t DROP COLUMN a"), ElementsAre("drop_column"));
  EXPECT_THAT(entries("DROP TABLE t"), ElementsAre("drop_table"));
  EXPECT_THAT(entries("DROP INDEX i"), ElementsAre("drop_index"));
  EXPECT_THAT(entries("ALTER TABLE t ADD CHECK (a > 0)"), ElementsAre("add_check"));
  EXPECT_THAT(entries("ALTER TABLE t ADD UNIQUE (a, b)"), ElementsAre("add_unique"));
  EXPECT_THAT(entries("ALTER TABLE t ADD PRIMARY KEY (a)"), ElementsAre("add_primary_key"));
}

TEST(TranslateTest, WhatHasNoNameGetsTheOneThatPostgresqlGives) {
  EXPECT_THAT(only_plan("ALTER TABLE orders ADD FOREIGN KEY (customer) REFERENCES r (id)"),
              HasSubstr("name = \"orders_customer_fkey\""));
  EXPECT_THAT(only_plan("ALTER TABLE orders ADD CHECK (price > 0)"), HasSubstr("name = \"orders_price_check\""));
  EXPECT_THAT(only_plan("ALTER TABLE orders ADD CHECK (price > cost)"), HasSubstr("name = \"orders_check\""));
  EXPECT_THAT(only_plan("ALTER TABLE orders ADD CHECK (a > 0); ALTER TABLE orders ADD CHECK (a < 9)"),
              HasSubstr("name = \"orders_a_check1\""));
  EXPECT_THAT(only_plan("CREATE INDEX ON orders (customer, lower(note), (a + b))"),
              HasSubstr("name = \"orders_customer_lower_expr_idx\""));
  EXPECT_THAT(only_plan("ALTER TABLE " + std::string(60, 'a') + " ADD UNIQUE (" + std::string(20, 'b') + ")"),
              HasSubstr("name = \"" + std::string(38, 'a') + "_" + std::string(20, 'b') + "_key\""));
}

TEST(TranslateTest, OneAlterTableOfSeveralCommandsBecomesSeveralEntries) {
  EXPECT_THAT(entries("ALTER TABLE t ADD COLUMN a int, ADD COLUMN b int DEFAULT 1, ALTER COLUMN c SET NOT NULL, "
                      "SET (fillfactor = 80)"),
              ElementsAre("add_column", "add_column", "set_not_null", "additive"));
}

TEST(TranslateTest, ATableOfTheScriptIsNobodyElses) {
  EXPECT_THAT(entries("CREATE TABLE t (id bigint PRIMARY KEY, a int NOT NULL DEFAULT 1, CHECK (a > 0));"
                      "CREATE INDEX ON t (a); ALTER TABLE t ADD UNIQUE (a);"),
              ElementsAre("create_table", "additive", "additive"));
  EXPECT_THAT(only_plan("CREATE TABLE t (a int CHECK (a > 0), UNIQUE (a)); ALTER TABLE t ADD CHECK (a < 9), ADD UNIQUE (a)"),
              AllOf(HasSubstr("CONSTRAINT t_a_check1 CHECK"), HasSubstr("CONSTRAINT t_a_key1 UNIQUE")));
  EXPECT_THAT(entries("CREATE TABLE t (id serial PRIMARY KEY)"), ElementsAre("create_table"));
  EXPECT_THAT(entries("CREATE TABLE t (id serial, a int REFERENCES r DEFERRABLE INITIALLY DEFERRED, b int REFERENCES t)"),
              ElementsAre("create_table", "additive"));
  EXPECT_THAT(entries("CREATE TABLE t (id int) PARTITION BY RANGE (id)"), ElementsAre("additive"));
}

TEST(TranslateTest, ATableOfTheScriptIsRenamedAtOnce) {
  EXPECT_THAT(entries("CREATE TABLE t (id int); ALTER TABLE t RENAME TO u; ALTER TABLE u RENAME COLUMN id TO key;"),
              ElementsAre("create_table", "additive", "additive"));
}

TEST(TranslateTest, CommentsAndOrderStay) {
  const auto plan = only_plan(
      "-- first of all\nALTER TABLE t ADD COLUMN a int;\n/* then\n   this */\nCREATE INDEX i ON t (b);\n-- at last\n");
  const auto first = plan.find("# first of all\n[[change]]\nop = \"add_column\"");
  const auto second = plan.find("# then\n# this\n[[change]]\nop = \"create_index\"");
  EXPECT_NE(first, std::string::npos) << plan;
  EXPECT_NE(second, std::string::npos) << plan;
  EXPECT_LT(first, second);
  EXPECT_THAT(plan, HasSubstr("# at last"));
}

TEST(TranslateTest, WhatTheConstraintPhaseDoesIsThereInTheNextPlanOnly) {
  EXPECT_THAT(entries("ALTER TABLE t DROP COLUMN a; ALTER TABLE t ADD COLUMN a text"),
              ElementsAre("drop_column", "---", "add_column"));
  EXPECT_THAT(entries("ALTER TABLE t RENAME TO u; ALTER TABLE u ADD COLUMN a int"),
              ElementsAre("rename_table", "---", "add_column"));
}

TEST(TranslateTest, ValidateIsPartOfTheChange) {
  EXPECT_THAT(entries("ALTER TABLE t ADD CONSTRAINT c CHECK (a > 0) NOT VALID; ALTER TABLE t VALIDATE CONSTRAINT c;"),
              ElementsAre("add_check"));
}

TEST(TranslateTest, ARevisionOfAlembicIsAPlan) {
  const auto translation = translated(
      "BEGIN;\nCREATE TABLE alembic_version (version_num VARCHAR(32) NOT NULL);\n"
      "-- Running upgrade  -> a1b2\n\nALTER TABLE t ADD COLUMN a int;\n"
      "INSERT INTO alembic_version (version_num) VALUES ('a1b2') RETURNING alembic_version.version_num;\n"
      "-- Running upgrade a1b2 -> c3d4, Add an index\n\nCREATE INDEX i ON t (a);\n"
      "UPDATE alembic_version SET version_num='c3d4' WHERE alembic_version.version_num = 'a1b2';\nCOMMIT;\n");
  EXPECT_THAT(translation.left, IsEmpty());
  ASSERT_THAT(translation.plans, SizeIs(2));
  EXPECT_EQ(translation.plans[0].title, "a1b2");
  EXPECT_EQ(translation.plans[1].title, "Add an index");
  EXPECT_THAT(translation.plans[0].toml, AllOf(HasSubstr("add_column"), Not(HasSubstr("alembic_version"))));
}

TEST(TranslateTest, WhatCannotBeSplitSaysWhyAndStaysInSight) {
  EXPECT_THAT(why_left("DELETE FROM t"), HasSubstr("in pieces"));
  EXPECT_THAT(why_left("UPDATE t SET a = u.a FROM u WHERE t.id = u.id"), HasSubstr("an UPDATE with FROM"));
  EXPECT_THAT(why_left("DROP TABLE t CASCADE"), HasSubstr("CASCADE"));
  EXPECT_THAT(why_left("ALTER TABLE t ADD COLUMN a int GENERATED ALWAYS AS IDENTITY"), HasSubstr("identity"));
  EXPECT_THAT(why_left("ALTER TABLE t SET LOGGED"),
              HasSubstr("may have to wait until every row has been written again"));
  EXPECT_THAT(why_left("SELCT 1"), HasSubstr("syntax error"));
  EXPECT_THAT(why_left("DO $$ BEGIN END $$"), HasSubstr("does not know"));
  const auto translation = translated("ALTER TABLE t ADD COLUMN a int;\n\nDELETE FROM t\nWHERE a = 1;");
  ASSERT_THAT(translation.left, SizeIs(1));
  EXPECT_EQ(translation.left[0].at, (Position{3, 1}));
  EXPECT_THAT(translation.plans.at(0).toml, HasSubstr("# pgphase: NOT IN THIS PLAN, line 3: "));
  EXPECT_THAT(translation.plans.at(0).toml, HasSubstr("#     DELETE FROM t\n#     WHERE a = 1\n"));
}

TEST(TranslateTest, ABackfillHasAnEnd) {
  EXPECT_THAT(only_plan("UPDATE t SET a = 1 WHERE 1 = 1"), Not(HasSubstr("where")));
  const auto once = HasSubstr("once = true");
  // The backfill knows the rows that are done by itself.
  for (const char* sql : {"UPDATE t SET a = 1 WHERE b > 5", "UPDATE t SET a = a + 1 WHERE b > 5",
                          "UPDATE t SET a = random() WHERE b > 5"}) {
    EXPECT_THAT(only_plan(sql), AllOf(HasSubstr("where = \"b > 5\""), Not(once))) << sql;
  }
  EXPECT_THAT(only_plan("UPDATE t SET a = 1 WHERE a IS NULL"), AllOf(HasSubstr("\"a IS NULL\""), Not(once)));
  EXPECT_THAT(only_plan("UPDATE t SET a = now() WHERE a IS NULL AND b > 5"), Not(once));
  EXPECT_THAT(only_plan("UPDATE t SET a = b WHERE a IS NULL"), once) << "b may be NULL, too";
  EXPECT_THAT(only_plan("UPDATE t SET a = 1 WHERE a IS NULL OR b > 5"), once);
  EXPECT_THAT(only_plan("UPDATE t SET a = 'y' WHERE a IN ('x', 'y')"), once);
  EXPECT_THAT(only_plan("UPDATE t SET a = a + 1 WHERE a < 5"), once);
  EXPECT_THAT(why_left("UPDATE t SET a = 1, a = 2"), HasSubstr("sets a twice"));
}

TEST(TranslateTest, WhatBreaksRunningCodeWaitsUntilItIsGone) {
  EXPECT_THAT(entries("ALTER TABLE t ALTER COLUMN a DROP IDENTITY"), ElementsAre("constraint"));
  EXPECT_THAT(entries("ALTER TABLE t ENABLE ROW LEVEL SECURITY"), ElementsAre("constraint"));
  EXPECT_THAT(entries("ALTER TYPE e RENAME VALUE 'a' TO 'b'"), ElementsAre("constraint"));
  EXPECT_THAT(entries("ALTER TABLE t ALTER COLUMN a DROP IDENTITY; ALTER TABLE t ALTER COLUMN a SET DEFAULT 1"),
              ElementsAre("constraint", "---", "additive"));
}

// In one transaction nobody sees the moment without it; in phases everybody would.
TEST(TranslateTest, WhatIsDroppedAndMadeAgainIsReplacedOrLeft) {
  const std::string trigger = "CREATE TRIGGER g BEFORE UPDATE ON t FOR EACH ROW EXECUTE FUNCTION f()";
  EXPECT_THAT(only_plan("DROP TRIGGER IF EXISTS g ON t; " + trigger), HasSubstr("CREATE OR REPLACE TRIGGER g"));
  for (const std::string& sql :
       {"DROP TRIGGER g ON t; UPDATE t SET a = 1; " + trigger,
        std::string("DROP FUNCTION IF EXISTS f(int); CREATE FUNCTION f(int) RETURNS int LANGUAGE sql AS 'SELECT 1'"),
        std::string("DROP POLICY IF EXISTS p ON t; CREATE POLICY p ON t USING (true)"),
        std::string("DROP VIEW v; ALTER TABLE t ALTER a TYPE bigint; CREATE VIEW v AS SELECT a FROM t")}) {
    EXPECT_THAT(why_left(sql), HasSubstr("dropped and made again")) << sql;
    EXPECT_THAT(translated(sql).left, SizeIs(2)) << sql;
  }
  EXPECT_THAT(entries("ALTER TABLE t ENABLE ROW LEVEL SECURITY; CREATE POLICY p ON t USING (true)"),
              ElementsAre("constraint", "additive"));
}

TEST(TranslateTest, AColumnThatTakesAnothersPlaceFollowsIt) {
  const std::string add = "ALTER TABLE t ADD COLUMN name text; ";
  const auto plan = only_plan(add + "UPDATE t SET name = initcap(fullname); ALTER TABLE t DROP COLUMN fullname");
  EXPECT_THAT(plan, AllOf(HasSubstr("fill = \"initcap(fullname)\""), Not(HasSubstr("[[backfill]]"))));
  // With a default, too, which must not be taken for a value while it follows the other one.
  EXPECT_THAT(only_plan("ALTER TABLE t ADD COLUMN name text NOT NULL DEFAULT ''; UPDATE t SET name = initcap(fullname);"
                        "ALTER TABLE t DROP COLUMN fullname"),
              AllOf(HasSubstr("fill = "), HasSubstr("default = \"''\""), HasSubstr("nullable = false"),
                    Not(HasSubstr("SET DEFAULT"))));
  // What becomes of the default afterwards comes along, as Django writes it.
  for (const std::string add_it : {"ALTER TABLE t ADD COLUMN name text NOT NULL DEFAULT ''; ALTER TABLE t ALTER name DROP DEFAULT; ",
                                   "ALTER TABLE t ADD COLUMN name text NOT NULL; ALTER TABLE t ALTER name SET DEFAULT 'x'; "}) {
    const auto all = only_plan(add_it + "UPDATE t SET name = initcap(fullname); ALTER TABLE t DROP COLUMN fullname");
    EXPECT_THAT(all, AllOf(HasSubstr("fill = "), Not(HasSubstr("SET DEFAULT")), Not(HasSubstr("DROP DEFAULT")),
                           Not(HasSubstr("default = \"''\""))));
  }
  // Nothing goes; it is set twice; its source is new, too.
  for (const char* sql : {"UPDATE t SET name = initcap(fullname)",
                          "UPDATE t SET name = initcap(fullname); UPDATE t SET name = 'x'; ALTER TABLE t DROP COLUMN fullname",
                          "ALTER TABLE t ADD b text; UPDATE t SET name = b; ALTER TABLE t DROP COLUMN b"}) {
    std::string all;
    for (const auto& one : translated(add + sql).plans) all += one.toml;
    EXPECT_THAT(all, AllOf(Not(HasSubstr("fill =")), HasSubstr("[[backfill]]"))) << sql;
  }
}

// What the one statement would have taken along is not lost where that one is left.
TEST(TranslateTest, OnlyWhatIsInAPlanTakesAnotherStatementsPlace) {
  const auto plans = translated(
      "ALTER TABLE t ADD COLUMN name text, ADD COLUMN i int GENERATED ALWAYS AS IDENTITY; UPDATE t SET name = fullname;"
      "ALTER TABLE t DROP COLUMN fullname");
  ASSERT_THAT(plans.left, SizeIs(3)) << "what is copied stays";
  EXPECT_THAT(plans.plans[0].toml, Not(HasSubstr("fill =")));
  const auto types = translated(
      "ALTER TABLE t ALTER a TYPE text COLLATE \"C\"; ALTER TABLE t ALTER a SET DEFAULT 'x'");
  ASSERT_THAT(types.left, SizeIs(1));
  EXPECT_THAT(types.plans[0].toml, HasSubstr("SET DEFAULT 'x'"));
}

TEST(TranslateTest, TheDefaultOfANewTypeComesAlong) {
  const auto plan = only_plan(
      "ALTER TABLE t ALTER a DROP DEFAULT; ALTER TABLE t ALTER a TYPE e USING a::text::e; ALTER TABLE t ALTER a SET DEFAULT 'x'");
  EXPECT_THAT(plan, AllOf(HasSubstr("default = \"'x'\""), Not(HasSubstr("SET DEFAULT")), Not(HasSubstr("DROP DEFAULT"))));
  EXPECT_THAT(only_plan("ALTER TABLE t ALTER a DROP DEFAULT, ALTER a TYPE boolean USING a > 0, ALTER a SET DEFAULT true"),
              HasSubstr("default = \"true\""));
}

TEST(TranslateTest, BatchesDoNotSeeOneAnother) {
  for (const char* sql : {"UPDATE t SET a = (SELECT avg(a) FROM t)", "UPDATE t SET a = a - (SELECT min(a) FROM t)",
                          "UPDATE t SET a = 1 WHERE NOT EXISTS (SELECT FROM t x WHERE x.a = 1 AND x.b = t.b)"}) {
    EXPECT_THAT(why_left(sql), HasSubstr("in batches, each would")) << sql;
  }
  EXPECT_THAT(why_left("UPDATE t SET a = 1 WHERE random() < 0.5"), HasSubstr("is another one each time"));
  EXPECT_THAT(only_plan("UPDATE t SET a = (SELECT p.b FROM t p WHERE p.id = t.parent)"), HasSubstr("[[backfill]]"));
  EXPECT_THAT(only_plan("UPDATE t SET a = 1 WHERE id IN (SELECT id FROM u)"), HasSubstr("once = true"));
}

TEST(TranslateTest, NoWayBackOpensWhatWasClosed) {
  EXPECT_THAT(only_plan("REVOKE ALL ON t FROM PUBLIC"), Not(HasSubstr("GRANT")));
  EXPECT_THAT(only_plan("GRANT SELECT ON t TO x"), AllOf(HasSubstr("rollback = \"SELECT 1\""), Not(HasSubstr("REVOKE"))));
  EXPECT_THAT(only_plan("ALTER TABLE t ENABLE ROW LEVEL SECURITY"), Not(HasSubstr("DISABLE")));
  EXPECT_THAT(only_plan("CREATE DOMAIN app.d AS int CHECK (value > 0)"), HasSubstr("DROP DOMAIN app.d"));
}

TEST(TranslateTest, NamesAreThoseOfTheServer) {
  const std::string column(63, 'c');
  const auto plan = only_plan("ALTER TABLE t ADD CHECK (" + column + " > 1), ADD CHECK (" + column + " > 2)");
  EXPECT_THAT(plan, AllOf(HasSubstr("\"t_" + std::string(55, 'c') + "_check\""),
                          HasSubstr("\"t_" + std::string(54, 'c') + "_check1\"")));
}

TEST(TranslateTest, AColumnThatIsDroppedAndMadeAgainIsTwoPlans) {
  EXPECT_THAT(entries("ALTER TABLE t ADD COLUMN a int, DROP COLUMN a, ADD COLUMN b int"),
              ElementsAre("drop_column", "---", "add_column", "add_column"));
}

TEST(TranslateTest, WhatNeedsSomethingThatIsInNoPlanIsNotInOneEither) {
  const auto translation = translated("CREATE MATERIALIZED VIEW m AS SELECT 1 AS a; CREATE INDEX i ON m (a)");
  ASSERT_THAT(translation.left, SizeIs(2));
  EXPECT_EQ(translation.left[1].why, "it needs m, which is in no plan");
}

TEST(TranslateTest, IfNotExistsIsLeftOutAndSaid) {
  EXPECT_THAT(entries("ALTER TABLE t ADD COLUMN IF NOT EXISTS a int; CREATE INDEX IF NOT EXISTS i ON t (a)"),
              ElementsAre("add_column", "create_index"));
  EXPECT_THAT(only_plan("CREATE INDEX IF NOT EXISTS i ON t (a)"), HasSubstr("IF NOT EXISTS is left out"));
  EXPECT_THAT(only_plan("CREATE INDEX IF NOT EXISTS i ON t (a) WITH (fillfactor = 70)"),
              AllOf(HasSubstr("CREATE INDEX CONCURRENTLY i ON"), Not(HasSubstr("CONCURRENTLY IF NOT EXISTS i"))));
}

TEST(TranslateTest, ATypeGetsItsNameBack) {
  EXPECT_THAT(only_plan("ALTER TYPE \"Role\" RENAME TO \"Role_old\""),
              HasSubstr("ALTER TYPE \\\"Role_old\\\" RENAME TO \\\"Role\\\""));
  EXPECT_THAT(only_plan("ALTER FUNCTION app.f(int) RENAME TO g"), HasSubstr("app.g"));
  // What is retired keeps its type until it is purged.
  EXPECT_THAT(entries("ALTER TABLE t ALTER COLUMN a TYPE e; ALTER TYPE e RENAME TO f; DROP TYPE f; ALTER TABLE u ADD b int"),
              ElementsAre("change_type", "add_column", "---", "constraint", "constraint"));
}

TEST(TranslateTest, NumbersThatAreGivenTwiceAreNotSplit) {
  EXPECT_THAT(entries("SELECT pg_catalog.setval('s', (SELECT max(id) FROM t))"), ElementsAre("backfill"));
  EXPECT_THAT(why_left("SELECT setval('s', 1)"), HasSubstr("what its functions do"));
  EXPECT_THAT(why_left("ALTER TABLE t ALTER COLUMN a ADD GENERATED BY DEFAULT AS IDENTITY"), HasSubstr("begins at 1"));
  EXPECT_THAT(entries("ALTER TABLE t ALTER COLUMN a ADD GENERATED BY DEFAULT AS IDENTITY (START WITH 500)"),
              ElementsAre("additive"));
  EXPECT_THAT(entries("REVOKE SELECT ON t FROM PUBLIC"), ElementsAre("constraint"));
}

// Within a plan additive runs before backfill, and backfill before constraint, wherever the statements stand.
TEST(TranslateTest, AStatementThatWouldOvertakeOneItHasToDoWithBeginsAPlan) {
  const auto plans = [](const std::string& sql) { return translated(sql).plans.size(); };
  const std::string update = "UPDATE t SET a = 1;", fill = "INSERT INTO t VALUES (1);";
  EXPECT_EQ(plans(update + "CREATE TRIGGER g BEFORE UPDATE ON t FOR EACH ROW EXECUTE FUNCTION f()"), 2U);
  EXPECT_EQ(plans(update + "CREATE TRIGGER g BEFORE UPDATE ON u FOR EACH ROW EXECUTE FUNCTION f()"), 1U);
  EXPECT_EQ(plans("ALTER TABLE t DISABLE TRIGGER g;" + update + "ALTER TABLE t ENABLE TRIGGER g"), 2U);
  EXPECT_EQ(plans("DROP TRIGGER g ON t;" + update), 2U);
  EXPECT_EQ(plans(update + "CREATE OR REPLACE FUNCTION f() RETURNS int LANGUAGE sql AS 'SELECT 1'"), 2U);
  EXPECT_EQ(plans(fill + "ALTER TABLE t ALTER a SET DEFAULT 5"), 2U);
  EXPECT_EQ(plans("ALTER TABLE t DROP CONSTRAINT c;" + update + "ALTER TABLE t ADD CONSTRAINT c CHECK (a > 0)"), 2U);
  EXPECT_EQ(plans("DROP TRIGGER IF EXISTS g ON t; CREATE TRIGGER h BEFORE UPDATE ON t FOR EACH ROW EXECUTE FUNCTION f()"),
            2U);
  EXPECT_EQ(plans("DROP TYPE IF EXISTS y; CREATE TYPE y AS ENUM ('a')"), 2U);
  EXPECT_EQ(plans("DROP INDEX i; CREATE INDEX i ON t (lower(a))"), 2U);
  EXPECT_EQ(plans("DROP INDEX i; CREATE INDEX j ON t (lower(a))"), 1U);
  EXPECT_EQ(plans("DROP VIEW v; ALTER TABLE t ALTER a TYPE bigint; CREATE VIEW w AS SELECT a FROM t"), 3U);
  EXPECT_THAT(entries("CREATE TABLE c (a int); INSERT INTO c VALUES (1); UPDATE c SET a = 2; INSERT INTO c VALUES (3)"),
              ElementsAre("create_table", "additive", "additive", "additive"));
  EXPECT_THAT(entries("CREATE TABLE c (a int); INSERT INTO c VALUES (1); UPDATE c SET a = 2; ALTER TABLE c ADD CHECK (a > 1)"),
              ElementsAre("create_table", "additive", "additive", "additive"));
  EXPECT_THAT(entries(fill + "CREATE TABLE c (a int REFERENCES t); INSERT INTO c VALUES (1)"),
              ElementsAre("backfill", "create_table", "additive", "backfill"));
}

TEST(TranslateTest, NamesThatSearchPathGivesAnotherMeaningAreNotGuessed) {
  for (const char* set : {"SET search_path TO app", "SET LOCAL search_path = app, public",
                          "SELECT pg_catalog.set_config('search_path', 'app', false)"}) {
    const auto translation = translated(std::string(set) + "; UPDATE big SET y = '1'; ALTER TABLE big ADD x int");
    EXPECT_EQ(translation.left.size(), 3U) << set;
    EXPECT_THAT(translation.left.front().why, HasSubstr("write the schema with each name"));
  }
  for (const char* set : {"SET search_path TO public", "SET search_path = \"$user\", public",
                          "SELECT pg_catalog.set_config('search_path', '', false)",
                          "SET search_path TO app; RESET search_path"}) {
    EXPECT_LE(translated(std::string(set) + "; UPDATE big SET y = '1'").left.size(), 1U) << set;
    EXPECT_EQ(translated(std::string(set) + "; UPDATE big SET y = '1'").plans.size(), 1U) << set;
  }
}

TEST(TranslateTest, WhatStandsBesideAColumnIsNotLost) {
  const auto plan = only_plan("ALTER TABLE t ADD COLUMN o int CONSTRAINT fk REFERENCES r (id) DEFERRABLE INITIALLY DEFERRED");
  EXPECT_THAT(plan, AllOf(HasSubstr("initially_deferred"), HasSubstr("\"fk\"")));
  EXPECT_THAT(only_plan("ALTER TABLE t ADD COLUMN c int UNIQUE DEFERRABLE"), HasSubstr("deferrable"));
  EXPECT_THAT(why_left("ALTER TABLE t ADD COLUMN c text COMPRESSION pglz"), HasSubstr("COMPRESSION"));
  EXPECT_THAT(why_left("UPDATE ONLY t SET a = 1"), HasSubstr("ONLY"));
  EXPECT_THAT(only_plan("CREATE TABLE IF NOT EXISTS t (a int)"), Not(HasSubstr("DROP TABLE")));
}

TEST(TranslateTest, WhatIsLeftOutStandsInThePlanAsAComment) {
  const auto broken = translated("ALTER TABLE t ADD COLUMN x int;\nCREATE INDX foo;\nALTER TABLE t ADD COLUMN y int");
  ASSERT_EQ(broken.plans.size(), 1U);
  EXPECT_THAT(broken.plans[0].toml, AllOf(HasSubstr("NOT IN THIS PLAN, line 2"), HasSubstr("#     CREATE INDX foo")));
  const auto part = translated("ALTER TABLE t ADD COLUMN c int CHECK (c > 0) NO INHERIT");
  ASSERT_EQ(part.plans.size(), 1U);
  EXPECT_THAT(part.plans[0].toml, AllOf(Not(HasSubstr("add_column")), HasSubstr("#     ALTER TABLE t ADD COLUMN c int CHECK")));
}

TEST(TranslateTest, ADefaultGoesWhenTheCodeThatReliesOnItHasGone) {
  EXPECT_THAT(entries("ALTER TABLE t ADD COLUMN f boolean DEFAULT false NOT NULL; ALTER TABLE t ALTER COLUMN f DROP DEFAULT"),
              ElementsAre("add_column", "constraint"));
}

TEST(TranslateTest, ThousandsOfTheSameStatementTakeNoTime) {
  std::string sql;
  for (int i = 0; i < 20'000; ++i) sql += "INSERT INTO t VALUES (1);\n";
  const auto translation = translated(sql);
  ASSERT_EQ(translation.plans.size(), 1U);
  EXPECT_EQ(translation.plans.front().entries, 20'000U);
}

TEST(TranslateTest, TextOfAnyKindFitsIntoToml) {
  EXPECT_THAT(entries("UPDATE \"Mixed \"\"Case\" SET \"a b\" = E'tab\\t \\\\ \"quoted\"' WHERE \"ä\" IS NULL"),
              ElementsAre("backfill"));
  EXPECT_THAT(entries("CREATE FUNCTION f() RETURNS int LANGUAGE sql AS $$\n  SELECT 1 -- \"\"\"\n$$"),
              ElementsAre("additive"));
  EXPECT_THAT(entries("CREATE TABLE \"a\nb\" (id serial)"), ElementsAre("create_table"));
  EXPECT_THAT(entries("COMMENT ON TABLE t IS 'a\tb'"), ElementsAre("additive"));
}

// A phase with one step that cannot be undone cannot be rolled back at all.
TEST(TranslateTest, WhatIsAboutThePlansOwnThingsCanBeTakenBack) {
  const std::string table = "CREATE TABLE a (id bigint PRIMARY KEY, n int, CHECK (n > 0)); ";
  for (const std::string statement :
       {"COMMENT ON TABLE a IS 'x'", "COMMENT ON COLUMN a.n IS 'x'", "COMMENT ON COLUMN public.a.n IS 'x'",
        "ALTER TABLE a ALTER n SET DEFAULT 5", "ALTER TABLE a ALTER n SET NOT NULL", "ALTER TABLE a DROP CONSTRAINT a_n_check",
        "ALTER TABLE a ENABLE ROW LEVEL SECURITY", "INSERT INTO a (id, n) VALUES (1, 2), (2, NULL), ('3'::bigint, f())",
        "INSERT INTO a VALUES (1, 2)", "ALTER TABLE a DROP COLUMN n", "INSERT INTO a (n) VALUES (1)", "UPDATE a SET n = 5",
        "DELETE FROM a", "INSERT INTO a (id) SELECT 1", "INSERT INTO a (id) VALUES (1) RETURNING id",
        "ALTER TABLE a ALTER n TYPE text", "ALTER TABLE a DISABLE TRIGGER ALL", "SET CONSTRAINTS ALL IMMEDIATE",
        "ALTER TABLE a ADD CHECK (n < 9)", "ALTER TABLE a ADD UNIQUE (n)", "ALTER TABLE a ADD c int REFERENCES r",
        "CREATE TABLE s (id serial PRIMARY KEY, a int REFERENCES r); INSERT INTO s (a) VALUES (1)", "CREATE SCHEMA app; COMMENT ON SCHEMA app IS 'x'",
        "CREATE INDEX j ON b (n); COMMENT ON INDEX j IS 'x'",
        "CREATE SEQUENCE s; ALTER SEQUENCE s OWNED BY a.n; ALTER SEQUENCE s CACHE 5",
        "CREATE TYPE mood AS ENUM ('sad'); COMMENT ON TYPE mood IS 'x'; ALTER TYPE mood ADD VALUE 'ok'",
        "CREATE FUNCTION g(int) RETURNS int LANGUAGE sql AS 'SELECT 1'; COMMENT ON FUNCTION g(int) IS 'x'",
        "CREATE INDEX i ON a (n); COMMENT ON INDEX i IS 'x'", "SELECT setval('s', 5)",
        "ALTER TABLE b ADD c int; COMMENT ON COLUMN b.c IS 'x'"}) {
    EXPECT_THAT(only_plan(table + statement), Not(HasSubstr("irreversible"))) << statement;
  }
  EXPECT_THAT(only_plan(table + "CREATE SEQUENCE s; ALTER SEQUENCE s OWNED BY a.n"), HasSubstr("ALTER SEQUENCE public.s OWNED BY NONE"));
  EXPECT_THAT(only_plan(table + "INSERT INTO a (id) VALUES (1) -- first"), HasSubstr("stays_with_table = true"));
  // A foreign key would hold the table where it is.
  EXPECT_THAT(only_plan(table + "ALTER TABLE a ADD c int REFERENCES r"),
              AllOf(HasSubstr("DROP CONSTRAINT IF EXISTS a_c_fkey"), HasSubstr("\"ALTER TABLE a ADD COLUMN c int\"")));
}

TEST(TranslateTest, WhatWasThereBeforeIsNotTakenBackByGuessing) {
  const std::string table = "CREATE TABLE a (id bigint PRIMARY KEY, n int); ";
  for (const std::string statement :
       {"COMMENT ON TABLE b IS 'x'", "COMMENT ON COLUMN b.n IS 'x'", "ALTER SEQUENCE s OWNED BY a.n", "ALTER TYPE mood ADD VALUE 'ok'",
        "COMMENT ON COLUMN other.a.n IS 'x'", "COMMENT ON INDEX i IS 'x'",
        "INSERT INTO b (id) VALUES (1)"}) {
    EXPECT_THAT(only_plan(table + statement), HasSubstr("irreversible")) << statement;
  }
}

// Whatever is written to the old place until the constraint phase would be missing in the new one.
TEST(TranslateTest, ACopyOfWhatGoesIsLeftAndSoIsWhatWouldTakeItsSourceAway) {
  for (const std::string sql :
       {"ALTER TABLE t ADD big bigint; UPDATE t SET big = n; ALTER TABLE t DROP COLUMN n; ALTER TABLE t RENAME COLUMN big TO n",
        "ALTER TABLE t ADD big bigint; UPDATE t SET big = n; ALTER TABLE t RENAME n TO n_old; ALTER TABLE t RENAME big TO n",
        "UPDATE t SET b = n; ALTER TABLE t DROP COLUMN n",
        "CREATE TABLE arch (n int PRIMARY KEY); INSERT INTO arch SELECT n FROM t; DROP TABLE t",
        "CREATE TABLE new (n int PRIMARY KEY); INSERT INTO new SELECT n FROM t; ALTER TABLE t RENAME TO old; ALTER TABLE new RENAME TO t"}) {
    const auto translation = translated(sql);
    EXPECT_THAT(translation.left, Not(IsEmpty())) << sql;
    for (const auto& plan : translation.plans) {
      EXPECT_THAT(plan.toml, AllOf(Not(HasSubstr("op = \"drop_")), Not(HasSubstr("op = \"rename_")))) << sql;
    }
  }
}

TEST(TranslateTest, ANewColumnThatHasValuesAlreadyIsSetAllTheSame) {
  EXPECT_THAT(only_plan("ALTER TABLE t ADD b int; UPDATE t SET b = a WHERE a > 1; UPDATE t SET b = 0"), HasSubstr("once = true"));
  EXPECT_THAT(only_plan("ALTER TABLE t ADD p int; INSERT INTO t (a, p) VALUES (9, 9); UPDATE t SET p = 1"), HasSubstr("once = true"));
  EXPECT_THAT(only_plan("ALTER TABLE t ADD b int; UPDATE t SET b = a"), Not(HasSubstr("once = true")));
}

// The plan done again finds the column with what was written to it.
TEST(TranslateTest, AColumnThatAnUpdateSetsGetsItsDefaultForNewRowsOnly) {
  EXPECT_THAT(entries("ALTER TABLE t ADD m text NOT NULL DEFAULT ''; UPDATE t SET m = a || b"),
              ElementsAre("add_column", "additive", "set_not_null", "backfill"));
  // Where the UPDATE is left, or comes in another plan, the rows that exist need it.
  for (const char* update : {"ALTER TABLE t ALTER m DROP DEFAULT; UPDATE t SET m = a || b",
                             "UPDATE t SET m = a || b RETURNING m", "UPDATE t SET m = a || random(); ALTER TABLE t DROP COLUMN a",
                             "UPDATE t SET m = a; ALTER TABLE t RENAME a TO c"}) {
    std::string all;
    for (const auto& one : translated(std::string("ALTER TABLE t ADD m text NOT NULL DEFAULT ''; ") + update).plans) all += one.toml;
    EXPECT_THAT(all, AllOf(HasSubstr("default = \"''\""), Not(HasSubstr("sql = \"ALTER TABLE public.t ALTER COLUMN m SET DEFAULT")))) << update;
  }
}

TEST(TranslateTest, WhatIsSaidOfARenamedThingComesAfterItsNewName) {
  for (const std::string sql :
       {"ALTER TABLE t RENAME COLUMN a TO b; COMMENT ON COLUMN t.b IS 'x'", "ALTER TABLE t RENAME TO u; COMMENT ON TABLE u IS 'x'",
        "ALTER TABLE t RENAME COLUMN a TO b; ALTER SEQUENCE s OWNED BY t.b",
        "ALTER TABLE t ADD CONSTRAINT c CHECK (a > 0); COMMENT ON CONSTRAINT c ON t IS 'x'"}) {
    EXPECT_THAT(translated(sql).plans, SizeIs(2)) << sql;
  }
}

TEST(TranslateTest, ACastThatAnAssignmentDoesAsWellIsNoFill) {
  EXPECT_THAT(only_plan("ALTER TABLE t ALTER id TYPE bigint USING id::bigint"), Not(HasSubstr("fill =")));
  EXPECT_THAT(only_plan("ALTER TABLE t ALTER id TYPE bigint USING a::bigint"), HasSubstr("fill ="));
  EXPECT_THAT(only_plan("ALTER TABLE t ALTER id TYPE int USING id::int"), HasSubstr("fill ="));
}

}  // namespace
}  // namespace pgphase
