// What `check` finds in a file of SQL: by statement, by what its statements do together, and by what is waived.
#include "plans/check/check_script.hpp"

#include <gmock/gmock.h>

#include "plans/check/script_rules.hpp"
#include "plans/effects/rule.hpp"
#include "tests/unit/plans/plan_text.hpp"

namespace pgphase {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;

std::vector<std::string> found(std::string_view sql, ScriptOptions options = {}) {
  std::vector<std::string> out;
  for (const auto& one : check_script(sql, std::move(options)).findings) {
    if (one.rule->id == "no-lock-timeout") continue;  // has a test of its own
    out.push_back(std::to_string(one.begin.line) + " " + to_string(one.severity) + " " + std::string(one.rule->id));
  }
  return out;
}

std::string first_message(std::string_view sql, const ScriptOptions& options = {}) {
  for (const auto& one : check_script(sql, options).findings) {
    if (one.rule->id != "no-lock-timeout") return one.message;
  }
  return "nothing";
}

TEST(CheckScriptTest, WhatHoldsOthersUpForLongIsAnErrorAndWhatIsBriefIsNone) {
  EXPECT_THAT(found("CREATE INDEX i ON t (a);"), ElementsAre("1 error create-index"));
  EXPECT_THAT(found("CREATE INDEX CONCURRENTLY i ON t (a);"), IsEmpty());
  EXPECT_THAT(found("ALTER TABLE t ADD COLUMN a int;\nALTER TABLE t ADD COLUMN b int DEFAULT 3;"), IsEmpty());
  EXPECT_THAT(found("ALTER TABLE t ADD CONSTRAINT c CHECK (a > 0) NOT VALID;\nALTER TABLE t VALIDATE CONSTRAINT c;"),
              IsEmpty());
  EXPECT_EQ(first_message("CREATE INDEX i ON t (a);"), "writers of t wait until the index is built");
  EXPECT_EQ(first_message("ALTER TABLE s.t ADD CONSTRAINT c CHECK (a > 0)"),
            "readers and writers of s.t wait until every row has been read");
}

TEST(CheckScriptTest, WhatIsNotKnownIsAWarningNeverNothing) {
  EXPECT_THAT(found("ALTER TABLE t ADD COLUMN a int DEFAULT f();"),
              ElementsAre("1 warning add-column-unknown-default"));
  EXPECT_THAT(found("DO $$ BEGIN END $$;"), ElementsAre("1 warning opaque"));
  EXPECT_THAT(found("UPDATE t SET a = 1 WHERE b = 2;"), ElementsAre("1 note update-some-rows"));
}

TEST(CheckScriptTest, WhatIsLostOrBreaksIsAnError) {
  EXPECT_THAT(found("DROP TABLE t;\nALTER TABLE u RENAME COLUMN a TO b;\nALTER TABLE v DROP COLUMN a;"),
              ElementsAre("1 error drop-table", "2 error rename-column", "3 error drop-column"));
}

TEST(CheckScriptTest, ACheckThatIsAddedAndValidatedAtOnceIsReadUnderTheStrongLock) {
  EXPECT_THAT(found("ALTER TABLE t ADD CONSTRAINT c CHECK (a > 0) NOT VALID, VALIDATE CONSTRAINT c"),
              ElementsAre("1 error add-check-not-valid"));
}

TEST(CheckScriptTest, ATransactionEndsWhereTheFileSaysSo) {
  ScriptOptions one;
  one.in_transaction = true;
  EXPECT_THAT(found("ALTER TABLE t ADD a int;\nCOMMIT;\nCREATE INDEX CONCURRENTLY i ON t (a);\nBEGIN;\n"
                    "CREATE INDEX CONCURRENTLY j ON t (a);",
                    one),
              ElementsAre("5 error not-in-a-transaction"));
  EXPECT_THAT(found("BEGIN;\nALTER TABLE t ADD a int;\nCREATE TABLE c AS SELECT * FROM u;\nCOMMIT;"),
              ElementsAre("3 warning lock-held-meanwhile"));
}

TEST(CheckScriptTest, WhatWasTakenBackIsNotKnown) {
  EXPECT_THAT(found("BEGIN;\nCREATE TABLE t (a int);\nROLLBACK;\nCREATE INDEX i ON t (a);"), ElementsAre("4 error create-index"));
  EXPECT_THAT(found("BEGIN;\nSAVEPOINT s;\nCREATE TABLE t (a int);\nrollback to s;\nCOMMIT;\nCREATE INDEX i ON t (a);"),
              ElementsAre("6 error create-index"));
  EXPECT_THAT(found("BEGIN;\nCREATE TABLE t (a int);\nCOMMIT;\nCREATE INDEX i ON t (a);\nBEGIN;\nROLLBACK;\n"
                    "CREATE INDEX j ON t (a);"),
              IsEmpty());
}

TEST(CheckScriptTest, AnIndexThatComputesIsBuiltAnewByAnotherType) {
  Known known;
  known.catalogue = true;
  auto& table = known.relations[{"public", "t"}];
  table.complete = true;
  table.columns["s"].type = "character varying(10)";
  table.indexes["plain"] = {{"s"}, false, false};
  ScriptOptions live;
  live.known = known;
  EXPECT_THAT(found("ALTER TABLE t ALTER s TYPE varchar(20);", live), IsEmpty());
  live.known.relations[{"public", "t"}].indexes["lower"] = {{"s"}, false, true};
  EXPECT_THAT(found("ALTER TABLE t ALTER s TYPE varchar(20);", live), ElementsAre("1 error change-type-kept"));
  EXPECT_THAT(found("CREATE TABLE n (a varchar(5));\nALTER INDEX i SET TABLESPACE s;"), ElementsAre("2 warning set-tablespace"));
}

// PostgreSQL's own scanner takes quadratic time for it.
TEST(CheckScriptTest, CommentsThatAreNestedByTheThousandAreRefused) {
  std::string text;
  for (int i = 0; i < 100'000; ++i) text += "/*";
  EXPECT_THAT(check_script(text, {}).findings, ::testing::SizeIs(1));
  EXPECT_THAT(first_message(text), HasSubstr("nested too deeply"));
}

TEST(CheckScriptTest, WhatIsKnownOfPublicSaysNothingOfAnotherSchema) {
  ScriptOptions live;
  live.known.catalogue = true;
  live.known.relations[{"public", "big"}].empty = true;
  EXPECT_THAT(found("CREATE INDEX ON big (x);", live), IsEmpty());
  EXPECT_THAT(found("SET search_path TO app;\nCREATE INDEX ON big (x);", live), ElementsAre("2 error create-index"));
  EXPECT_THAT(found("SET search_path TO app;\nCREATE TABLE big (x int);\nCREATE INDEX ON big (x);", live), IsEmpty());
}

TEST(CheckScriptTest, WhatTheServerRefusesIsSaidOnceAndOfThePartThatItRefuses) {
  ScriptOptions live;
  live.known.relations[{"public", "t"}].empty = false;
  EXPECT_THAT(found("ALTER TABLE t ALTER a DROP NOT NULL, ADD COLUMN x int NOT NULL;", live),
              ElementsAre("1 error add-column-not-null"));
}

TEST(CheckScriptTest, WhatCannotBeLookedIntoCanBeWaived) {
  EXPECT_THAT(found("ALTER TABLE t FROB;"), ElementsAre("1 error not-sql"));
  EXPECT_THAT(found("-- pgphase:allow not-sql: of a newer server\nALTER TABLE t FROB;"), IsEmpty());
}

TEST(CheckScriptTest, ATableOfTheFileItselfIsNobodyElses) {
  EXPECT_THAT(
      found("CREATE TABLE t (a int);\nCREATE INDEX i ON t (a);\nALTER TABLE t ADD CHECK (a > 0);\nDROP TABLE t;"),
      IsEmpty());
}

TEST(CheckScriptTest, ALockOfATransactionIsHeldForAllThatFollowsInIt) {
  const std::string two =
      "ALTER TABLE t ADD CONSTRAINT c CHECK (a > 0) NOT VALID;\nALTER TABLE t VALIDATE CONSTRAINT c;";
  EXPECT_THAT(found("BEGIN;\n" + two + "\nCOMMIT;"), ElementsAre("3 error lock-held-meanwhile"));
  EXPECT_THAT(found(two, {{}, true}), ElementsAre("2 error lock-held-meanwhile"));
  EXPECT_THAT(found("BEGIN;\nALTER TABLE t ADD COLUMN a int;\nCOMMIT;\nBEGIN;\nUPDATE u SET a = 1;\nCOMMIT;"),
              ElementsAre("5 error update-every-row"));
  EXPECT_THAT(found("BEGIN;\nALTER TABLE t ADD COLUMN a int;\nUPDATE u SET a = 1;\nCOMMIT;"),
              ElementsAre("3 error update-every-row", "3 error lock-held-meanwhile"));
  EXPECT_THAT(found("BEGIN;\nCREATE INDEX CONCURRENTLY i ON t (a);\nEND;"),
              ElementsAre("2 error not-in-a-transaction"));
  EXPECT_THAT(found("BEGIN;\nROLLBACK TO s;\nCREATE INDEX CONCURRENTLY i ON t (a);\nEND;"),
              ElementsAre("3 error not-in-a-transaction"));
}

TEST(CheckScriptTest, AWholeTableIsReadUnderALockThatIsHeld) {
  const std::string locked = "BEGIN;\nLOCK TABLE t IN ACCESS EXCLUSIVE MODE;\n";
  EXPECT_THAT(found(locked + "SELECT count(*) FROM u;\nCOMMIT;"), ElementsAre("3 warning lock-held-meanwhile"));
  EXPECT_THAT(found(locked + "SELECT a FROM u WHERE id = 5;\nSELECT a FROM u LIMIT 1;\nCOMMIT;"), IsEmpty());
}

TEST(CheckScriptTest, AValueOfAnEnumCannotBeUsedInTheTransactionThatAddsIt) {
  const std::string add = "ALTER TYPE e ADD VALUE 'z';\n";
  EXPECT_THAT(found("BEGIN;\n" + add + "ALTER TABLE t ALTER a SET DEFAULT 'z';\nCOMMIT;"),
              ElementsAre("3 error enum-value-at-once"));
  EXPECT_THAT(found("BEGIN;\n" + add + "COMMIT;\nALTER TABLE t ALTER a SET DEFAULT 'z';"), IsEmpty());
  EXPECT_THAT(found(add + "ALTER TABLE t ALTER a SET DEFAULT 'z';"), IsEmpty()) << "each is a transaction of its own";
  const std::string of_a_new_type =
      "BEGIN;\nCREATE TYPE e AS ENUM ('a');\n" + add + "ALTER TABLE t ALTER a SET DEFAULT 'z';\nCOMMIT;";
  EXPECT_THAT(found(of_a_new_type), ElementsAre("4 error enum-value-at-once"));
  ScriptOptions seventeen;
  seventeen.known.server = 17;
  EXPECT_THAT(found(of_a_new_type, seventeen), IsEmpty());
}

TEST(CheckScriptTest, AFindingNamesWhoeverWaits) {
  EXPECT_THAT(first_message("ALTER TABLE t ADD FOREIGN KEY (a) REFERENCES u (id);"),
              HasSubstr("writers of t and u wait"));
  ScriptOptions live;
  live.known.catalogue = true;
  live.known.server = 15;
  auto& parent = live.known.relations[{"public", "p"}];
  parent.complete = true;
  parent.partitioned = true;
  for (const char* name : {"p1", "p2"}) {
    parent.children.push_back({"public", name});
    auto& part = live.known.relations[{"public", name}];
    part.complete = true;
    part.partitioned = false;
    part.parents = {{"public", "p"}};
  }
  const auto report = check_script("ALTER TABLE p ADD PRIMARY KEY (id);\nCREATE INDEX ON p (a);", live);
  ASSERT_GE(report.findings.size(), 2U);
  EXPECT_THAT(report.findings[0].message, HasSubstr("readers and writers of p wait until the index is built"));
  const auto& index = report.findings.back();
  EXPECT_EQ(index.rule->id, "create-index");
  EXPECT_THAT(index.message, HasSubstr("writers of p, p1 and p2 wait"));
  EXPECT_EQ(index.toml, "") << "no change builds the index of a partitioned table";
}

TEST(CheckScriptTest, WhatTheCatalogueTellsOfAColumnsUsersIsRefusedByTheServer) {
  ScriptOptions live;
  live.known.catalogue = true;
  auto& table = live.known.relations[{"public", "t"}];
  table.complete = true;
  table.logged = true;
  table.columns["a"] = {"integer", false, {"view v"}};
  EXPECT_THAT(first_message("ALTER TABLE t ALTER a TYPE bigint;", live),
              HasSubstr("the server refuses it: view v uses column a of t"));
  EXPECT_THAT(found("DROP VIEW v;\nALTER TABLE t ALTER a TYPE bigint;", live),
              ElementsAre("1 error drop-view", "2 error change-type-rewrite"));
  EXPECT_THAT(first_message("ALTER TABLE t SET UNLOGGED;", live), HasSubstr("readers and writers of t wait"));
  EXPECT_THAT(found("ALTER TABLE t SET LOGGED;", live), IsEmpty());
}

TEST(CheckScriptTest, AStrongLockWithoutATimeoutIsNotedOnce) {
  const auto count = [](std::string_view sql) {
    int notes = 0;
    for (const auto& one : check_script(sql, {}).findings) notes += one.rule->id == "no-lock-timeout" ? 1 : 0;
    return notes;
  };
  const std::string two = "ALTER TABLE t ADD COLUMN a int; ALTER TABLE u ADD COLUMN a int;";
  EXPECT_EQ(count(two), 1);
  EXPECT_EQ(count("SET lock_timeout = '2s';" + two), 0);
  EXPECT_EQ(count("SET lock_timeout TO 2000;" + two), 0);
  EXPECT_EQ(count("SET lock_timeout = '500 ms';" + two), 0);
  EXPECT_EQ(count("SET lock_timeout = '1min';" + two), 0);
  EXPECT_EQ(count("SET lock_timeout = '1h';" + two), 1) << "a limit in name only";
  EXPECT_EQ(count("SET lock_timeout = '2 fortnights';" + two), 1);
  EXPECT_EQ(count("SET lock_timeout = 0;" + two), 1);
  EXPECT_EQ(count("SET lock_timeout = '2s'; RESET lock_timeout;" + two), 1);
  EXPECT_EQ(count("SET LOCAL lock_timeout = '2s';" + two), 1) << "outside of a transaction it does nothing";
  EXPECT_EQ(count("BEGIN; SET LOCAL lock_timeout = '2s';" + two + "COMMIT;"), 0);
  EXPECT_EQ(count("BEGIN; SET LOCAL lock_timeout = '2s'; COMMIT;" + two), 1);
  EXPECT_EQ(count("BEGIN; SET lock_timeout = '2s'; ROLLBACK;" + two), 1);
  EXPECT_EQ(count("BEGIN; SET lock_timeout = '2s'; COMMIT;" + two), 0);
  EXPECT_EQ(count("SET lock_timeout = '2s'; DISCARD ALL;" + two), 1);
  EXPECT_EQ(count("SET lock_timeout = '2s'; ROLLBACK;" + two), 0) << "there is no transaction to take back";
  EXPECT_EQ(count("CREATE TABLE t (a int); ALTER TABLE t ADD COLUMN b int;"), 0);
}

TEST(CheckScriptTest, AWaiverTakesAwayWhatItNamesAndSaysWhy) {
  const auto report =
      check_script("-- pgphase:allow create-index: the table has ten rows\nCREATE INDEX i ON t (a);", {});
  EXPECT_EQ(report.waived, 1U);
  EXPECT_THAT(found("-- pgphase:allow create-index: ten rows\nCREATE INDEX i ON t (a);"), IsEmpty());
  EXPECT_THAT(found("-- pgphase:allow create-index\nCREATE INDEX i ON t (a);"),
              ElementsAre("2 error waiver-without-reason", "2 error create-index"));
  EXPECT_THAT(found("-- pgphase:allow drop-table, create-index: why\nCREATE INDEX i ON t (a);"),
              ElementsAre("2 warning waiver-unused"));
  EXPECT_THAT(found("-- pgphase:allow create-indx: why\nSELECT 1;"), ElementsAre("2 error waiver-of-no-rule"));
  EXPECT_THAT(first_message("-- pgphase:allow create-indx: why\nSELECT 1;"), HasSubstr("create-index does"));
  EXPECT_THAT(found("-- pgphase:allowed by nobody\nSELECT 1;"), IsEmpty());
}

TEST(CheckScriptTest, ANameMayTellAKey) {
  EXPECT_THAT(found("DROP INDEX users_email_key;"), ElementsAre("1 error drop-unique-index"));
  EXPECT_THAT(found("DROP INDEX CONCURRENTLY users_email_key;"), ElementsAre("1 error drop-unique-index"));
  EXPECT_THAT(found("DROP INDEX CONCURRENTLY index_users_on_api_key;"), IsEmpty()) << "a column's name";
  EXPECT_THAT(found("ALTER TABLE t DROP CONSTRAINT fk_users;"), IsEmpty());
}

TEST(CheckScriptTest, AWaiverBehindAStatementIsThatOnes) {
  EXPECT_THAT(found("DROP TABLE t; -- pgphase:allow drop-table: nobody uses it\nDROP TABLE u;"),
              ElementsAre("2 error drop-table"));
  EXPECT_THAT(found("SELECT 1; -- pgphase:allow drop-table: of the line\nDROP TABLE u;"),
              ElementsAre("1 warning waiver-unused", "2 error drop-table"));
  EXPECT_THAT(found("SELECT 1;\n-- pgphase:allow drop-table: of nothing\n"), ElementsAre("3 warning waiver-unused"));
  EXPECT_THAT(found("-- pgphase:allow psql-command: it is run by psql\n\\connect x\nSELECT 1;"), IsEmpty());
}

TEST(CheckScriptTest, WhatIsNoSqlIsAnErrorAtItsPlace) {
  const auto report = check_script("SELECT 1;\n  SELCT 2;\nDROP TABLE t;", {});
  ASSERT_GE(report.findings.size(), 2U);
  EXPECT_EQ(report.findings[0].rule->id, "not-sql");
  EXPECT_EQ(report.findings[0].begin, (Position{2, 3}));
  EXPECT_EQ(report.findings[1].rule->id, "drop-table");
  EXPECT_THAT(found("\\connect x\nSELECT 1;"), ElementsAre("1 warning psql-command"));
  EXPECT_THAT(found("SELECT 'a"), ElementsAre("1 error not-sql"));
}

TEST(CheckScriptTest, AFindingNamesTheChangeThatDoesIt) {
  const auto report = check_script("CREATE INDEX i ON t (a);", {});
  ASSERT_FALSE(report.findings.empty());
  EXPECT_THAT(report.findings[0].toml, HasSubstr("create_index"));
}

TEST(CheckScriptTest, EachRecipeIsAPlan) {
  for (const char* sql : {
           "ALTER TABLE t ADD CONSTRAINT k CHECK (a > 0 AND c <> ')')",
           "ALTER TABLE t ADD CONSTRAINT k CHECK (c <> E'a\\\\b')",
           "ALTER TABLE app.t ADD CONSTRAINT k FOREIGN KEY (a, b) REFERENCES app.u (x, y)",
           "ALTER TABLE t ADD CONSTRAINT k UNIQUE (a, \"B\")",
           "ALTER TABLE t ADD CONSTRAINT k PRIMARY KEY (a)",
           "ALTER TABLE t ALTER COLUMN a SET NOT NULL",
           "ALTER TABLE t ALTER COLUMN a TYPE bigint",
           "ALTER TABLE t DROP COLUMN a",
           "ALTER TABLE t RENAME a TO b",
           "ALTER TABLE t RENAME TO u",
           "CREATE UNIQUE INDEX i ON t (a, b)",
           "DROP TABLE app.\"T\"",
       }) {
    std::string toml;
    for (const auto& one : check_script(sql, {}).findings) toml += one.toml;
    EXPECT_THAT(toml, HasSubstr("[[change]]")) << sql;
    EXPECT_EQ(testing::problems_of(toml), "") << sql << "\n" << toml;
  }
}

TEST(ScriptRulesTest, AnIdStandsForOneRule) {
  for (const Rule& one : script_rules()) EXPECT_EQ(find_rule(one.id), &one) << one.id;
  EXPECT_EQ(find_rule("no-such-rule"), nullptr);
}

}  // namespace
}  // namespace pgphase
