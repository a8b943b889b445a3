// Nobody waits for a step that has nothing to do, and what is told of a rollback is what a person knows of the plan.
#include <gmock/gmock.h>

#include "tests/e2e/fixture.hpp"

namespace pgphase::testing {
namespace {

using ::testing::HasSubstr;
using ::testing::Not;

TEST(LookingFirstE2e, AColumnThatIsNullableAlreadyIsNotLocked) {
  Project project;
  project.db().exec("CREATE TABLE o (id integer PRIMARY KEY, v integer, w integer NOT NULL DEFAULT 1)");
  for (const auto* column : {"v", "w"}) {
    project.plan(
        std::string("00") + (*column == 'v' ? "1_" : "2_") + column,
        std::string("format = 1\n[[change]]\nop = \"drop_column\"\ntable = \"o\"\ncolumn = \"") + column + "\"\n");
  }
  auto reader = project.db().client();
  reader.exec("BEGIN; SELECT count(*) FROM o");
  for (const auto* plan : {"001_v", "002_w"}) {
    const auto up =
        project.run({"up", plan, "--through", "additive", "--lock-attempts", "1", "--lock-timeout", "100ms"});
    EXPECT_EQ(up.code, 0) << up.out << up.err;
  }
  reader.exec("COMMIT");
}

TEST(LookingFirstE2e, AHoldNamesAPhaseThatThePlanHas) {
  Project project;
  project.db().exec("CREATE TABLE o (id integer PRIMARY KEY, k integer); INSERT INTO o VALUES (1, 1)");
  project.plan("001_b",
               "format = 1\n[[backfill]]\nname = \"b\"\ntable = \"o\"\nset = { k = \"k + 1\" }\nrollback = \"UPDATE o "
               "SET k = k - 1\"\n");
  ASSERT_EQ(project.run({"up", "001_b"}).code, 0);
  ASSERT_EQ(project.run({"rollback", "001_b"}).code, 0);
  const auto held = project.run({"up"});
  EXPECT_THAT(held.out + held.err, HasSubstr("phase backfill was rolled back"));
  EXPECT_THAT(held.out + held.err, Not(HasSubstr("phase additive was rolled back")));
}

}  // namespace
}  // namespace pgphase::testing
