// What is said of a statement before it runs, as far as no server is needed: the rest is tests/pg/proof.
#include <gmock/gmock.h>

#include <algorithm>

#include "plans/effects/harm.hpp"
#include "plans/effects/rule.hpp"
#include "plans/sql/statement.hpp"
#include "tests/unit/plans/plan_text.hpp"

namespace pgphase {
namespace {

using ::testing::Contains;
using ::testing::HasSubstr;

StatementEffects last_of(const std::string& sql, Known known = {}) {
  const auto parsed = parse_in_order(sql, known);
  if (!parsed || parsed->empty()) {
    ADD_FAILURE() << sql << ": " << (parsed ? "holds nothing" : parsed.error().message);
    return {};
  }
  return parsed->back().effects;
}

const RelationEffects* on(const StatementEffects& effects, const std::string& table) {
  for (const auto& one : effects.relations) {
    if (one.described.empty() && one.relation.name == table) return &one;
  }
  return nullptr;
}

std::vector<std::string> rules_of(const StatementEffects& effects) {
  std::vector<std::string> out;
  for (const auto& one : effects.rules) out.emplace_back(one.rule->id);
  return out;
}

TEST(EffectsTest, EveryStatementOfTheGrammarHasARule) {
  for (const char* sql : {
           "ALTER COLLATION c REFRESH VERSION",
           "ALTER CONVERSION c RENAME TO d",
           "ALTER DATABASE d SET work_mem = '1MB'",
           "ALTER DEFAULT PRIVILEGES GRANT SELECT ON TABLES TO x",
           "ALTER EVENT TRIGGER e DISABLE",
           "ALTER EXTENSION e UPDATE",
           "ALTER FOREIGN DATA WRAPPER f OPTIONS (a '1')",
           "ALTER FOREIGN TABLE f ADD COLUMN a int",
           "ALTER GROUP g ADD USER u",
           "ALTER LANGUAGE l OWNER TO o",
           "ALTER LARGE OBJECT 1 OWNER TO o",
           "ALTER MATERIALIZED VIEW m SET (fillfactor = 70)",
           "ALTER OPERATOR + (int, int) OWNER TO o",
           "ALTER OPERATOR FAMILY f USING btree ADD FUNCTION 1 (int, int) f(int, int)",
           "ALTER PUBLICATION p SET (publish = 'insert')",
           "ALTER ROUTINE r() RENAME TO q",
           "ALTER SERVER s VERSION '2'",
           "ALTER SUBSCRIPTION s DISABLE",
           "ALTER TABLESPACE s SET (seq_page_cost = 1)",
           "ALTER TEXT SEARCH DICTIONARY d (a = b)",
           "ALTER TYPE t SET (receive = f)",
           "ALTER USER MAPPING FOR u SERVER s OPTIONS (a '1')",
           "BEGIN",
           "CHECKPOINT",
           "CLOSE c",
           "COMMIT",
           "CREATE ACCESS METHOD a TYPE TABLE HANDLER h",
           "CREATE CONVERSION c FOR 'UTF8' TO 'LATIN1' FROM f",
           "CREATE LANGUAGE l",
           "CREATE OPERATOR CLASS c FOR TYPE int USING btree AS OPERATOR 1 <",
           "CREATE TRANSFORM FOR int LANGUAGE l (FROM SQL WITH FUNCTION f(internal))",
           "DEALLOCATE p",
           "DISCARD PLANS",
           "DROP ACCESS METHOD a",
           "DROP CAST (int AS text)",
           "DROP DOMAIN d",
           "DROP EXTENSION e",
           "DROP OPERATOR CLASS c USING btree",
           "DROP OWNED BY o",
           "DROP ROLE r",
           "DROP SUBSCRIPTION s",
           "DROP USER MAPPING FOR u SERVER s",
           "EXECUTE p",
           "FETCH c",
           "IMPORT FOREIGN SCHEMA a FROM SERVER s INTO b",
           "LISTEN l",
           "LOAD 'l'",
           "NOTIFY n",
           "REFRESH MATERIALIZED VIEW m",
           "RESET ALL",
           "SECURITY LABEL ON TABLE t IS 'x'",
           "SHOW ALL",
           "TABLE t",
           "UNLISTEN l",
           "VALUES (1)",
       }) {
    EXPECT_FALSE(last_of(sql).rules.empty()) << sql;
  }
  Known nothing;
  EXPECT_FALSE(parse_in_order("ALTER TABLE t ALTER COLUMN a SET EXPRESSION AS (1)", nothing))
      << "what the parser does not know is an error";
}

TEST(EffectsTest, WhatTheTextCannotTellIsUnknownAndSaysWhatToAsk) {
  const auto type = last_of("ALTER TABLE t ALTER COLUMN a TYPE bigint");
  EXPECT_EQ(on(type, "t")->rewrite, Answer::unknown);
  EXPECT_THAT(type.asks, Contains("the type that column a of t has"));
  const auto function = last_of("ALTER TABLE t ADD COLUMN x int DEFAULT f()");
  EXPECT_EQ(on(function, "t")->rewrite, Answer::unknown);
  EXPECT_THAT(function.asks, Contains("whether f() is volatile"));
  const auto domain = last_of("ALTER TABLE t ADD COLUMN x app.money");
  EXPECT_EQ(on(domain, "t")->rewrite, Answer::unknown);
  EXPECT_TRUE(last_of("SELECT f()").opaque);
  EXPECT_TRUE(last_of("DO $$ BEGIN END $$").opaque);
}

TEST(EffectsTest, ATableThatThePlanMakesIsNobodyElses) {
  EXPECT_TRUE(touches_nobody(last_of("CREATE TABLE n (a int); CREATE INDEX i ON n (a)")));
  EXPECT_TRUE(touches_nobody(last_of("CREATE TABLE n (a int); ALTER TABLE n RENAME TO m; DROP TABLE m")));
  const auto key = last_of("CREATE TABLE n (a int); ALTER TABLE n ADD FOREIGN KEY (a) REFERENCES t (id)");
  EXPECT_FALSE(touches_nobody(key)) << "the other table is somebody's";
  EXPECT_EQ(on(key, "t")->lock, LockMode::share_row_exclusive);
  EXPECT_FALSE(touches_nobody(last_of("CREATE TABLE IF NOT EXISTS n (a int); CREATE INDEX i ON n (a)")))
      << "it may have been there";
  EXPECT_FALSE(touches_nobody(last_of("CREATE TABLE n (a int); DROP TABLE n; CREATE INDEX i ON n (a)")));
  EXPECT_FALSE(touches_nobody(last_of("CREATE TABLE n PARTITION OF p DEFAULT; CREATE INDEX i ON n (a)")))
      << "whoever uses the parent uses it";
}

TEST(EffectsTest, ACheckThatThePlanValidatesMakesSetNotNullFree) {
  const std::string added = "ALTER TABLE t ADD CONSTRAINT k CHECK (a IS NOT NULL) NOT VALID;";
  const std::string required = "ALTER TABLE t ALTER a SET NOT NULL";
  const auto proven = last_of(added + "ALTER TABLE t VALIDATE CONSTRAINT k;" + required);
  EXPECT_THAT(rules_of(proven), ::testing::ElementsAre("set-not-null-proven"));
  EXPECT_EQ(on(proven, "t")->scan, Answer::no);
  EXPECT_EQ(on(last_of(added + required), "t")->scan, Answer::unknown) << "it is not valid yet";
  const std::string other = "ALTER TABLE t ADD CONSTRAINT k CHECK (b IS NOT NULL) NOT VALID;";
  EXPECT_EQ(on(last_of(other + "ALTER TABLE t VALIDATE CONSTRAINT k;" + required), "t")->scan, Answer::unknown)
      << "it is of another column";
  EXPECT_EQ(on(last_of(added + "ALTER TABLE t VALIDATE CONSTRAINT k; ALTER TABLE t DROP CONSTRAINT k;" + required), "t")
                ->scan,
            Answer::unknown);
  EXPECT_EQ(on(last_of(added + "ALTER TABLE t VALIDATE CONSTRAINT k; ALTER TABLE t RENAME a TO b;" +
                       "ALTER TABLE t ALTER b SET NOT NULL"),
               "t")
                ->scan,
            Answer::no)
      << "a renamed column is the same one";
}

TEST(EffectsTest, TheServerIsAskedForByItsVersion) {
  Known old;
  old.server = 14;
  const auto merge = last_of("MERGE INTO t USING u ON t.a = u.a WHEN MATCHED THEN DELETE", old);
  EXPECT_EQ(merge.fails, Answer::yes);
  EXPECT_EQ(merge.since, 15);
  old.server = 15;
  EXPECT_EQ(last_of("MERGE INTO t USING u ON t.a = u.a WHEN MATCHED THEN DELETE", old).fails, Answer::no);
}

TEST(EffectsTest, WhatTheServerSkipsDoesNothing) {
  Known known;
  known.catalogue = true;
  known.relations[{"public", "t"}].columns["a"].type = "integer";
  known.index_owner[{"public", "i"}] = {"public", "t"};
  known.types = {{"public", "mood"}};
  known.schemas = {"app", "public"};
  known.functions["public.f"] = Answer::no;
  for (const char* sql : {"DROP TABLE IF EXISTS nosuch", "ALTER TABLE IF EXISTS nosuch ADD UNIQUE (a)",
                          "CREATE INDEX IF NOT EXISTS i ON t (a)", "DROP INDEX IF EXISTS nosuch",
                          "DROP TYPE IF EXISTS nosuch", "DROP SCHEMA IF EXISTS nosuch CASCADE", "DROP SEQUENCE IF EXISTS nosuch",
                          "DROP FUNCTION IF EXISTS nosuch(int)", "DROP TRIGGER IF EXISTS x ON nosuch",
                          "DROP POLICY IF EXISTS x ON nosuch"}) {
    EXPECT_TRUE(harms_of(last_of(sql, known)).empty()) << sql;
    EXPECT_TRUE(last_of(sql, known).relations.empty()) << sql;
  }
  for (const char* sql : {"DROP TABLE IF EXISTS t", "ALTER TABLE IF EXISTS t ADD UNIQUE (a)",
                          "CREATE INDEX IF NOT EXISTS j ON t (a)", "DROP TABLE IF EXISTS nosuch, t",
                          "DROP TYPE IF EXISTS mood", "DROP SCHEMA IF EXISTS app CASCADE", "DROP FUNCTION IF EXISTS f(int)",
                          "DROP POLICY IF EXISTS x ON t"}) {
    EXPECT_FALSE(harms_of(last_of(sql, known)).empty()) << sql;
  }
  EXPECT_FALSE(harms_of(last_of("DROP TABLE IF EXISTS nosuch")).empty()) << "nobody was asked";
}

}  // namespace
}  // namespace pgphase
