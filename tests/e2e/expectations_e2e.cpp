// What a plan takes for granted and the database does not have is named before anything runs, by `explain` and by `up`.
#include <gmock/gmock.h>

#include <ostream>

#include "tests/e2e/fixture.hpp"

namespace pgphase::testing {
namespace {

using ::testing::HasSubstr;

constexpr const char* k_schema = R"sql(
CREATE TABLE o (id integer PRIMARY KEY, k integer DEFAULT 5, j integer, CONSTRAINT taken CHECK (j > 0));
INSERT INTO o SELECT i, i, i FROM generate_series(1, 10) i;
CREATE TABLE keyless (a integer, b text);
CREATE VIEW vv AS SELECT 1 AS a;
CREATE INDEX by_j ON o (j);
)sql";

std::string change(const std::string& lines) {
  return "[[change]]\n" + lines + "\n";
}

struct Case {
  std::string name, change, words;
};

void PrintTo(const Case& one, std::ostream* out) {
  *out << one.name;
}

std::vector<Case> cases() {
  return {
      {"ATypoInFill", change("op = \"add_column\"\ntable = \"o\"\ncolumn = \"n\"\ntype = \"int\"\nfill = \"jj + 1\""),
       "table o has no column jj"},
      {"AFunctionThatIsNotThere",
       change("op = \"add_column\"\ntable = \"o\"\ncolumn = \"n\"\ntype = \"int\"\nfill = \"nosuch(j)\""),
       "function nosuch(integer) does not exist"},
      {"ATypeThatIsNotThereWithFill",
       change("op = \"change_type\"\ntable = \"o\"\ncolumn = \"k\"\ntype = \"nosuchtype\""), "nosuchtype"},
      {"ATypeThatIsNotThere", change("op = \"add_column\"\ntable = \"o\"\ncolumn = \"n\"\ntype = \"nosuchtype\""),
       "nosuchtype"},
      {"AColumnToDrop", change("op = \"drop_column\"\ntable = \"o\"\ncolumn = \"nosuch\""),
       "table o has no column nosuch"},
      {"AColumnToRename", change("op = \"rename_column\"\ntable = \"o\"\ncolumn = \"nosuch\"\nto = \"n\""),
       "table o has no column nosuch"},
      {"ANameThatAnotherColumnHas", change("op = \"rename_column\"\ntable = \"o\"\ncolumn = \"k\"\nto = \"j\""),
       "table o has a column j already"},
      {"ANameOfTheSystems", change("op = \"rename_column\"\ntable = \"o\"\ncolumn = \"k\"\nto = \"xmin\""),
       "table o has a column xmin already"},
      {"ANewColumnThatIsThere", change("op = \"add_column\"\ntable = \"o\"\ncolumn = \"j\"\ntype = \"int\""),
       "table o has a column j already"},
      {"ATypoInACheck", change("op = \"add_check\"\ntable = \"o\"\nname = \"c\"\ncheck = \"nosuch > 1\""),
       "column \"nosuch\" does not exist"},
      {"AConstraintsName", change("op = \"add_check\"\ntable = \"o\"\nname = \"taken\"\ncheck = \"j > 1\""),
       "table o has a constraint taken already"},
      {"AColumnThatIsRequiredAlready", change("op = \"set_not_null\"\ntable = \"o\"\ncolumn = \"id\""),
       "column id of o is NOT NULL already"},
      {"APrimaryKeyOfAColumnThatMayBeNull",
       change("op = \"add_primary_key\"\ntable = \"keyless\"\nname = \"k\"\ncolumns = \"a\""),
       "column a of keyless may be NULL"},
      {"AForeignKeyToAView",
       change("op = \"add_foreign_key\"\ntable = \"o\"\nname = \"f\"\ncolumns = \"j\"\nreferences = { table = \"vv\", "
              "columns = \"a\" }"),
       "vv is a view, not a table"},
      {"AColumnOfAView", change("op = \"rename_column\"\ntable = \"vv\"\ncolumn = \"a\"\nto = \"b\""),
       "vv is a view, not a table"},
      {"AViewToDrop", change("op = \"drop_table\"\ntable = \"vv\""), "vv is a view, not a table"},
      {"ATablesNewNameThatAViewHas", change("op = \"rename_table\"\ntable = \"o\"\nto = \"vv\""),
       "there is a view vv already"},
      {"ATableThatIsThere",
       change("op = \"create_table\"\ntable = \"o\"\nprimary_key = [\"id\"]\ncolumns = [{ name = \"id\", type = "
              "\"int\" }]"),
       "there is a table o already"},
      {"AnIndexThatIsThere", change("op = \"create_index\"\ntable = \"o\"\nname = \"by_j\"\ncolumns = [\"k\"]"),
       "there is an index by_j already"},
      {"ATypoInABackfill", "[[backfill]]\nname = \"b\"\ntable = \"o\"\nset = { k = \"nosuch + 1\" }\n",
       "column \"nosuch\" does not exist"},
      {"AColumnToFill", "[[backfill]]\nname = \"b\"\ntable = \"o\"\nset = { nosuch = \"j\" }\n",
       "table o has no column nosuch"},
      {"AColumnToRequire", change("op = \"set_not_null\"\ntable = \"o\"\ncolumn = \"nosuch\""),
       "column \"nosuch\" does not exist"},
  };
}

class ExpectationE2e : public ::testing::TestWithParam<Case> {};

// Behind a change that is right: half of the plan must not be done.
TEST_P(ExpectationE2e, IsNamedBeforeAnythingRuns) {
  Project project;
  project.db().exec(k_schema);
  project.plan("001_a", "format = 1\n" + change("op = \"add_column\"\ntable = \"o\"\ncolumn = \"z\"\ntype = \"int\"") +
                            GetParam().change);
  const auto before = project.schema_dump();
  const auto explained = project.run({"explain", "001_a"});
  EXPECT_EQ(explained.code, 0) << explained.err;
  EXPECT_THAT(explained.out + explained.err, HasSubstr(GetParam().words));
  const auto up = project.run({"up", "001_a", "--approve"});
  EXPECT_EQ(up.code, 21) << up.out << up.err;
  EXPECT_THAT(up.err, HasSubstr(GetParam().words));
  EXPECT_THAT(up.err, HasSubstr("Nothing was changed."));
  EXPECT_EQ(project.schema_dump(), before);
}

INSTANTIATE_TEST_SUITE_P(Of, ExpectationE2e, ::testing::ValuesIn(cases()),
                         [](const auto& instance) { return instance.param.name; });

// What one step makes, the next may use, in one plan and over several.
TEST(ExpectationsE2e, WhatEarlierStepsMakeIsNotMissed) {
  Project project;
  project.db().exec(k_schema);
  project.plan("001_a", "format = 1\n" + change("op = \"add_column\"\ntable = \"o\"\ncolumn = \"n\"\ntype = \"int\"") +
                            change("op = \"add_check\"\ntable = \"o\"\nname = \"c\"\ncheck = \"n > 1\"") +
                            change("op = \"create_table\"\ntable = \"g\"\nprimary_key = [\"id\"]\ncolumns = [{ name = "
                                   "\"id\", type = \"int\" }]") +
                            change("op = \"add_foreign_key\"\ntable = \"o\"\nname = \"f\"\ncolumns = \"n\"\nreferences "
                                   "= { table = \"g\", columns = \"id\" }") +
                            "[[backfill]]\nname = \"b\"\ntable = \"o\"\nset = { n = \"NULL\" }\nwhere = \"n < 0\"\n");
  project.plan("002_b",
               "format = 1\nrequires = [\"001_a\"]\n" +
                   change("op = \"add_column\"\ntable = \"o\"\ncolumn = \"m\"\ntype = \"int\"\nfill = \"n + 1\"") +
                   "[[additive]]\nname = \"f\"\nsql = \"CREATE FUNCTION twice(int) RETURNS int LANGUAGE sql "
                   "IMMUTABLE AS 'SELECT $1 * 2'\"\nrollback = \"DROP FUNCTION twice(int)\"\n");
  project.plan("003_c",
               "format = 1\nrequires = [\"002_b\"]\n" +
                   change("op = \"add_column\"\ntable = \"o\"\ncolumn = \"t\"\ntype = \"int\"\nfill = \"twice(m)\""));
  project.plan("004_d", "format = 1\nrequires = [\"003_c\"]\n" +
                            change("op = \"set_not_null\"\ntable = \"keyless\"\ncolumn = \"a\"") +
                            change("op = \"add_primary_key\"\ntable = \"keyless\"\nname = \"k\"\ncolumns = \"a\""));
  project.plan("005_e", "format = 1\nrequires = [\"004_d\"]\n[[additive]]\nname = \"e\"\nsql = \"CREATE TYPE size AS ENUM "
                        "('1', '2')\"\nrollback = \"DROP TYPE size\"\n" +
                            change("op = \"change_type\"\ntable = \"keyless\"\ncolumn = \"b\"\ntype = \"size\"\nfill = "
                                   "\"b::size\"\ndown = \"b::text\""));
  const auto explained = project.run({"explain"});
  EXPECT_EQ(explained.code, 0) << explained.err;
  for (const auto* word : {"has no column", "does not exist", "already", "not a table"}) {
    EXPECT_THAT(explained.out + explained.err, ::testing::Not(HasSubstr(word)));
  }
  for (const auto* plan : {"001_a", "002_b", "003_c", "004_d", "005_e"}) {
    const auto up = project.run({"up", plan, "--approve"});
    EXPECT_EQ(up.code, 0) << up.out << up.err;
    EXPECT_EQ(project.run({"rollback", plan}).code, 0);
    EXPECT_EQ(project.run({"up", plan, "--approve"}).code, 0) << "what is retired is not in its own way";
  }
}

}  // namespace
}  // namespace pgphase::testing
