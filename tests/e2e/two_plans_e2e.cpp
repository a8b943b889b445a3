// Two plans, one column: what the first one keeps in step until its purge, the second one renames, drops, splits,
// merges or gives another type. Either all of it works, in every order of rollbacks, or the second plan is refused
// before anything of it has run, with a way out that works. No write of an application fails at any time.
#include <gmock/gmock.h>

#include <ostream>
#include <sstream>

#include "tests/e2e/fixture.hpp"

namespace pgphase::testing {
namespace {

using ::testing::HasSubstr;
using ::testing::Not;

constexpr const char* k_acct = R"sql(
CREATE TABLE acct (id integer PRIMARY KEY, amount integer DEFAULT 5, name text);
INSERT INTO acct SELECT i, i, 'n' || i FROM generate_series(1, 20) i;
)sql";

std::string change(const std::string& op, const std::string& keys) {
  return "[[change]]\nop = \"" + op + "\"\ntable = \"acct\"\n" + keys + "\n";
}

// The first plan, and the column that it leaves for the second.
struct First {
  std::string name, plan, column;
};
const First k_in_place{"InPlace", change("change_type", "column = \"amount\"\ntype = \"bigint\""), "amount"};
const First k_renamed{"Renamed", change("rename_column", "column = \"amount\"\nto = \"total\""), "total"};
const First k_to{"To",
                 change("change_type",
                        "column = \"amount\"\nto = \"cents\"\ntype = \"bigint\"\nfill = \"amount * 100\"\n"
                        "down = \"(cents / 100)::int\""),
                 "cents"};
const std::string k_twice = "column = \"twice\"\ntype = \"bigint\"\nfill = \"amount * 2\"\ndown = \"(twice / 2)::int\"";
const First k_filled_from{"FilledFrom", change("add_column", k_twice), "amount"};
const First k_filled{"Filled", change("add_column", k_twice), "twice"};
const First k_filled_one_way{
    "FilledOneWay", change("add_column", "column = \"twice\"\ntype = \"bigint\"\nfill = \"amount * 2\""), "amount"};
const First k_split{"Split",
                    change("split_column",
                           "column = \"amount\"\ninto = [{ column = \"hi\", type = \"int\", fill = \"amount / 10\" }, "
                           "{ column = \"lo\", type = \"int\", fill = \"amount % 10\" }]\ndown = \"hi * 10 + lo\""),
                    "hi"};
const First k_added{"Added", change("add_column", "column = \"extra\"\ntype = \"integer\""), "extra"};

// The second one. "%" stands for the column.
struct Second {
  std::string name, op, keys;
};
const Second k_retypes{"Retypes", "change_type", "column = \"%\"\ntype = \"numeric\""};
const Second k_renames{"Renames", "rename_column", "column = \"%\"\nto = \"other\""};
const Second k_drops{"Drops", "drop_column", "column = \"%\""};
const Second k_replaces{"Replaces", "change_type",
                        "column = \"%\"\nto = \"other\"\ntype = \"bigint\"\nfill = \"% * 100\"\ndown = \"(other / "
                        "100)::int\""};
const Second k_derives{"Derives", "add_column",
                       "column = \"other\"\ntype = \"bigint\"\nfill = \"% * 3\"\ndown = \"(other / 3)::int\""};
const Second k_splits{"Splits", "split_column",
                      "column = \"%\"\ninto = [{ column = \"tens\", type = \"int\", fill = \"% / 10\" }, { column = "
                      "\"ones\", type = \"int\", fill = \"% % 10\" }]\ndown = \"tens * 10 + ones\""};
const Second k_merges{
    "Merges", "merge_columns",
    "columns = [\"%\", \"name\"]\ninto = \"joined\"\ntype = \"text\"\nfill = \"%::text || name\"\ndown "
    "= { % = \"nullif(split_part(joined, 'n', 1), '')::int\" }"};

void PrintTo(const Second& one, std::ostream* out) {
  *out << one.name;
}

struct Pair {
  First first;
  Second second;
  bool refused = false;
};
void PrintTo(const Pair& pair, std::ostream* out) {
  *out << pair.first.name << pair.second.name;
}

std::vector<Pair> pairs() {
  std::vector<Pair> all;
  const std::vector<Second> every{k_retypes, k_renames, k_drops, k_replaces, k_derives, k_splits, k_merges};
  const auto add = [&](const First& first, bool away_is_refused, const std::vector<Second>& seconds) {
    for (const auto& second : seconds) {
      const bool takes_away = second.name != "Renames" && second.name != "Derives";
      all.push_back({first, second, away_is_refused && takes_away});
    }
  };
  add(k_in_place, true, every);
  add(k_renamed, false, every);
  add(k_to, true, every);
  add(k_filled_from, true, every);
  add(k_filled, true, every);
  add(k_filled_one_way, false, {k_retypes, k_renames, k_drops});
  add(k_split, true, every);
  add(k_added, false, {k_derives, k_renames, k_replaces});
  return all;
}

class TwoPlansE2eTest : public ::testing::Test {
 protected:
  void begin(const First& first, const Second& second) {
    project_.db().exec(k_acct);
    before_ = project_.schema_dump({"pgphase", "pgphase_retired"});
    const std::string gate = first.name == "Added" ? "" : "[gate.constraint]\napprove = false\n";  // it has none
    project_.plan("001_first", "format = 1\ndescription = \"the first\"\n" + gate + first.plan);
    auto keys = second.keys;
    for (auto at = keys.find('%'); at != std::string::npos; at = keys.find('%', at + 1)) {
      const bool remainder = keys.compare(at, 4, "% 10") == 0;
      if (!remainder) keys.replace(at, 1, first.column);
    }
    project_.plan("002_second", "format = 1\ndescription = \"the second\"\n[gate.constraint]\napprove = false\n" +
                                    change(second.op, keys));
  }

  // Each column that an application can see, alone and not at all, in old rows and in new ones.
  void write(const std::string& moment) {
    SCOPED_TRACE(moment);
    std::string sql = "INSERT INTO acct (id) VALUES (100); UPDATE acct SET id = 101 WHERE id = 100;";
    const auto columns = project_.db().value(
        "SELECT string_agg(attname || ':' || atttypid::regtype, ' ' ORDER BY attnum) FROM pg_attribute WHERE attrelid "
        "= 'acct'::regclass AND attnum > 0 AND NOT attisdropped AND attname !~ '^_pgphase_' AND attname <> 'id'");
    std::istringstream list(columns);
    for (std::string column; list >> column;) {
      const auto colon = column.find(':');
      const auto name = column.substr(0, colon);
      const auto value = column.substr(colon + 1) == "text" ? std::string("'11n'") : std::string("11");
      sql += "INSERT INTO acct (id, " + name + ") VALUES (102, " + value + "); UPDATE acct SET " + name + " = " +
             value + " WHERE id IN (3, 101); DELETE FROM acct WHERE id = 102;";
    }
    sql += "DELETE FROM acct WHERE id > 100";
    EXPECT_NO_THROW(project_.db().exec(sql)) << columns;
  }

  Output go(const std::vector<std::string>& args) {
    const auto output = project_.run(args);
    EXPECT_EQ(output.code, 0) << output.out << output.err;
    write(::testing::PrintToString(args));
    return output;
  }
  Output refused(const std::vector<std::string>& args) {
    auto output = project_.run(args);
    EXPECT_NE(output.code, 0) << output.out;
    EXPECT_THAT(output.err, HasSubstr("Nothing was changed"));
    write(::testing::PrintToString(args));
    return output;
  }

  void forward_again() {
    go({"up", "002_second", "--through", "additive"});
    go({"up", "002_second", "--approve"});
  }

  Project project_;
  std::string before_;
};

class TwoPlansOfOneColumnE2eTest : public TwoPlansE2eTest, public ::testing::WithParamInterface<Pair> {};

TEST_P(TwoPlansOfOneColumnE2eTest, NoWriteFailsWhateverMoveIsMade) {
  const auto& [first, second, is_refused] = GetParam();
  begin(first, second);
  go({"up", "001_first", "--approve"});
  if (is_refused) {
    const auto foreseen = project_.run({"explain", "002_second"});
    EXPECT_THAT(foreseen.out, HasSubstr("pgphase purge 001_first"));
    const auto words = refused({"up", "002_second", "--approve"}).err;
    EXPECT_THAT(words, HasSubstr("column " + first.column + " of table acct"));
    EXPECT_THAT(words, HasSubstr("pgphase purge"));
    EXPECT_EQ(project_.db().value("SELECT count(*) FROM pgphase.step WHERE plan = '002_second' AND state <> 'pending'"),
              "0");
    go({"purge", "001_first", "--retain-for", "0ms", "--yes"});  // the way out
    forward_again();
    go({"rollback", "002_second"});
    return;
  }
  for (const auto* phase : {"additive", "backfill", "constraint"})
    go({"up", "002_second", "--approve", "--through", phase});
  for (const auto* phase : {"constraint", "backfill", "additive"}) go({"rollback", "002_second", "--phase", phase});
  forward_again();
  EXPECT_THAT(refused({"rollback", "001_first"}).err, HasSubstr("plan 002_second"));
  go({"rollback", "001_first", "--with-later"});
  go({"up", "001_first"});  // both, from what was retired
  forward_again();
  go({"rollback", "002_second"});
  go({"rollback", "001_first"});
  // What one of them keeps may follow what the other one keeps: then that goes first.
  for (int i = 0; i < 2; ++i) go({"purge", "--retain-for", "0ms", "--yes"});
  EXPECT_EQ(project_.schema_dump({"pgphase", "pgphase_retired"}), before_);
}
INSTANTIATE_TEST_SUITE_P(Of, TwoPlansOfOneColumnE2eTest, ::testing::ValuesIn(pairs()),
                         [](const auto& instance) { return ::testing::PrintToString(instance.param); });

// A value that was written under the latest name, and where it is when both plans are rolled back.
struct Written {
  First first;
  std::string set, amount;
};
void PrintTo(const Written& one, std::ostream* out) {
  *out << one.first.name;
}

class RenamedOnceMoreE2eTest : public TwoPlansE2eTest, public ::testing::WithParamInterface<Written> {};

TEST_P(RenamedOnceMoreE2eTest, WhatIsWrittenUnderTheLastNameIsThereUnderTheFirstOne) {
  begin(GetParam().first, k_renames);
  go({"up", "001_first", "--approve"});
  go({"up", "002_second", "--approve"});
  project_.db().exec("UPDATE acct SET " + GetParam().set + " WHERE id = 7");
  EXPECT_EQ(project_.db().value("SELECT other FROM acct WHERE id = 7"), GetParam().set.substr(8));
  go({"rollback", "002_second"});
  go({"rollback", "001_first"});
  EXPECT_EQ(project_.db().value("SELECT amount FROM acct WHERE id = 7"), GetParam().amount);
  EXPECT_EQ(project_.db().value("SELECT amount FROM acct WHERE id = 8"), "8");
}
INSTANTIATE_TEST_SUITE_P(Of, RenamedOnceMoreE2eTest,
                         ::testing::Values(Written{k_in_place, "other = 77", "77"},
                                           Written{k_renamed, "other = 77", "77"}, Written{k_to, "other = 1200", "12"},
                                           Written{k_filled_from, "other = 77", "77"},
                                           Written{k_filled, "other = 30", "15"}, Written{k_split, "other = 4", "47"}),
                         [](const auto& instance) { return ::testing::PrintToString(instance.param); });

// Rows that count columns go on meaning the column that has taken the place, also under its next name.
TEST_F(TwoPlansE2eTest, AnInsertThatCountsColumnsReachesTheColumnUnderItsNextName) {
  begin(k_in_place, k_renames);
  go({"up", "001_first", "--approve"});
  go({"up", "002_second", "--approve"});
  project_.db().exec("INSERT INTO acct VALUES (50, 55, 'x')");
  EXPECT_EQ(project_.db().value("SELECT other FROM acct WHERE id = 50"), "55");
}

// When everything is looked at before a run, the first plan has left nothing in the way yet.
TEST_F(TwoPlansE2eTest, InOneRunOfBothTheSecondOneIsRefusedBeforeAnythingOfItHasRun) {
  begin(k_filled_from, k_drops);
  const auto words = refused({"up"}).err;
  EXPECT_THAT(words, HasSubstr("002_second cannot be carried out"));
  EXPECT_THAT(words, HasSubstr("plan 001_first keeps column amount of table acct in step"));
  EXPECT_EQ(project_.plan_state("001_first"), "done");
  EXPECT_EQ(project_.db().value("SELECT count(*) FROM pgphase.step WHERE plan = '002_second' AND state <> 'pending'"),
            "0");
}

// By its name the column that comes back would be taken for the one that has it now, and half of a rollback would be done.
TEST_F(TwoPlansE2eTest, ANameOfAnotherTypeIsFreeWhenItsColumnIsPurged) {
  const auto columns = change("add_column", "column = \"big\"\ntype = \"bigint\"\nfill = \"amount\"") +
                       change("drop_column", "column = \"amount\"");
  begin({"Swapped", columns, "big"}, {"Renames", "rename_column", "column = \"%\"\nto = \"amount\""});
  go({"up", "001_first", "--approve"});
  const auto words = refused({"up", "002_second", "--approve"}).err;
  EXPECT_THAT(words, HasSubstr("column amount of table acct was a integer until 001_first took it away"));
  EXPECT_THAT(words, HasSubstr("pgphase purge 001_first"));
  go({"purge", "001_first", "--retain-for", "0ms", "--yes"});
  go({"up", "002_second", "--approve"});
  go({"rollback", "002_second"});
}

TEST_F(TwoPlansE2eTest, APlanThatIsUnderWayKeepsItsColumnsToItself) {
  begin(k_filled_from, k_drops);
  go({"up", "001_first", "--through", "additive"});
  const auto words = refused({"up", "002_second", "--approve"}).err;
  EXPECT_THAT(words, HasSubstr("plan 001_first, which is under way, keeps column amount of table acct in step"));
  EXPECT_THAT(words, HasSubstr("pgphase up 001_first"));
  EXPECT_EQ(project_.db().value("SELECT count(*) FROM pgphase.step WHERE plan = '002_second' AND state <> 'pending'"),
            "0");
}

TEST_F(TwoPlansE2eTest, NothingIsDerivedFromAColumnThatAPlanUnderWayIsGoingToTake) {
  for (const auto* away : {"amount", "total"}) {
    Project project;
    project.db().exec(k_acct);
    project.plan("001_first", "format = 1\ndescription = \"the first\"\n" + k_renamed.plan);
    project.plan(
        "002_second",
        "format = 1\ndescription = \"the second\"\n" +
            change("add_column", std::string("column = \"other\"\ntype = \"bigint\"\nfill = \"") + away + " * 3\""));
    ASSERT_EQ(project.run({"up", "001_first", "--through", "additive"}).code, 0);
    const auto output = project.run({"up", "002_second", "--approve"});
    EXPECT_NE(output.code, 0);
    EXPECT_THAT(output.err, HasSubstr("plan 001_first, which is under way, is going to take column " +
                                      std::string(away) + " of table acct away or to rename it"));
  }
}

// The function is made anew by the third plan, and the first one's expressions go on knowing the table by its old name.
TEST_F(TwoPlansE2eTest, ExpressionsThatNameTheTableOutliveItsName) {
  begin(k_filled_from, k_drops);
  const auto derive = [&](const std::string& id, const std::string& table, const std::string& column) {
    project_.plan(id, "format = 1\ndescription = \"x\"\n[[change]]\nop = \"add_column\"\ntable = \"" + table +
                          "\"\ncolumn = \"" + column + "\"\ntype = \"bigint\"\nfill = \"" + table +
                          ".amount * 2\"\ndown = \"(" + table + "." + column + " / 2)::int\"\n");
  };
  derive("001_first", "acct", "twice");
  project_.plan("002_second", "format = 1\ndescription = \"x\"\n" + change("rename_table", "to = \"account\""));
  derive("003_third", "account", "double");
  const auto works = [&](const std::string& table) {
    EXPECT_NO_THROW(project_.db().exec("INSERT INTO " + table + " (id) VALUES (50); UPDATE " + table +
                                       " SET twice = 44 WHERE id = 7; DELETE FROM " + table + " WHERE id = 50"));
    EXPECT_EQ(project_.db().value("SELECT amount FROM " + table + " WHERE id = 7"), "22");
  };
  for (const auto* plan : {"001_first", "002_second", "003_third"}) {
    const auto output = project_.run({"up", plan, "--approve"});
    EXPECT_EQ(output.code, 0) << output.err;
    works(std::string(plan) == "001_first" ? "acct" : "account");
  }
  for (const auto* plan : {"003_third", "002_second"}) {
    const auto output = project_.run({"rollback", plan});
    EXPECT_EQ(output.code, 0) << output.err;
    works(std::string(plan) == "002_second" ? "acct" : "account");
  }
}

// What a plan has retired follows its column through the next plan, but its expressions cannot.
TEST_F(TwoPlansE2eTest, APlanThatWasRolledBackIsNotTakenUpOverARenamedColumn) {
  begin(k_filled_from, k_renames);
  go({"up", "001_first", "--through", "backfill"});
  go({"rollback", "001_first"});
  go({"up", "002_second", "--approve"});
  const auto words = refused({"up", "001_first", "--approve"}).err;
  EXPECT_THAT(words, HasSubstr("follows column amount of table acct, which is called other by now"));
  go({"rollback", "002_second"});
  go({"up", "001_first", "--approve"});
  EXPECT_EQ(project_.db().value("SELECT twice FROM acct WHERE id = 7"), "14");
}

// Nobody sees what it has retired: that stands in nobody's way, and is purged first.
class OverARolledBackPlanE2eTest : public TwoPlansE2eTest, public ::testing::WithParamInterface<Second> {};

TEST_P(OverARolledBackPlanE2eTest, AnotherOneTakesTheColumnAndGivesItBack) {
  begin(k_filled_from, GetParam());
  go({"up", "001_first", "--through", "backfill"});
  go({"rollback", "001_first"});
  go({"up", "002_second"});
  go({"rollback", "002_second"});
  go({"up", "001_first"});
  EXPECT_EQ(project_.db().value("SELECT twice FROM acct WHERE id = 7"), "14");
  go({"rollback", "001_first"});
  go({"up", "002_second"});
  const auto words = refused({"purge", "002_second", "--retain-for", "0ms", "--yes"}).err;
  EXPECT_THAT(words, HasSubstr("`pgphase purge 001_first`"));
  go({"purge", "001_first", "--retain-for", "0ms", "--yes"});
  go({"purge", "002_second", "--retain-for", "0ms", "--yes"});
  EXPECT_EQ(project_.db().value("SELECT count(*) FROM pg_trigger WHERE tgrelid = 'acct'::regclass"), "0");
}
INSTANTIATE_TEST_SUITE_P(Of, OverARolledBackPlanE2eTest, ::testing::Values(k_retypes, k_drops, k_replaces),
                         [](const auto& instance) { return instance.param.name; });

TEST_F(TwoPlansE2eTest, ChangesByHandOfAColumnThatIsKeptInStepAreRefusedBefore) {
  begin(k_filled_from, k_drops);
  go({"up", "001_first", "--approve"});
  for (const auto* sql : {"ALTER TABLE acct RENAME COLUMN amount TO sum", "ALTER TABLE acct DROP COLUMN amount",
                          "ALTER TABLE acct ALTER COLUMN amount TYPE bigint"}) {
    project_.plan("002_second", "format = 1\ndescription = \"by hand\"\n[[constraint]]\nname = \"hand\"\nsql = \"" +
                                    std::string(sql) + "\"\nirreversible = \"a test\"\n");
    const auto words = refused({"up", "002_second", "--approve"}).err;
    EXPECT_THAT(words, HasSubstr("plan 001_first keeps column amount of table acct in step")) << sql;
    EXPECT_THAT(words, HasSubstr("cannot be carried out in this database")) << sql;
  }
  // What cannot be read from the text is found behind it, and taken back.
  project_.plan("002_second",
                "format = 1\ndescription = \"by hand\"\n[[constraint]]\nname = \"hand\"\nsql = \"DO 'BEGIN ALTER TABLE "
                "acct RENAME COLUMN amount TO sum; END'\"\nirreversible = \"a test\"\n");
  EXPECT_THAT(refused({"up", "002_second", "--approve"}).err,
              HasSubstr("behind it column amount of table acct, which 001_first keeps in step, has been dropped or "
                        "renamed"));
}

// Nothing can be written then, whatever pgphase does: it says so, and does not pretend that a rollback has helped.
TEST_F(TwoPlansE2eTest, AColumnThatSomebodyHasRenamedIsNamedBeforeAnyMove) {
  begin(k_filled_from, k_renames);
  go({"up", "001_first", "--through", "additive"});
  project_.db().exec("ALTER TABLE acct RENAME COLUMN amount TO sum");
  for (const std::vector<std::string>& move : {std::vector<std::string>{"up", "001_first", "--approve"},
                                               {"up", "002_second", "--approve"},
                                               {"rollback", "001_first"}}) {
    const auto output = project_.run(move);
    EXPECT_NE(output.code, 0) << move.front() << output.out;
    EXPECT_THAT(output.err, HasSubstr("column amount of table acct, which 001_first keeps in step, has been dropped or "
                                      "renamed, so that every write of the table fails"));
    EXPECT_THAT(output.err, HasSubstr("RENAME COLUMN"));
    EXPECT_THAT(output.out + output.err, Not(HasSubstr("old code is safe")));
  }
  project_.db().exec("ALTER TABLE acct RENAME COLUMN sum TO amount");
  go({"up", "001_first", "--approve"});
  go({"rollback", "001_first"});
}

// What is derived from a column of the same plan is taken back before it, and goes on following it.
TEST_F(TwoPlansE2eTest, WhatIsDerivedFromANewColumnOfTheSamePlanFollowsItOutOfSightAndBack) {
  begin(k_added, k_drops);
  project_.plan(
      "001_first",
      "format = 1\ndescription = \"a chain\"\n" + change("add_column", "column = \"extra\"\ntype = \"integer\"") +
          change("add_column", "column = \"half\"\ntype = \"integer\"\nfill = \"extra / 2\"\ndown = \"half * 2\"") +
          change("add_column", "column = \"third\"\ntype = \"integer\"\nfill = \"half / 3\"") +
          change("rename_column", "column = \"name\"\nto = \"title\"") +
          change("add_column",
                 "column = \"small\"\ntype = \"text\"\nfill = \"lower(title)\"\ndown = \"upper(small)\""));
  for (int i = 0; i < 2; ++i) {
    go({"up", "001_first", "--through", "additive"});
    go({"rollback", "001_first"});
  }
  go({"up", "001_first", "--approve"});
  project_.db().exec("UPDATE acct SET title = 'Alpha', extra = 60 WHERE id = 7");
  EXPECT_EQ(project_.db().value("SELECT title FROM acct WHERE id = 7"), "Alpha");
  go({"rollback", "001_first"});
  EXPECT_EQ(project_.db().value("SELECT name FROM acct WHERE id = 7"), "Alpha");
  go({"up", "001_first", "--approve"});
  EXPECT_EQ(project_.db().value("SELECT title || extra || half FROM acct WHERE id = 7"), "Alpha6030");
}

}  // namespace
}  // namespace pgphase::testing
