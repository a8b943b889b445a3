// Which statement is at home in which phase, and what the plan's own statements before it change about that.
#include <gmock/gmock.h>

#include "plans/rules/phase_rules.hpp"
#include "plans/split/phased_plan_json.hpp"
#include "tests/support/paths.hpp"
#include "tests/support/temp_dir.hpp"
#include "tests/unit/plans/plan_text.hpp"

namespace pgphase {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;

// "error create-index", as they come.
using Found = std::vector<std::string>;

struct Read {
  Found found;
  std::string text;
};

Read read(const std::string& plan) {
  Diagnostics remarks;
  const auto read = read_phased_plan({"001_test"}, "format = 1\n" + plan, "001_test.toml", &remarks);
  Diagnostics all = read ? Diagnostics() : read.error();
  all.insert(all.end(), remarks.begin(), remarks.end());
  Read out;
  for (const auto& one : all) out.found.push_back(std::string(to_string(one.severity)) + " " + std::string(one.rule));
  out.text = render(all);
  return out;
}

int steps = 0;

std::string step(const std::string& phase, const std::string& sql, const std::string& more = "") {
  return "[[" + phase + "]]\nname = \"step " + std::to_string(++steps) + "\"\nsql = \"" + sql + "\"\n" +
         (more.empty() ? "rollback = \"COMMENT ON TABLE t IS NULL\"\n" : more + "\n");
}

std::string back(const std::string& sql) {
  return "rollback = \"" + sql + "\"";
}

struct Case {
  const char* sql;
  const char *additive, *backfill, *constraint, *rollback;  // "": nothing
};

class StatementsInPhasesTest : public ::testing::TestWithParam<Case> {};

Found expected(std::string_view all) {
  Found out;
  while (!all.empty()) {
    const auto one = all.substr(0, all.find(", "));
    out.emplace_back(one);
    all.remove_prefix(std::min(all.size(), one.size() + 2));
  }
  return out;
}

TEST_P(StatementsInPhasesTest, EachStatementIsJudgedByWhereItStands) {
  const auto& one = GetParam();
  EXPECT_EQ(read(step("additive", one.sql)).found, expected(one.additive));
  EXPECT_EQ(read(step("backfill", one.sql)).found, expected(one.backfill));
  EXPECT_EQ(read(step("constraint", one.sql)).found, expected(one.constraint));
  EXPECT_EQ(read(step("constraint", "COMMENT ON TABLE t IS 'x'", back(one.sql))).found, expected(one.rollback));
}

INSTANTIATE_TEST_SUITE_P(
    Statements, StatementsInPhasesTest,
    ::testing::Values(
        Case{"COMMENT ON TABLE t IS 'x'", "", "", "", ""},
        Case{"ALTER TABLE t ADD COLUMN c int", "", "", "", ""},
        Case{"CREATE INDEX i ON t (a)", "error create-index", "error create-index", "error create-index",
             "error create-index"},
        Case{"CREATE INDEX CONCURRENTLY i ON t (a)", "", "", "", ""},
        Case{"ALTER TABLE t ADD CONSTRAINT c CHECK (a > 0)", "error add-check", "error add-check", "error add-check",
             "error add-check"},
        Case{"ALTER TABLE t ADD CONSTRAINT c CHECK (a > 0) NOT VALID", "warning add-check-not-valid",
             "warning add-check-not-valid", "", ""},
        Case{"ALTER TABLE t ADD CONSTRAINT c UNIQUE USING INDEX i", "warning add-unique-using-index",
             "warning add-unique-using-index", "", ""},
        Case{"ALTER TABLE t VALIDATE CONSTRAINT c", "", "", "", ""},
        Case{"ALTER TABLE t ADD COLUMN c float DEFAULT random()", "error add-column-volatile-default",
             "error add-column-volatile-default", "error add-column-volatile-default",
             "error add-column-volatile-default"},
        Case{"ALTER TABLE t ADD COLUMN c int NOT NULL", "error add-column-not-null", "error add-column-not-null",
             "error add-column-not-null", ""},
        Case{"ALTER TABLE t ALTER COLUMN a SET NOT NULL", "error set-not-null", "error set-not-null",
             "warning set-not-null", "warning set-not-null"},
        Case{"ALTER TABLE t ALTER COLUMN a TYPE bigint", "warning change-type-unknown", "warning change-type-unknown",
             "warning change-type-unknown", "warning change-type-unknown"},
        Case{"ALTER TABLE t RENAME COLUMN a TO b", "error rename-column", "error rename-column", "", ""},
        Case{"DROP VIEW v", "error drop-view", "error drop-view", "", ""},
        Case{"DROP TABLE t", "error drop-table", "error drop-table", "error drop-table", "note drop-table"},
        Case{"ALTER TABLE t DROP COLUMN a", "error drop-column", "error drop-column", "error drop-column", "note drop-column"},
        Case{"TRUNCATE t", "error truncate", "error truncate", "error truncate", "note truncate"},
        Case{"DELETE FROM t", "error delete-every-row", "error delete-every-row", "error delete-every-row", "note delete-every-row"},
        Case{"DELETE FROM t WHERE a = 1", "warning delete-some-rows", "warning delete-some-rows",
             "warning delete-some-rows", ""},
        Case{"UPDATE t SET a = 1", "error update-every-row", "warning update-every-row", "error update-every-row",
             "note update-every-row, warning update-every-row"},
        Case{"UPDATE t SET a = b", "error update-every-row", "warning update-every-row", "error update-every-row",
             "warning update-every-row"},
        Case{"UPDATE t SET a = NULL WHERE a IS NOT NULL", "note update-some-rows", "note update-some-rows",
             "note update-some-rows", "note update-some-rows, note update-some-rows"},
        Case{"UPDATE t SET a = NULL WHERE b IS NOT NULL", "note update-some-rows", "note update-some-rows",
             "note update-some-rows", "note update-some-rows"},
        Case{"DO 'BEGIN END'", "warning opaque", "warning opaque", "warning opaque", ""},
        Case{"REFRESH MATERIALIZED VIEW m", "error refresh", "error refresh", "error refresh", "error refresh"}));

TEST(PhaseRulesTest, WhatDestroysDataSaysThatItCannotBeUndone) {
  for (const char* sql : {"DROP TABLE t", "ALTER TABLE t DROP COLUMN a", "TRUNCATE t", "DELETE FROM t WHERE a = 1"}) {
    EXPECT_THAT(read(step("constraint", sql, "irreversible = \"gone\"")).found, IsEmpty()) << sql;
  }
  EXPECT_THAT(read(step("constraint", "DROP TABLE t CASCADE", "irreversible = \"gone\"")).found,
              ElementsAre("warning drop-cascade"));
  EXPECT_THAT(read(step("constraint", "DROP TABLE t")).text, HasSubstr("say irreversible = \"why\""));
}

TEST(PhaseRulesTest, WhatTakesAlongWhatItDoesNotNameIsNoStepThatCanBeUndone) {
  EXPECT_THAT(read(step("constraint", "DROP TYPE mood CASCADE")).found, ::testing::Contains("error drop-cascade"));
  EXPECT_THAT(read(step("additive", "ALTER TABLE t ALTER COLUMN a DROP DEFAULT")).found,
              ElementsAre("warning drop-default"));
  EXPECT_THAT(read(step("constraint", "ALTER TABLE t ALTER COLUMN a DROP DEFAULT")).found, IsEmpty());
}

TEST(PhaseRulesTest, ABackfillThatReadsWhatItsBatchesWriteIsToldOf) {
  const auto fill = [](const std::string& more) {
    return read("[[backfill]]\nname = \"b\"\ntable = \"t\"\nirreversible = \"x\"\n" + more + "\n").found;
  };
  const auto told = ElementsAre("warning backfill-reads-itself");
  EXPECT_THAT(fill("set = { a = \"(SELECT max(a) FROM t)\" }"), told);
  EXPECT_THAT(fill("set = { a = \"1\" }\nonce = true\nwhere = \"(SELECT count(*) FROM t o WHERE o.a = 1) < 5\""), told);
  EXPECT_THAT(fill("set = { a = \"(SELECT max(b) FROM t)\" }"), IsEmpty());
  EXPECT_THAT(fill("set = { a = \"(SELECT max(a) FROM u)\" }"), IsEmpty());
}

TEST(PhaseRulesTest, NobodyKnowsATableUntilItsPhaseIsOver) {
  const auto table = step("additive", "CREATE TABLE n (a int)");
  const auto change = std::string("[[change]]\nop = \"create_table\"\ntable = \"n\"\ncolumns = [{ name = \"a\", type = "
                                  "\"int\" }]\n");
  const std::string index = "CREATE INDEX i ON n (a)";
  for (const auto& made : {table, change}) {
    EXPECT_THAT(read(made + step("additive", index)).found, IsEmpty());
    EXPECT_THAT(read(made + step("backfill", index)).found, ElementsAre("error create-index"));
    EXPECT_THAT(read(step("additive", index) + made).found, ElementsAre("error create-index"));
  }
}

TEST(PhaseRulesTest, AValidatedCheckProvesThatNoRowIsNull) {
  const auto check = step("constraint", "ALTER TABLE t ADD CONSTRAINT c CHECK (a IS NOT NULL) NOT VALID") +
                     step("constraint", "ALTER TABLE t VALIDATE CONSTRAINT c");
  const std::string sql = "ALTER TABLE t ALTER COLUMN a SET NOT NULL";
  EXPECT_THAT(read(check + step("constraint", sql)).found, IsEmpty());
  EXPECT_THAT(read(step("constraint", sql) + check).found, ElementsAre("warning set-not-null"))
      << "the database may have one";
  EXPECT_THAT(read(check + step("additive", sql)).found, ElementsAre("error set-not-null"))
      << "runs before, whatever the order in the file";
}

TEST(PhaseRulesTest, AllowNeedsARuleAReasonAndSomethingToAllow) {
  const auto with = [](const std::string& allow) {
    return read(step("additive", "CREATE INDEX i ON t (a)", back("DROP INDEX i") + "\nallow = " + allow));
  };
  EXPECT_THAT(with("{ create-index = \"empty until the launch\" }").found, IsEmpty());
  EXPECT_THAT(with("{ create-index = \"x\", truncate = \"y\" }").found, ElementsAre("warning waiver-unused"));
  EXPECT_THAT(with("{ create-index = \"\" }").text, HasSubstr("gives no reason for create-index"));
  EXPECT_THAT(with("{ create-idnex = \"x\" }").text, HasSubstr("did you mean create-index?"));
  EXPECT_THAT(with("\"create-index\"").text, HasSubstr("`allow`"));
}

TEST(PhaseRulesTest, WhatTheTextLeavesOpenIsAllowedByWhatItMayTurnOutToBe) {
  for (const char* rule : {"change-type-rewrite", "change-type-unknown"}) {
    EXPECT_THAT(read(step("constraint", "ALTER TABLE t ALTER COLUMN a TYPE varchar(80)",
                          back("ALTER TABLE t ALTER COLUMN a TYPE text") + "\nallow = { " + rule + " = \"x\" }"))
                    .found,
                IsEmpty());
  }
}

TEST(PhaseRulesTest, NoChangeOfOursBreaksARule) {
  const auto all = testing::read_file((testing::source_folder() / "tests/corpus/fuzz/plans/changes.toml").string());
  int changes = 0;
  for (std::size_t at = all.find("[[change]]"); at != std::string::npos; ++changes) {
    const auto next = all.find("[[change]]", at + 1);
    const auto text = all.substr(at, next == std::string::npos ? next : next - at);
    EXPECT_EQ(read(text).text, "") << text;
    at = next;
  }
  EXPECT_GE(changes, 17);
}

TEST(PhaseRulesTest, PointsAtTheStatement) {
  const auto found = read(
      "[[additive]]\nname = \"a\"\nsql = [\n  \"COMMENT ON TABLE t IS 'x'\",\n  \"CREATE INDEX i ON t (a)\",\n]\n"
      "rollback = \"COMMENT ON TABLE t IS NULL\"\n");
  EXPECT_THAT(found.text, HasSubstr("001_test.toml:6:4: error: writers of t wait until the index is built [create-index]"));
  EXPECT_THAT(found.text, HasSubstr("CREATE INDEX CONCURRENTLY"));
}

TEST(PhaseRulesTest, WhatIsAllowedGoesIntoTheLedgerWithTheStep) {
  const auto plan = testing::plan_of(step("additive", "CREATE INDEX i ON t (a)",
                                          back("DROP INDEX i") + "\nallow = { create-index = \"empty\" }"));
  const auto kept = phased_plan_from_json(boost::json::parse(boost::json::serialize(to_json(plan))));
  ASSERT_TRUE(kept);
  EXPECT_EQ((*kept)[Phase::additive].steps[0].allow.at("create-index"), "empty");
}

}  // namespace
}  // namespace pgphase
