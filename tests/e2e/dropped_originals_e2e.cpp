// What somebody takes away of a column, by hand or by a later plan, while a plan has twins of it: nothing that nobody
// sees goes on refusing rows. And a table that is given another name, while a plan keeps columns of it.
#include <gmock/gmock.h>

#include "tests/e2e/fixture.hpp"

namespace pgphase::testing {
namespace {

using ::testing::HasSubstr;
using ::testing::Not;

const char* const k_bigger =
    "format = 1\n[[change]]\nop = \"change_type\"\ntable = \"o\"\ncolumn = \"k\"\ntype = \"bigint\"\n";

class DroppedOriginalsE2e : public ::testing::Test {
 protected:
  DroppedOriginalsE2e() {
    project.db().exec(
        "CREATE TABLE o (id integer PRIMARY KEY, k integer, CONSTRAINT once UNIQUE (k), CONSTRAINT above CHECK (k > 0));"
        "CREATE UNIQUE INDEX big ON o (k, id); CREATE INDEX plain ON o (k, id);"
        "INSERT INTO o SELECT i, i FROM generate_series(1, 30) i");
    project.plan("001_bigger", k_bigger);
  }

  void up(const char* through) { ok({"up", "001_bigger", "--approve", "--through", through}); }
  Output ok(const std::vector<std::string>& args) {
    auto run = project.run(args);
    EXPECT_EQ(run.code, 0) << run.out << run.err;
    return run;
  }
  void drop_them() {
    project.db().exec("ALTER TABLE o DROP CONSTRAINT once, DROP CONSTRAINT above; DROP INDEX big, plain");
  }
  // Equal values, and one that the check refused.
  void lets_all_in(int id) {
    project.db().exec("INSERT INTO o VALUES (" + std::to_string(id) + ", 5), (" + std::to_string(id + 1) + ", -5)");
  }
  std::string hidden_things() {
    return project.db().value(
        "SELECT coalesce(string_agg(name, ', '), 'none') FROM (SELECT relname AS name FROM pg_class WHERE relkind = 'i' "
        "UNION SELECT conname FROM pg_constraint) x WHERE name ~ '^_pgphase_(new|old)_'");
  }

  Project project;
};

TEST_F(DroppedOriginalsE2e, BetweenBackfillAndConstraintTheTwinsGoWithThem) {
  up("backfill");
  drop_them();
  up("constraint");
  lets_all_in(101);
  ok({"rollback", "001_bigger"});
  lets_all_in(103);
  EXPECT_EQ(hidden_things(), "none");
  up("constraint");
  ok({"purge", "001_bigger", "--yes", "--retain-for", "0ms"});
  lets_all_in(105);
  EXPECT_EQ(hidden_things(), "none");
}

TEST_F(DroppedOriginalsE2e, BeforeConstraintARollbackTakesTheTwins) {
  up("backfill");
  drop_them();
  ok({"rollback", "001_bigger"});
  lets_all_in(101);
  EXPECT_EQ(hidden_things(), "none");
}

TEST_F(DroppedOriginalsE2e, BehindConstraintTheWayBackBringsNoneOfThemBack) {
  up("constraint");
  drop_them();
  ok({"rollback", "001_bigger", "--phase", "constraint"});
  EXPECT_EQ(project.db().value("SELECT count(*) FROM pg_constraint WHERE conname = 'once'"), "0");
  project.db().exec("INSERT INTO o VALUES (101, 5)");
  ok({"rollback", "001_bigger"});
  EXPECT_EQ(hidden_things(), "none");
}

TEST_F(DroppedOriginalsE2e, ALaterPlanThatWouldLeaveATwinBehindIsRefused) {
  project.plan("002_drop", "format = 1\nrequires = [\"001_bigger\"]\n[[constraint]]\nname = \"d\"\nsql = \"ALTER TABLE o "
                           "DROP CONSTRAINT once\"\nirreversible = \"not needed\"\n");
  project.plan("003_drop", "format = 1\nrequires = [\"001_bigger\"]\n[[change]]\nop = \"drop_index\"\nname = \"big\"\n");
  project.plan("004_drop", "format = 1\nrequires = [\"001_bigger\"]\n[[change]]\nop = \"drop_index\"\nname = \"plain\"\n");
  up("constraint");
  for (const auto& [plan, what] : {std::pair("002_drop", "once"), std::pair("003_drop", "big")}) {
    const auto refused = project.run({"up", plan, "--approve"});
    EXPECT_EQ(refused.code, 21) << refused.out << refused.err;
    EXPECT_THAT(refused.err, HasSubstr(std::string("plan 001_bigger keeps ") + what + " for the old column k as well"));
  }
  ok({"up", "004_drop", "--approve"});
  ok({"purge", "001_bigger", "--yes", "--retain-for", "0ms"});
  ok({"up", "002_drop", "--approve"});
  ok({"up", "003_drop", "--approve"});
  project.db().exec("INSERT INTO o VALUES (101, 5), (102, 15)");
}

TEST_F(DroppedOriginalsE2e, BeforeConstraintALaterPlanIsToldToWait) {
  project.plan("002_drop", "format = 1\n[[constraint]]\nname = \"d\"\nsql = \"ALTER TABLE o DROP CONSTRAINT once\"\n"
                           "irreversible = \"not needed\"\n");
  up("backfill");
  const auto refused = project.run({"up", "002_drop", "--approve"});
  EXPECT_EQ(refused.code, 21) << refused.out << refused.err;
  EXPECT_THAT(refused.err, HasSubstr("plan 001_bigger has built a twin of once"));
}

class RenamedTableE2e : public DroppedOriginalsE2e {};

TEST_F(RenamedTableE2e, ByAnotherPlanIsRefused) {
  up("constraint");
  const auto moving = [&](const std::string& sql) {
    project.plan("002_move", "format = 1\nrequires = [\"001_bigger\"]\n[[constraint]]\nname = \"m\"\nsql = " + sql +
                                 "\nirreversible = \"it stays there\"\n");
    return project.run({"up", "002_move", "--approve"});
  };
  for (const auto* sql : {"[\"CREATE SCHEMA arch\", \"ALTER TABLE o SET SCHEMA arch\"]", "\"ALTER TABLE o RENAME TO o2\""}) {
    const auto refused = moving(sql);
    EXPECT_EQ(refused.code, 21) << refused.out << refused.err;
    EXPECT_THAT(refused.err, HasSubstr("plan 001_bigger keeps columns of table o in step"));
  }
  ok({"purge", "001_bigger", "--yes", "--retain-for", "0ms"});
  ok({"up", "002_move", "--approve"});
}

TEST_F(RenamedTableE2e, ByHandIsFoundAndNothingOfItIsForgotten) {
  for (const std::string move : {"ALTER TABLE o RENAME TO o2|ALTER TABLE o2 RENAME TO o|o2",
                                 "CREATE SCHEMA IF NOT EXISTS arch; ALTER TABLE o SET SCHEMA arch|ALTER TABLE arch.o SET "
                                 "SCHEMA public|arch.o"}) {
    SCOPED_TRACE(move);
    const auto first = move.find('|'), second = move.rfind('|');
    const auto now = move.substr(second + 1);
    up("constraint");
    project.db().exec(move.substr(0, first));
    project.db().exec("INSERT INTO " + now + " VALUES (400, 400); DELETE FROM " + now + " WHERE id = 400");
    const auto said = "is called " + now + " now";
    const auto status = project.run({"status"});
    EXPECT_THAT(status.out, HasSubstr(said));
    EXPECT_THAT(status.out, Not(HasSubstr("gone already")));
    for (const auto& args : {std::vector<std::string>{"rollback", "001_bigger"},
                             {"rollback", "001_bigger", "--lose-data"},
                             {"purge", "001_bigger", "--yes", "--retain-for", "0ms"}}) {
      const auto refused = project.run(args);
      EXPECT_NE(refused.code, 0) << args.front();
      EXPECT_THAT(refused.out + refused.err, HasSubstr(said)) << args.front();
    }
    project.db().exec(move.substr(first + 1, second - first - 1));
    ok({"rollback", "001_bigger"});
    EXPECT_EQ(project.db().value("SELECT sum(k) FROM o"), "465");
  }
  up("constraint");
  ok({"purge", "001_bigger", "--yes", "--retain-for", "0ms"});
  EXPECT_EQ(hidden_things(), "none");
}

}  // namespace
}  // namespace pgphase::testing
