// A value of a row type with a field that is NULL is a value: it is filled, kept, and accepted where NOT NULL accepts
// it.
#include <gmock/gmock.h>

#include "tests/e2e/fixture.hpp"

namespace pgphase::testing {
namespace {

class CompositeTypesE2eTest : public ::testing::Test {
 protected:
  CompositeTypesE2eTest() { project.db().exec("CREATE TYPE addr AS (street text, zip text)"); }
  void plan(const std::string& change) { project.plan("001_change", "format = 1\n[[change]]\n" + change); }
  void up(const std::string& phase) {
    const auto run = project.run({"up", "001_change", "--through", phase, "--approve"});
    ASSERT_EQ(run.code, 0) << run.err;
  }
  void back() {
    const auto run = project.run({"rollback", "001_change"});
    ASSERT_EQ(run.code, 0) << run.err;
  }
  std::string all(const std::string& columns) {
    return project.db().value("SELECT string_agg(concat_ws(':', id, " + columns + "), ' ' ORDER BY id) FROM people");
  }
  Project project;
};

TEST_F(CompositeTypesE2eTest, RowsWithHalfAValueAreMergedToo) {
  project.db().exec(
      "CREATE TABLE people (id int PRIMARY KEY, street text, zip text);"
      "INSERT INTO people VALUES (1, 'Main', '1'), (2, 'Nozip', NULL), (3, NULL, '3'), (4, NULL, NULL)");
  plan(
      "op = \"merge_columns\"\ntable = \"people\"\ncolumns = [\"street\", \"zip\"]\ninto = \"address\"\ntype = "
      "\"addr\"\n"
      "fill = \"row(street, zip)::addr\"\ndown = { street = \"(address).street\", zip = \"(address).zip\" }\n");
  up("backfill");
  EXPECT_EQ(all("address::text"), "1:(Main,1) 2:(Nozip,) 3:(,3) 4:(,)");
  project.db().exec(
      "INSERT INTO people (id, address) VALUES (5, row('new', NULL)); UPDATE people SET zip = '44' WHERE id = 4");
  up("constraint");
  project.db().exec("INSERT INTO people (id, address) VALUES (6, row(NULL, '6'))");
  EXPECT_EQ(all("address::text"), "1:(Main,1) 2:(Nozip,) 3:(,3) 4:(,44) 5:(new,) 6:(,6)");
  back();
  EXPECT_EQ(all("coalesce(street, '-'), coalesce(zip, '-')"), "1:Main:1 2:Nozip:- 3:-:3 4:-:44 5:new:- 6:-:6");
}

TEST_F(CompositeTypesE2eTest, ARenamedColumnTakesWhatNotNullTakes) {
  project.db().exec(
      "CREATE TABLE people (id int PRIMARY KEY, a addr NOT NULL DEFAULT row('x', NULL)::addr);"
      "INSERT INTO people VALUES (1, '(m,1)'), (2, '(m,)'), (3, '(,)')");
  plan("op = \"rename_column\"\ntable = \"people\"\ncolumn = \"a\"\nto = \"b\"\n");
  up("backfill");
  project.db().exec(
      "INSERT INTO people (id, a) VALUES (4, row(NULL, NULL)); INSERT INTO people (id, b) VALUES (5, row(NULL, NULL));"
      "UPDATE people SET a.street = NULL WHERE id = 2; UPDATE people SET b.street = NULL WHERE id = 1");
  EXPECT_EQ(all("a::text, b::text"), "1:(,1):(,1) 2:(,):(,) 3:(,):(,) 4:(,):(,) 5:(,):(,)");
  up("constraint");
  back();
  EXPECT_EQ(all("a::text"), "1:(,1) 2:(,) 3:(,) 4:(,) 5:(,)");
}

TEST_F(CompositeTypesE2eTest, ADroppedColumnComesBackAndTakesWhatNotNullTakes) {
  project.db().exec(
      "CREATE TABLE people (id int PRIMARY KEY, a addr NOT NULL); INSERT INTO people VALUES (1, '(m,1)'), (2, '(,)')");
  plan("op = \"drop_column\"\ntable = \"people\"\ncolumn = \"a\"\n");
  up("constraint");
  project.db().exec("INSERT INTO people (id) VALUES (3)");
  back();
  project.db().exec(
      "INSERT INTO people (id, a) VALUES (4, row(NULL, NULL)); UPDATE people SET a = row(NULL, NULL) WHERE id = 1");
  EXPECT_EQ(all("coalesce(a::text, 'none')"), "1:(,) 2:(,) 3:none 4:(,)");
  EXPECT_THROW(project.db().exec("INSERT INTO people (id) VALUES (5)"), PgError);
}

TEST_F(CompositeTypesE2eTest, NotNullIsSetOverEmptyRows) {
  project.db().exec(
      "CREATE TABLE people (id int PRIMARY KEY, a addr); INSERT INTO people VALUES (1, '(m,)'), (2, '(,)')");
  plan("op = \"set_not_null\"\ntable = \"people\"\ncolumn = \"a\"\n");
  up("constraint");
  EXPECT_EQ(
      project.db().value("SELECT attnotnull FROM pg_attribute WHERE attrelid = 'people'::regclass AND attname = 'a'"),
      "t");
}

}  // namespace
}  // namespace pgphase::testing
