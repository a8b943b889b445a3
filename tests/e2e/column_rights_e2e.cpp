// Roles that may use some columns of a table only: by whatever name a column goes meanwhile, they may use it.
#include <gmock/gmock.h>

#include "tests/e2e/fixture.hpp"

namespace pgphase::testing {
namespace {

TEST(ColumnRightsE2e, GoAlongWithAColumnThroughEachPhaseAndBack) {
  Project project;
  const auto role = project.db().value("SELECT 'clerk_' || current_database()");
  project.db().exec("CREATE ROLE " + role +
                    "; CREATE TABLE o (id integer PRIMARY KEY, k integer DEFAULT 3, j integer, secret text);"
                    "INSERT INTO o SELECT i, i, i FROM generate_series(1, 20) i;"
                    "GRANT SELECT (id, k, j), INSERT (id, k, j), UPDATE (k, j) ON o TO " + role);
  project.plan("001_a",
               "format = 1\n"
               "[[change]]\nop = \"rename_column\"\ntable = \"o\"\ncolumn = \"k\"\nto = \"kk\"\n"
               "[[change]]\nop = \"change_type\"\ntable = \"o\"\ncolumn = \"j\"\nto = \"jj\"\ntype = \"bigint\"\n");
  int id = 100;
  const auto works = [&](const std::string& k, const std::string& j) {
    ++id;
    project.db().exec("SET ROLE " + role + "; INSERT INTO o (id, " + k + ", " + j + ") VALUES (" + std::to_string(id) +
                      ", 5, 6); UPDATE o SET " + k + " = 7, " + j + " = 8 WHERE id = 2; SELECT " + k + ", " + j +
                      " FROM o WHERE id = 2; RESET ROLE");
  };
  for (int round = 0; round < 2; ++round) {
    for (const auto* phase : {"additive", "backfill", "constraint"}) {
      const auto up = project.run({"up", "001_a", "--approve", "--through", phase});
      ASSERT_EQ(up.code, 0) << up.out << up.err;
      if (std::string(phase) != "constraint") works("k", "j");
      works("kk", "jj");
    }
    const auto back = project.run({"rollback", "001_a"});
    ASSERT_EQ(back.code, 0) << back.out << back.err;
    works("k", "j");
  }
  EXPECT_EQ(project.db().value("SELECT has_any_column_privilege('" + role + "', 'o', 'REFERENCES')"), "f");
  project.db().exec("DROP OWNED BY " + role + "; DROP ROLE " + role);
}

}  // namespace
}  // namespace pgphase::testing
