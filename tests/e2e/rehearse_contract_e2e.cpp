// A rehearsal with writers counts their statements that fail, and tells those that the deploy contract allows.
#include <gmock/gmock.h>

#include "tests/e2e/fixture.hpp"

namespace pgphase::testing {
namespace {

using namespace std::chrono_literals;
using ::testing::HasSubstr;

class RehearseContractE2eTest : public ::testing::Test {
 protected:
  void SetUp() override {
    project.db().exec(
        "CREATE TABLE p (id serial PRIMARY KEY, n int, note text);"
        "INSERT INTO p (n, note) SELECT i, 'n' || i FROM generate_series(1, 60) i");
  }
  Output rehearse(const std::vector<std::string>& more = {}) {
    std::vector<std::string> args{"rehearse", "--writers", "--branch", "template"};
    args.insert(args.end(), more.begin(), more.end());
    project.db().disconnect();
    return project.run(args, 300s);
  }
  Project project;
};

// Each write of the application fails in the trigger, with the SQLSTATE of a column that is gone by contract.
TEST_F(RehearseContractE2eTest, ATriggerThatFailsEveryWriteIsFound) {
  project.plan("001_trigger", R"toml(format = 1
[[additive]]
name = "function"
sql = "CREATE FUNCTION f() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN NEW.gone := 1; RETURN NEW; END $$"
rollback = "DROP FUNCTION f()"
[[additive]]
name = "trigger"
sql = "CREATE TRIGGER t BEFORE INSERT OR UPDATE ON p FOR EACH ROW EXECUTE FUNCTION f()"
rollback = "DROP TRIGGER t ON p"
)toml");
  const auto output = rehearse();
  EXPECT_EQ(output.code, 42) << output.out << output.err;
  EXPECT_THAT(output.out, HasSubstr("✗ additive: no statement fails that the deploy contract allows"));
  EXPECT_THAT(output.out, HasSubstr("old code, while it is done:"));
  EXPECT_THAT(output.out, HasSubstr("failed with 42703: record \"new\" has no field \"gone\""));
}

// What old code must do without behind constraint is no fault, and told as a figure.
TEST_F(RehearseContractE2eTest, WhatIsGoneByContractIsCountedAndNoFault) {
  project.plan("001_rename",
               "format = 1\n[[change]]\nop = \"rename_column\"\ntable = \"p\"\ncolumn = \"note\"\nto = \"remark\"\n");
  const auto output = rehearse({"--report", "report.json"});
  EXPECT_EQ(output.code, 0) << output.out << output.err;
  EXPECT_THAT(output.out, HasSubstr("✓ constraint: no statement fails that the deploy contract allows"));
  EXPECT_THAT(output.out, HasSubstr("of the applications' statements failed with 42703, such as: "));
  const auto report = read_file(project.folder() / "report.json");
  EXPECT_THAT(report, HasSubstr("\"failed_statements\""));
  EXPECT_THAT(report, HasSubstr("\"sqlstate\":\"42703\""));
}

// A value of its own that a check refuses is the application's, also where the column is out of sight by now.
TEST_F(RehearseContractE2eTest, ACheckOfAColumnThatGoesIsItsWritersOwn) {
  project.db().exec("ALTER TABLE p ADD CONSTRAINT noted CHECK (note LIKE 'n%')");
  project.plan("001_drop", "format = 1\n[[change]]\nop = \"drop_column\"\ntable = \"p\"\ncolumn = \"note\"\n");
  const auto output = rehearse();
  EXPECT_EQ(output.code, 0) << output.out << output.err;
  EXPECT_THAT(output.out, HasSubstr("✓ constraint: no statement fails that the deploy contract allows"));
  EXPECT_THAT(output.out, HasSubstr("failed with 23514, such as: "));
}

// The rehearsal rolls back as the command does: it cannot tick what that refuses.
TEST_F(RehearseContractE2eTest, APlanWhoseOwnForeignKeyIsInTheWayRollsBackAsAWhole) {
  project.plan("001_groups", R"toml(format = 1
[[change]]
op = "create_table"
table = "groups"
primary_key = ["id"]
columns = [{ name = "id", type = "int" }]
[[change]]
op = "add_column"
table = "p"
column = "group_id"
type = "int"
[[change]]
op = "add_foreign_key"
table = "p"
name = "p_group"
columns = "group_id"
references = { table = "groups", columns = "id" }
)toml");
  const auto output = rehearse();
  EXPECT_EQ(output.code, 0) << output.out << output.err;
  EXPECT_THAT(output.out, HasSubstr("✓ the plan rolls back as a whole"));
}

}  // namespace
}  // namespace pgphase::testing
