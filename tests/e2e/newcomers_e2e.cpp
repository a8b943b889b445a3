// Partitions that are attached while a plan stands between its phases bring rows that no trigger has seen.
#include <gmock/gmock.h>

#include "tests/e2e/fixture.hpp"

namespace pgphase::testing {
namespace {

using ::testing::AllOf;
using ::testing::HasSubstr;
using ::testing::Not;

class NewcomersE2e : public ::testing::Test {
 protected:
  NewcomersE2e() {
    exec(
        "CREATE TABLE p (id integer, at integer NOT NULL, k text NOT NULL DEFAULT 'q') PARTITION BY RANGE (at);"
        "CREATE TABLE p1 PARTITION OF p FOR VALUES FROM (0) TO (10);"
        "INSERT INTO p SELECT i, i % 10, 'k' || i FROM generate_series(1, 30) i");
    project.plan("002_n", R"toml(format = 1
[[change]]
op     = "add_column"
table  = "p"
column = "n"
type   = "text"
fill   = "upper(k)"
down   = "lower(n)"
)toml");
    project.plan("001_k", R"toml(format = 1
[[change]]
op     = "rename_column"
table  = "p"
column = "k"
to     = "kk"
)toml");
  }
  void exec(const std::string& sql) { project.db().exec(sql); }
  Output expect(int code, const std::vector<std::string>& args) {
    auto output = project.run(args);
    EXPECT_EQ(output.code, code) << output.out << output.err;
    return output;
  }
  Project project;
};

TEST_F(NewcomersE2e, RowsWithoutAValueHoldUpConstraintUntilTheBackfillHasSeenThem) {
  expect(0, {"up", "001_k", "--through", "backfill"});
  exec(
      "CREATE TABLE p2 PARTITION OF p FOR VALUES FROM (10) TO (20); INSERT INTO p VALUES (100, 15, 'by a trigger');"
      "CREATE TABLE p3 (kk text, k text NOT NULL DEFAULT 'q', at integer NOT NULL, id integer);"
      "INSERT INTO p3 (id, at, k) VALUES (300, 25, 'only old');"
      "ALTER TABLE p ATTACH PARTITION p3 FOR VALUES FROM (20) TO (30)");
  const auto refused = expect(21, {"up", "001_k", "--approve"});
  EXPECT_THAT(refused.err, AllOf(HasSubstr("rows of p3, which became a partition of p meanwhile, have no value in kk"),
                                 Not(HasSubstr("p2")), HasSubstr("rollback 001_k --phase backfill")));
  EXPECT_EQ(project.phase_state("001_k", "constraint"), "waiting");
  expect(0, {"rollback", "001_k", "--phase", "backfill"});
  expect(0, {"up", "001_k", "--approve"});
  EXPECT_EQ(project.db().value("SELECT kk FROM p WHERE id = 300"), "only old");
}

TEST_F(NewcomersE2e, ARollbackNamesThoseThatWillLackAValueAndTheStatementThatGivesThemOne) {
  expect(0, {"up", "001_k", "--approve"});
  exec(
      "CREATE TABLE p3 (LIKE p); INSERT INTO p3 (id, at, kk) VALUES (300, 25, 'only new');"
      "ALTER TABLE p ATTACH PARTITION p3 FOR VALUES FROM (20) TO (30)");
  const auto warned = expect(0, {"rollback", "001_k", "--phase", "constraint"}).err;
  EXPECT_THAT(warned,
              HasSubstr("rows of p3, which became a partition of p meanwhile, have no value in what comes back"));
  const auto from = warned.find("`UPDATE") + 1;
  exec(warned.substr(from, warned.find('`', from) - from));
  EXPECT_EQ(project.db().value("SELECT k || ', ' || kk FROM p WHERE id = 300"), "only new, only new");
}

TEST_F(NewcomersE2e, OfAColumnWhoseSourcesFollowToo) {
  expect(0, {"up", "002_n", "--approve"});
  exec(
      "ALTER TABLE p ALTER k DROP NOT NULL; CREATE TABLE p3 (LIKE p); INSERT INTO p3 (id, at, n) VALUES (300, 25, "
      "'NEW');"
      "ALTER TABLE p ATTACH PARTITION p3 FOR VALUES FROM (20) TO (30)");
  const auto warned = expect(0, {"rollback", "002_n", "--phase", "constraint"}).err;
  const auto from = warned.find("`UPDATE") + 1;
  exec(warned.substr(from, warned.find('`', from) - from));
  EXPECT_EQ(project.db().value("SELECT k || ', ' || n FROM p WHERE id = 300"), "new, NEW");
}

// In an incident one word lets it go on, and nothing is passed over in silence.
TEST_F(NewcomersE2e, ARollbackSaysThatTriggersWereTurnedOffAndGoesOnByAWord) {
  expect(0, {"up", "001_k", "--through", "backfill"});
  exec("ALTER TABLE p DISABLE TRIGGER ALL");
  EXPECT_THAT(expect(21, {"rollback", "001_k"}).err, HasSubstr("--lose-data"));
  EXPECT_THAT(expect(0, {"rollback", "001_k", "--lose-data"}).err,
              AllOf(HasSubstr("is disabled"), HasSubstr("may be out of step")));
}

}  // namespace
}  // namespace pgphase::testing
