// Rows whose value cannot be converted: named with key and error, recorded up to a limit, and set once they are mended.
#include <gmock/gmock.h>

#include "tests/e2e/fixture.hpp"

namespace pgphase::testing {
namespace {

using ::testing::AllOf;
using ::testing::HasSubstr;

class BadRowsE2eTest : public ::testing::Test {
 protected:
  BadRowsE2eTest() {
    project.db().exec(
        "CREATE TABLE orders (id integer PRIMARY KEY, price text);"
        "INSERT INTO orders SELECT i, i || '.50' FROM generate_series(1, 5000) i;"
        "UPDATE orders SET price = 'twelve' WHERE id = 77; UPDATE orders SET price = 'free' WHERE id = 4321");
  }
  void plan(const std::string& more) {
    project.plan("010_price",
                 "format = 1\n[[change]]\nop = \"add_column\"\ntable = \"orders\"\ncolumn = \"amount\"\ntype = \"numeric\"\n"
                 "[[backfill]]\nname = \"amounts\"\ntable = \"orders\"\nset = { amount = \"price::numeric\" }\n" +
                     more);
  }
  std::string left() { return project.db().value("SELECT count(*) FROM orders WHERE amount IS NULL"); }
  Project project;
};

TEST_F(BadRowsE2eTest, TheFirstStopsThePhaseWithItsKeyAndItsError) {
  plan("");
  auto run = project.run({"up"});
  EXPECT_EQ(run.code, 41) << run.err;
  EXPECT_THAT(run.err, AllOf(HasSubstr("id = 77"), HasSubstr("twelve")));
  project.db().exec("UPDATE orders SET price = '12' WHERE id = 77");
  run = project.run({"up"});
  EXPECT_THAT(run.err, AllOf(HasSubstr("id = 4321"), HasSubstr("free")));
  project.db().exec("UPDATE orders SET price = '0' WHERE id = 4321");
  run = project.run({"up"});
  EXPECT_EQ(run.code, 0) << run.err;
  EXPECT_EQ(left(), "0");
}

TEST_F(BadRowsE2eTest, WithALimitAllOthersAreSetAndStatusCountsThem) {
  plan("max_bad_rows = 5\n");
  auto run = project.run({"up"});
  EXPECT_EQ(run.code, 41) << run.err;
  EXPECT_EQ(left(), "2");
  EXPECT_THAT(run.err, AllOf(HasSubstr("id = 77"), HasSubstr("id = 4321")));
  EXPECT_THAT(project.run({"status"}).out, HasSubstr("2 rows that cannot be set"));
  EXPECT_THAT(project.run({"status", "--json"}).out, HasSubstr("\"bad_rows\":2"));
  project.db().exec("UPDATE orders SET price = '12' WHERE id = 77; DELETE FROM orders WHERE id = 4321");
  run = project.run({"up"});
  EXPECT_EQ(run.code, 0) << run.err;
  EXPECT_EQ(left(), "0");
  EXPECT_THAT(project.run({"status", "--json"}).out, HasSubstr("\"bad_rows\":0"));
}

}  // namespace
}  // namespace pgphase::testing
