// The two moments of a rollback: when code of the schema before can work again, and when everything is restored.
#include <gmock/gmock.h>

#include "tests/e2e/fixture.hpp"

namespace pgphase::testing {
namespace {

using ::testing::HasSubstr;

constexpr const char* k_orders = R"sql(
CREATE TABLE customers (id integer PRIMARY KEY);
INSERT INTO customers SELECT generate_series(1, 100);
CREATE TABLE orders (id integer PRIMARY KEY, customer integer NOT NULL REFERENCES customers, note text);
INSERT INTO orders SELECT i, i % 100 + 1, 'x' FROM generate_series(1, 300000) i;
)sql";

constexpr const char* k_drop = R"toml(
format = 1
[[change]]
op      = "drop_column"
table   = "orders"
column  = "customer"
restore = "1"
)toml";

class RollbackMomentsE2eTest : public ::testing::Test {
 protected:
  RollbackMomentsE2eTest() {
    project.db().exec(k_orders);
    project.plan("001_drop", k_drop);
  }
  void up() {
    const auto output = project.run({"up", "001_drop", "--approve"});
    ASSERT_EQ(output.code, 0) << output.out << output.err;
  }
  std::int64_t event(const std::string& kind) {
    return std::stoll(project.db().value("SELECT coalesce(max(id), 0) FROM pgphase.event WHERE kind = '" + kind + "'"));
  }
  Project project;
};

TEST_F(RollbackMomentsE2eTest, OldCodeIsSafeBeforeEverythingIsRestored) {
  up();
  const auto said = project.json({"rollback", "001_drop", "--phase", "constraint"});
  const auto& phase = said.at("rolled_back").as_array().at(0).as_object();
  const double safe = phase.at("old_code_safe_seconds").as_double();
  EXPECT_GT(safe, 0);
  EXPECT_LT(safe, phase.at("complete_seconds").as_double());
  // Told when it was so: before the foreign key was validated and the step ended.
  EXPECT_GT(event("old_code_safe"), event("rollback_started"));
  EXPECT_LT(event("old_code_safe"), event("step_undone"));
  EXPECT_EQ(
      project.db().value("SELECT count(*) FROM pg_constraint WHERE conrelid = 'orders'::regclass AND contype = 'f' "
                         "AND convalidated"),
      "1");
}

TEST_F(RollbackMomentsE2eTest, APersonReadsBoth) {
  up();
  const auto output = project.run({"rollback", "001_drop", "--phase", "constraint"});
  ASSERT_EQ(output.code, 0) << output.err;
  EXPECT_THAT(output.out, HasSubstr("old code is safe again, "));
  EXPECT_THAT(output.out, HasSubstr("001_drop constraint: old code safe after "));
  EXPECT_THAT(output.out, HasSubstr(", everything restored after "));
}

TEST_F(RollbackMomentsE2eTest, APhaseThatKeptNobodyOutSaysSo) {
  ASSERT_EQ(project.run({"up", "001_drop", "--through", "additive"}).code, 0);
  const auto output = project.run({"rollback", "001_drop", "--phase", "additive"});
  ASSERT_EQ(output.code, 0) << output.err;
  EXPECT_THAT(output.out, HasSubstr("001_drop additive: old code was safe when it began"));
  EXPECT_EQ(event("old_code_safe"), 0);
}

// Whoever finds a rollback that was cut short wants to know one thing first.
TEST_F(RollbackMomentsE2eTest, TheIncidentCardOfOneCutShortTellsWhereItIs) {
  up();
  project.env["PGPHASE_FAILPOINT"] = "rollback.old_code_safe.after_commit";
  ASSERT_NE(project.run({"rollback", "001_drop", "--phase", "constraint"}).code, 0);
  project.env.clear();
  EXPECT_THAT(project.run({"status"}).out, HasSubstr("old code is safe: what is left is restoration"));
  const auto output = project.run({"rollback", "001_drop", "--phase", "constraint", "--take-over"});
  EXPECT_EQ(output.code, 0) << output.err;
  EXPECT_THAT(output.out, HasSubstr("old code was safe when it began"));
}

}  // namespace
}  // namespace pgphase::testing
