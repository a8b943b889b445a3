// The changes that add a constraint: what they execute in which order, and what undoes which of it.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "plans/split/phased_plan_json.hpp"
#include "tests/unit/plans/plan_text.hpp"

namespace pgphase::testing {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;

std::string change(const std::string& op, const std::string& keys) {
  return "[[change]]\nop = \"" + op + "\"\n" + keys;
}

SqlBody body_of(const std::string& op, const std::string& keys) {
  return body_of_step<SqlBody>(plan_of(change(op, keys)), Phase::constraint);
}

std::vector<std::string> sql_of(const std::vector<Statement>& statements) {
  std::vector<std::string> all;
  for (const auto& one : statements) all.push_back(one.kind == StatementKind::nothing ? "-" : one.sql);
  return all;
}

LockMode mode_on(const Statement& statement, const std::string& table) {
  for (const auto& lock : statement.locks) {
    if (lock.table.name == table) return lock.mode;
  }
  return LockMode::none;
}

constexpr const char* k_check = "name = \"positive\"\ntable = \"t\"\ncheck = \"n > 0\"\n";

TEST(AddCheckTest, LooksFirstThenBindsThenChecksTheOldRows) {
  const auto body = body_of("add_check", k_check);
  EXPECT_THAT(sql_of(body.forward), ElementsAre("SELECT count(*) FROM public.t WHERE NOT (n > 0)",
                                                "ALTER TABLE public.t ADD CONSTRAINT positive CHECK (n > 0) NOT VALID",
                                                "ALTER TABLE public.t VALIDATE CONSTRAINT positive"));
  EXPECT_EQ(body.forward[0].kind, StatementKind::require);
  EXPECT_EQ(body.forward[0].unmet, "%n rows of t do not meet n > 0");
  EXPECT_EQ(mode_on(body.forward[1], "t"), LockMode::access_exclusive);
  EXPECT_EQ(body.forward[2].kind, StatementKind::validate);
  EXPECT_EQ(mode_on(body.forward[2], "t"), LockMode::share_update_exclusive);
  EXPECT_THAT(sql_of(body.undo), ElementsAre("-", "ALTER TABLE public.t DROP CONSTRAINT positive", "-"));
}

// The ledger goes on with what it has kept, whatever checkout is at hand.
TEST(AddCheckTest, ComesBackFromTheLedgerAsItWas) {
  const auto plan = plan_of(change("add_check", k_check));
  const auto back = phased_plan_from_json(to_json(plan)).value();
  const auto body = body_of_step<SqlBody>(back, Phase::constraint);
  EXPECT_EQ(body.forward[0].kind, StatementKind::require);
  EXPECT_EQ(body.forward[0].unmet, "%n rows of t do not meet n > 0");
  EXPECT_EQ(body.undo[0].kind, StatementKind::nothing);
  EXPECT_EQ(split_hash(back), plan.split_sha256);
}

TEST(AddCheckTest, AConditionThatClosesItsParenthesisIsRefused) {
  EXPECT_NE(problems_of(change("add_check", "name = \"c\"\ntable = \"t\"\ncheck = \"n > 0) OR (true\"\n")), "");
  EXPECT_THAT(problems_of(change("add_check", "name = \"c\"\ntable = \"t\"\n")), HasSubstr("`check` is missing"));
}

TEST(AddForeignKeyTest, LocksBothTablesAndOnlyForAMoment) {
  const auto body = body_of("add_foreign_key",
                            "name = \"fk\"\ntable = \"t\"\ncolumns = [\"a\", \"b\"]\n"
                            "references = { table = \"u\", columns = [\"x\", \"y\"] }\non_delete = \"set null\"\n");
  EXPECT_THAT(
      sql_of(body.forward),
      ElementsAre("SELECT count(*) FROM public.t a WHERE a.a IS NOT NULL AND a.b IS NOT NULL AND NOT EXISTS (SELECT "
                  "FROM public.u b WHERE b.x = a.a AND b.y = a.b)",
                  "ALTER TABLE public.t ADD CONSTRAINT fk FOREIGN KEY (a, b) REFERENCES public.u (x, y) ON DELETE "
                  "SET NULL NOT VALID",
                  "ALTER TABLE public.t VALIDATE CONSTRAINT fk"));
  EXPECT_EQ(mode_on(body.forward[1], "t"), LockMode::share_row_exclusive);
  EXPECT_EQ(mode_on(body.forward[1], "u"), LockMode::share_row_exclusive);
  EXPECT_EQ(mode_on(body.forward[2], "u"), LockMode::row_share);
  EXPECT_EQ(mode_on(body.undo[1], "t"), LockMode::access_exclusive);
  EXPECT_EQ(mode_on(body.undo[1], "u"), LockMode::access_exclusive) << "its triggers go as well";
}

TEST(AddForeignKeyTest, SaysWhatDoesNotFit) {
  const std::string key = "name = \"fk\"\ntable = \"t\"\ncolumns = \"a\"\n";
  EXPECT_THAT(problems_of(change("add_foreign_key", key)), HasSubstr("`references` is missing"));
  EXPECT_THAT(
      problems_of(change("add_foreign_key", key + "references = { table = \"u\", columns = [\"x\", \"y\"] }\n")),
      HasSubstr("1 column cannot point to 2"));
  EXPECT_THAT(problems_of(change("add_foreign_key", key + "references = { table = \"u\", columns = \"x\" }\n"
                                                          "on_delete = \"delete\"\n")),
              HasSubstr("\"delete\" is no action"));
  EXPECT_THAT(problems_of(change("add_foreign_key", key + "references = { table = \"u\", columns = \"x\" }\n"
                                                          "initially_deferred = true\n")),
              HasSubstr("has to be `deferrable`"));
}

TEST(AddUniqueTest, BuildsTheIndexFirstAndMakesItTheConstraint) {
  const auto body = body_of("add_unique", "name = \"k\"\ntable = \"t\"\ncolumns = [\"a\", \"b\"]\n");
  EXPECT_THAT(
      sql_of(body.forward),
      ElementsAre("SELECT count(*) FROM (SELECT FROM ONLY public.t WHERE NOT (a IS NULL OR b IS NULL) GROUP BY a, b HAVING "
                  "count(*) > 1) twice",
                  "CREATE UNIQUE INDEX CONCURRENTLY k ON public.t (a, b)",
                  "ALTER TABLE public.t ADD CONSTRAINT k UNIQUE USING INDEX k"));
  EXPECT_EQ(body.forward[1].kind, StatementKind::create_index_concurrently);
  EXPECT_THAT(sql_of(body.undo),
              ElementsAre("ALTER TABLE public.t DROP CONSTRAINT k", "DROP INDEX CONCURRENTLY public.k", "-"));
  EXPECT_EQ(body.undo[1].index, (TableName{"public", "k"}));
}

TEST(AddUniqueTest, NullsThatAreNotDistinctAreLookedForToo) {
  const auto body = body_of("add_unique", "name = \"k\"\ntable = \"t\"\ncolumns = \"a\"\nnulls_distinct = false\n");
  EXPECT_EQ(body.forward[0].sql, "SELECT count(*) FROM (SELECT FROM ONLY public.t GROUP BY a HAVING count(*) > 1) twice");
  EXPECT_EQ(body.forward[1].sql, "CREATE UNIQUE INDEX CONCURRENTLY k ON public.t (a) NULLS NOT DISTINCT");
  EXPECT_THAT(problems_of(change("add_unique", "name = \"k\"\ntable = \"t\"\ncolumns = [\"a\", \"a\"]\n")),
              HasSubstr("names a twice"));
}

TEST(AddPrimaryKeyTest, WantsItsColumnsNotNullAlready) {
  const auto body = body_of("add_primary_key", "name = \"k\"\ntable = \"t\"\ncolumns = \"a\"\n");
  ASSERT_EQ(body.forward.size(), 4U);
  EXPECT_EQ(body.forward[0].kind, StatementKind::require);
  EXPECT_THAT(body.forward[0].unmet, HasSubstr("set_not_null"));
  EXPECT_EQ(body.forward[3].sql, "ALTER TABLE public.t ADD CONSTRAINT k PRIMARY KEY USING INDEX k");
  EXPECT_EQ(body.undo.size(), body.forward.size());
}

TEST(SetNotNullTest, ProvesItWithACheckThatGoesAgain) {
  const auto body = body_of("set_not_null", "schema = \"App\"\ntable = \"t\"\ncolumn = \"c\"\n");
  ASSERT_EQ(body.forward.size(), 6U);
  EXPECT_EQ(body.forward[0].unmet, "column c of App.t is NOT NULL already");
  EXPECT_EQ(body.forward[1].sql, "SELECT count(*) FROM \"App\".t WHERE c IS NOT DISTINCT FROM NULL");
  EXPECT_THAT(body.forward[2].sql, HasSubstr("CHECK (c IS DISTINCT FROM NULL) NOT VALID"));
  EXPECT_EQ(body.forward[3].kind, StatementKind::validate);
  EXPECT_EQ(body.forward[4].sql, "ALTER TABLE \"App\".t ALTER COLUMN c SET NOT NULL");
  EXPECT_EQ(body.undo[0].kind, StatementKind::nothing);
  EXPECT_EQ(body.undo[1].sql, "ALTER TABLE \"App\".t ALTER COLUMN c DROP NOT NULL");
  EXPECT_THAT(body.undo[3].sql, HasSubstr("DROP CONSTRAINT IF EXISTS _pgphase_not_null_"));
}

}  // namespace
}  // namespace pgphase::testing
