// `check`, as a person and as a pipeline runs it.
#include <gmock/gmock.h>

#include <boost/json.hpp>

#include "tests/e2e/fixture.hpp"

namespace pgphase::testing {
namespace {

using ::testing::AllOf;
using ::testing::HasSubstr;
using ::testing::StartsWith;

constexpr const char* k_harmful = "-- orders by customer\nCREATE INDEX orders_customer ON orders (customer);\n";

class CheckE2eTest : public ::testing::Test {
 protected:
  CheckE2eTest() { project.env["DATABASE_URL"] = "postgresql://127.0.0.1:1/nowhere"; }  // it needs none
  Project project;
};

TEST_F(CheckE2eTest, AFileOfSqlIsToldApartLineByLineAndRefused) {
  project.file("one.sql", k_harmful);
  const auto output = project.run({"check", "one.sql"});
  EXPECT_EQ(output.code, 20) << output.err;
  EXPECT_THAT(output.out,
              AllOf(StartsWith("one.sql:2:1: error: writers of orders wait until the index is built [create-index]\n"
                               "    CREATE INDEX orders_customer ON orders (customer);\n"
                               "    ^~~~~~~~~~~~"),
                    HasSubstr("    instead: CREATE INDEX CONCURRENTLY\n"), HasSubstr("op = \"create_index\""),
                    HasSubstr("docs/rules/indexes.md#create-index"), HasSubstr("1 statement in 1 file: 1 error")));
}

TEST_F(CheckE2eTest, AFolderStandsForItsSqlAndHarmlessOnesPass) {
  project.file("sql/b/up.sql", "CREATE INDEX CONCURRENTLY i ON t (a);");
  project.file("sql/a/up.sql", "ALTER TABLE t ADD COLUMN a int;");
  project.file("sql/a/readme.txt", "not SQL");
  const auto answer = project.json({"check", "sql"});
  EXPECT_EQ(answer.at("files"), 2);
  EXPECT_EQ(answer.at("errors"), 0);
  EXPECT_EQ(answer.at("findings").at(0).at("file"), "sql/a/up.sql");  // a note: no lock_timeout
  EXPECT_EQ(project.run({"check", "sql"}).code, 0);
}

TEST_F(CheckE2eTest, SarifHoldsWhatTheTextSays) {
  project.file("one.sql", k_harmful);
  EXPECT_EQ(project.run({"check", "one.sql", "--sarif", "out.sarif"}).code, 20);
  const auto sarif = boost::json::parse(read_file((project.folder() / "out.sarif").string())).as_object();
  EXPECT_EQ(sarif.at("version"), "2.1.0");
  const auto& run = sarif.at("runs").at(0);
  const auto& result = run.at("results").at(0);
  EXPECT_EQ(result.at("ruleId"), "create-index");
  EXPECT_EQ(result.at("level"), "error");
  const auto index = result.at("ruleIndex").to_number<std::size_t>();
  EXPECT_EQ(run.at("tool").at("driver").at("rules").at(index).at("id"), "create-index");
  const auto& region = result.at("locations").at(0).at("physicalLocation").at("region");
  EXPECT_EQ(region.at("startLine"), 2);
  EXPECT_EQ(region.at("endColumn"), 50);
}

TEST_F(CheckE2eTest, WarningsPassUnlessItIsToBeStrict) {
  project.file("one.sql", "DO $$ BEGIN END $$;");
  EXPECT_EQ(project.run({"check", "one.sql"}).code, 0);
  EXPECT_EQ(project.run({"check", "one.sql", "--strict"}).code, 20);
}

TEST_F(CheckE2eTest, ADatabaseAnswersWhatTheTextLeavesOpen) {
  project.env.erase("DATABASE_URL");
  project.db().exec(
      "CREATE TABLE t (a varchar(10), b int); INSERT INTO t VALUES ('x', 1); CREATE TABLE none (a int);"
      "CREATE FUNCTION f() RETURNS int LANGUAGE sql IMMUTABLE AS 'SELECT 1'");
  project.file("open.sql",
               "ALTER TABLE t ALTER COLUMN a TYPE varchar(20);\nALTER TABLE none ADD COLUMN x int NOT NULL;\n"
               "ALTER TABLE t ADD COLUMN x int DEFAULT f();\n");
  EXPECT_EQ(project.json({"check", "open.sql"}).at("findings").as_array().size(), 4U);  // the fourth is a note
  const auto live = project.json({"check", "open.sql", "--live"});
  EXPECT_EQ(live.at("errors"), 0) << boost::json::serialize(live);
  EXPECT_EQ(live.at("warnings"), 0) << boost::json::serialize(live);
  project.file("bad.sql", "ALTER TABLE t ALTER COLUMN b TYPE bigint");
  EXPECT_THAT(project.run({"check", "bad.sql", "--live"}).out, HasSubstr("    size:    t has "));
}

TEST_F(CheckE2eTest, WithoutAPathThePlansAreLookedAt) {
  project.sample_plans();
  const auto good = project.run({"check"});
  EXPECT_EQ(good.code, 0) << good.out;
  EXPECT_THAT(good.out, HasSubstr("0 errors"));
  project.plan("900_bad",
               "format = 1\n[[additive]]\nname = \"i\"\nsql = \"CREATE INDEX i ON t (a)\"\n"
               "irreversible = \"x\"\n");
  const auto bad = project.run({"check"});
  EXPECT_EQ(bad.code, 20);
  EXPECT_THAT(bad.out, HasSubstr("900_bad.toml:4:"));
}

TEST_F(CheckE2eTest, WhatCannotBeReadIsAnErrorOfUse) {
  const auto missing = project.run({"check", "nowhere.sql"});
  EXPECT_EQ(missing.code, 2);
  EXPECT_THAT(missing.err, HasSubstr("nowhere.sql cannot be read: there is no such file"));
  project.file("empty/readme.txt", "");
  EXPECT_THAT(project.run({"check", "empty"}).err, HasSubstr("there is no file *.sql in it"));
}

TEST_F(CheckE2eTest, ControlCharactersOfAFileDoNotReachTheTerminal) {
  project.file("one.sql", "SELECT 1 FROM \"\x1b[31m\";\nSELCT \x1b[2J;\n");
  const auto output = project.run({"check", "one.sql"});
  EXPECT_EQ(output.out.find('\x1b'), std::string::npos) << output.out;
}

}  // namespace
}  // namespace pgphase::testing
