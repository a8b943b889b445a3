// What the text of a plan leaves open and the database decides: `check --live`, `explain` and `up` say the same, before
// anything happens; and a step that says why may do it.
#include <gmock/gmock.h>

#include <boost/json.hpp>

#include "tests/e2e/fixture.hpp"

namespace pgphase::testing {
namespace {

using ::testing::AllOf;
using ::testing::HasSubstr;
using ::testing::Not;

class PhaseRulesE2eTest : public ::testing::Test {
 protected:
  void make_table(int rows) {
    project.db().exec("CREATE TABLE t (id integer PRIMARY KEY, a integer NOT NULL, b varchar(10));"
                      "INSERT INTO t SELECT i, i, 'x' FROM generate_series(1, " +
                      std::to_string(rows) + ") i");
  }

  void plan(const std::string& sql, const std::string& back, const std::string& more = "") {
    project.plan("001_by_hand", "format = 1\n[[constraint]]\nname = \"by hand\"\nsql = \"" + sql +
                                    "\"\nrollback = \"" + back + "\"\n" + more);
  }

  void plan_bigint(const std::string& more = "") {
    plan("ALTER TABLE t ALTER COLUMN a TYPE bigint", "ALTER TABLE t ALTER COLUMN a TYPE integer", more);
  }

  static constexpr int k_large = 50'000;  // more than the 1 MiB from which on waiting counts
  Project project;
};

TEST_F(PhaseRulesE2eTest, WhatTheTextLeavesOpenIsRefusedWhereTheTableMakesItHarmful) {
  make_table(k_large);
  plan_bigint();
  const auto offline = project.run({"check"});
  EXPECT_EQ(offline.code, 0) << offline.out;
  EXPECT_THAT(offline.out, HasSubstr("warning: readers and writers of t may have to wait"));
  const auto live = project.run({"check", "--live"});
  EXPECT_EQ(live.code, 20);
  EXPECT_THAT(live.out, HasSubstr("error: constraint/by hand: readers and writers of t wait until every row has been "
                                  "written again [change-type-rewrite]"));
  EXPECT_THAT(project.run({"explain"}).out,
              AllOf(HasSubstr("in the way: readers and writers of t wait"), HasSubstr("work    writes every row again of t (")));
  const auto up = project.run({"up", "--approve", "001_by_hand"});
  EXPECT_EQ(up.code, 21) << up.out << up.err;
  EXPECT_THAT(up.err, AllOf(HasSubstr("[change-type-rewrite]"), HasSubstr("allow = { RULE = \"why\" }"),
                            HasSubstr("Nothing was changed")));
  EXPECT_EQ(project.db().value("SELECT count(*) FROM pg_namespace WHERE nspname = 'pgphase'"), "0");
  EXPECT_EQ(project.db().value("SELECT format_type(atttypid, -1) FROM pg_attribute WHERE attrelid = 't'::regclass AND "
                              "attname = 'a'"),
            "integer");
}

TEST_F(PhaseRulesE2eTest, AStepThatSaysWhyMayDoIt) {
  make_table(k_large);
  plan_bigint("allow = { change-type-rewrite = \"at night\", change-type-unknown = \"at night\" }\n");
  EXPECT_EQ(project.run({"check", "--live", "--strict"}).code, 0) << project.run({"check", "--live"}).out;
  const auto up = project.run({"up", "--approve", "001_by_hand"});
  EXPECT_EQ(up.code, 0) << up.out << up.err;
  EXPECT_THAT(up.err, Not(HasSubstr("change-type-rewrite")));
}

TEST_F(PhaseRulesE2eTest, OnASmallTableItIsAWarning) {
  make_table(100);
  plan_bigint();
  EXPECT_EQ(project.run({"check", "--live"}).code, 0);
  const auto up = project.run({"up", "--approve", "001_by_hand"});
  EXPECT_EQ(up.code, 0) << up.out << up.err;
  EXPECT_THAT(up.out + up.err, HasSubstr("[change-type-rewrite]"));
}

TEST_F(PhaseRulesE2eTest, WhatTheDatabaseShowsToBeHarmlessIsNoWarningAnyMore) {
  make_table(k_large);
  plan("ALTER TABLE t ALTER COLUMN b TYPE varchar(20)", "COMMENT ON TABLE t IS NULL");
  EXPECT_THAT(project.run({"check"}).out, HasSubstr("1 warning"));
  EXPECT_THAT(project.run({"check", "--live"}).out, HasSubstr("0 errors, 0 warnings"));
  const auto up = project.run({"up", "--approve", "001_by_hand"});
  EXPECT_EQ(up.code, 0) << up.err;
  EXPECT_THAT(up.err, Not(HasSubstr("warning")));
}

TEST_F(PhaseRulesE2eTest, ATableThatAChangeHasMadeOverIsStillThere) {
  make_table(k_large);
  project.plan("001_by_hand", "format = 1\n[[change]]\nop = \"add_column\"\ntable = \"t\"\ncolumn = \"c\"\ntype = \"text\"\n"
                              "fill = \"lower(b)\"\n[[constraint]]\nname = \"unique\"\n"
                              "sql = \"ALTER TABLE IF EXISTS t ALTER COLUMN id SET NOT NULL\"\n"
                              "rollback = \"ALTER TABLE t ALTER COLUMN a TYPE bigint\"\n");
  const auto live = project.run({"check", "--live", "--strict"});
  EXPECT_EQ(live.code, 20) << live.out;
  EXPECT_THAT(live.out, AllOf(HasSubstr("[set-not-null]"), HasSubstr("its `rollback`")));
}

TEST_F(PhaseRulesE2eTest, WhatIsOnlyANoteIsForCheckAndNotForUp) {
  make_table(k_large);
  project.plan("001_by_hand", "format = 1\n[[backfill]]\nname = \"some\"\nsql = \"UPDATE t SET b = 'y' WHERE a = 7\"\n"
                              "rollback = \"UPDATE t SET b = 'x' WHERE a = 7\"\n");
  EXPECT_THAT(project.run({"check"}).out, HasSubstr("note"));
  const auto up = project.run({"up", "001_by_hand"});
  EXPECT_EQ(up.code, 0) << up.err;
  EXPECT_THAT(up.out + up.err, Not(HasSubstr("update-some-rows")));
}

// As TRUNCATE and DROP TABLE always were.
TEST_F(PhaseRulesE2eTest, ARollbackThatTakesEveryRowOrWhatItDoesNotNameNeedsToBeTold) {
  make_table(100);
  project.db().exec("CREATE SCHEMA app; CREATE TABLE app.kept AS SELECT 1 AS a; CREATE TYPE mood AS ENUM ('sad');"
                    "CREATE TABLE felt AS SELECT 'sad'::mood AS m");
  for (const char* back : {"DELETE FROM t", "WITH x AS (DELETE FROM t RETURNING 1) SELECT count(*) FROM x",
                           "DROP SCHEMA app CASCADE", "DROP TYPE mood CASCADE"}) {
    plan("COMMENT ON TABLE t IS 'x'", back);
    ASSERT_EQ(project.run({"up", "--approve", "001_by_hand"}).code, 0);
    const auto refused = project.run({"rollback", "001_by_hand", "--phase", "constraint"});
    EXPECT_EQ(refused.code, 21) << back << refused.out;
    EXPECT_THAT(refused.err, AllOf(HasSubstr("would destroy"), HasSubstr("--lose-data"))) << back;
    EXPECT_EQ(project.db().value("SELECT count(*) FROM t"), "100");
    EXPECT_EQ(project.db().value("SELECT (SELECT count(*) FROM app.kept) + (SELECT count(m) FROM felt)"), "2");
    project.db().exec("DROP SCHEMA pgphase CASCADE");
  }
  plan("COMMENT ON TABLE t IS 'x'", "DELETE FROM t");
  ASSERT_EQ(project.run({"up", "--approve", "001_by_hand"}).code, 0);
  EXPECT_EQ(project.run({"rollback", "001_by_hand", "--phase", "constraint", "--lose-data"}).code, 0);
  EXPECT_EQ(project.db().value("SELECT count(*) FROM t"), "0");
}

TEST_F(PhaseRulesE2eTest, WhatAnEarlierPlanMakesIsKnownToALaterOne) {
  make_table(k_large);
  project.plan("001_check", "format = 1\n[[change]]\nop = \"add_check\"\nname = \"b_there\"\ntable = \"t\"\n"
                            "check = \"b IS NOT NULL\"\n");
  project.plan("002_required", "format = 1\n[[constraint]]\nname = \"required\"\nsql = \"ALTER TABLE t ALTER COLUMN b SET "
                               "NOT NULL\"\nrollback = \"ALTER TABLE t ALTER COLUMN b DROP NOT NULL\"\n");
  const auto checked = project.run({"check", "--live", "--strict"});
  EXPECT_EQ(checked.code, 0) << checked.out;
  ASSERT_EQ(project.run({"up", "001_check", "--approve"}).code, 0);
  const auto up = project.run({"up", "002_required", "--approve"});
  EXPECT_EQ(up.code, 0) << up.err;
  EXPECT_THAT(up.err, Not(HasSubstr("warning")));
}

}  // namespace
}  // namespace pgphase::testing
