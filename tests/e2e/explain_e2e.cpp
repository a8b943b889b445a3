// `explain` with a database says what its steps would meet there, before anything runs, and changes nothing.
#include <gmock/gmock.h>

#include <boost/json.hpp>

#include "tests/e2e/fixture.hpp"

namespace pgphase::testing {
namespace {

using ::testing::AllOf;
using ::testing::HasSubstr;
using ::testing::Not;

class ExplainE2eTest : public ::testing::Test {
 protected:
  ExplainE2eTest() {
    project.db().exec(
        "CREATE TABLE people (id integer PRIMARY KEY, email text DEFAULT 'NONE', age integer);"
        "CREATE VIEW ages AS SELECT id, age FROM people");
    project.plan("010_change", R"toml(format = 1
[[change]]
op     = "add_column"
table  = "people"
column = "address"
type   = "text"
fill   = "lower(email)"

[[change]]
op     = "drop_column"
table  = "people"
column = "age"
)toml");
  }
  std::string explain(std::vector<std::string> more = {}) {
    more.insert(more.begin(), {"explain", "010_change"});
    const auto output = project.run(more);
    EXPECT_EQ(output.code, 0) << output.err;
    return output.out;
  }
  // The JSON of the step whose name begins so.
  boost::json::object step(const std::string& name, std::vector<std::string> more = {}) {
    more.insert(more.begin(), {"explain", "010_change"});
    const auto plan = project.json(more).at("plans").at(0);
    for (const auto& phase : plan.at("phases").as_array()) {
      for (const auto& one : phase.at("steps").as_array()) {
        if (std::string_view(one.at("name").as_string()).starts_with(name)) return one.as_object();
      }
    }
    ADD_FAILURE() << "no step " << name;
    return {};
  }
  Project project;
};

TEST_F(ExplainE2eTest, WhatIsInTheWayAndWhatDeservesAWarningIsNamedAtItsStepAndNothingIsWritten) {
  const auto before = project.full_dump();
  EXPECT_THAT(explain(), AllOf(HasSubstr("in the way: one thing, named at its step"),
                               HasSubstr("     in the way: view ages uses column age of table people"),
                               HasSubstr("     warning an upsert that leaves address out finds 'none'")));
  EXPECT_EQ(project.full_dump(), before);
  EXPECT_EQ(project.run({"up", "010_change"}).code, 21) << "as explain said";
  project.db().exec("DROP VIEW ages");
  EXPECT_THAT(explain(), Not(HasSubstr("in the way")));
}

TEST_F(ExplainE2eTest, JsonHasTheSameSentences) {
  const auto drop = step("drop_column");
  ASSERT_EQ(drop.at("in_the_way").as_array().size(), 1U);
  EXPECT_THAT(std::string(drop.at("in_the_way").at(0).as_string()), HasSubstr("view ages uses column age"));
  EXPECT_TRUE(drop.at("warnings").as_array().empty());
  const auto add = step("add_column");
  EXPECT_TRUE(add.at("in_the_way").as_array().empty());
  EXPECT_EQ(add.at("warnings").as_array().size(), 1U);
}

TEST_F(ExplainE2eTest, WithoutADatabaseNothingOfItIsSaid) {
  EXPECT_THAT(explain({"--offline"}), AllOf(Not(HasSubstr("in the way")), Not(HasSubstr("warning"))));
  EXPECT_TRUE(step("drop_column", {"--offline"}).at("in_the_way").is_null());
}

// The text of a plan names an index; which table is locked only the database knows.
TEST_F(ExplainE2eTest, TheTableOfAnIndexIsNamed) {
  project.db().exec("CREATE INDEX by_email ON people (email)");
  project.plan("010_change", "format = 1\n[[constraint]]\nname = \"gone\"\nsql = \"DROP INDEX by_email\"\n"
                             "irreversible = \"a test\"\n");
  EXPECT_THAT(explain(), HasSubstr("locks   people: ACCESS EXCLUSIVE"));
  EXPECT_THAT(explain({"--offline"}), Not(HasSubstr("people: ACCESS EXCLUSIVE")));
}

TEST_F(ExplainE2eTest, OfAStepThatIsDoneNothingIsSaid) {
  project.db().exec("DROP VIEW ages");
  ASSERT_EQ(project.run({"up", "010_change", "--through", "backfill"}).code, 0);
  project.db().exec("CREATE VIEW ages AS SELECT id, age FROM people");
  EXPECT_THAT(explain(), AllOf(HasSubstr("view ages uses column age"), Not(HasSubstr("an upsert that leaves"))));
  EXPECT_TRUE(step("add_column").at("warnings").is_null());
}

}  // namespace
}  // namespace pgphase::testing
