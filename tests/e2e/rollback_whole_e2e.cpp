// A plan, or several, rolled back in one go: what they take away themselves stands in nobody's way, and what they do
// not is said before anything is undone.
#include <gmock/gmock.h>

#include <ostream>

#include "tests/e2e/fixture.hpp"

namespace pgphase::testing {
namespace {

using ::testing::HasSubstr;

constexpr const char* k_orders = R"sql(
CREATE TABLE people (id integer PRIMARY KEY, code text UNIQUE);
INSERT INTO people SELECT i, 'c' || i FROM generate_series(1, 20) i;
CREATE TABLE orders (id integer PRIMARY KEY, owner integer REFERENCES people, note text);
INSERT INTO orders SELECT i, i, 'n' || i FROM generate_series(1, 20) i;
)sql";

constexpr const char* k_groups = R"toml(
[[change]]
op = "create_table"
table = "groups"
primary_key = ["id"]
columns = [{ name = "id", type = "integer" }, { name = "title", type = "text" }]
)toml";
constexpr const char* k_group_of_order = R"toml(
[[change]]
op = "add_column"
table = "orders"
column = "group_id"
type = "integer"
[[change]]
op = "add_foreign_key"
table = "orders"
name = "orders_group"
columns = "group_id"
references = { table = "groups", columns = "id" }
)toml";
constexpr const char* k_view_by_hand = R"toml(
[[constraint]]
name = "view"
sql = "CREATE VIEW grouped AS SELECT id, group_id FROM orders"
rollback = "DROP VIEW grouped"
)toml";
constexpr const char* k_note_as_number = R"toml(
[[change]]
op = "change_type"
table = "orders"
column = "note"
to = "person"
type = "integer"
fill = "substr(note, 2)::integer"
down = "'n' || person"
[[change]]
op = "add_foreign_key"
table = "orders"
name = "orders_person"
columns = "person"
references = { table = "people", columns = "id" }
)toml";

std::string renaming(const std::string& column, const std::string& to) {
  return "[[change]]\nop = \"rename_column\"\ntable = \"orders\"\ncolumn = \"" + column + "\"\nto = \"" + to + "\"\n";
}

struct Case {
  std::string name, before, plan;
};

void PrintTo(const Case& one, std::ostream* out) {
  *out << one.name;
}

std::vector<Case> cases() {
  return {
      {"AForeignKeyToItsOwnTable", "", std::string(k_groups) + k_group_of_order},
      {"AViewByHandOfItsOwnColumn", "", std::string(k_groups) + k_group_of_order + k_view_by_hand},
      {"AForeignKeyOfAColumnOfAnotherType", "", k_note_as_number},
      {"ARenamedColumnWithAForeignKey", "", renaming("owner", "owned_by")},
      {"ARenamedColumnWithAView", "CREATE VIEW v AS SELECT id, note FROM orders", renaming("note", "remark")},
      {"ARenamedColumnWithAGeneratedOne", "ALTER TABLE orders ADD loud text GENERATED ALWAYS AS (upper(note)) STORED",
       renaming("note", "remark")},
      {"ARenamedColumnWithAPolicy",
       "CREATE POLICY mine ON orders USING (note <> ''); ALTER TABLE orders ENABLE ROW LEVEL SECURITY",
       renaming("note", "remark")},
  };
}

class RollbackWholeE2e : public ::testing::TestWithParam<Case> {};

TEST_P(RollbackWholeE2e, IsNotRefusedByWhatItTakesAwayItself) {
  Project project;
  project.db().exec(k_orders);
  if (!GetParam().before.empty()) project.db().exec(GetParam().before);
  project.plan("010_change", "format = 1\n" + GetParam().plan);
  for (int round = 0; round < 2; ++round) {
    const auto up = project.run({"up", "010_change", "--approve"});
    ASSERT_EQ(up.code, 0) << up.out << up.err;
    const auto back = project.run({"rollback", "010_change"});
    ASSERT_EQ(back.code, 0) << back.out << back.err;
    for (const auto* phase : {"additive", "backfill", "constraint"}) {
      EXPECT_NE(project.phase_state("010_change", phase), "done") << phase;
    }
  }
  EXPECT_EQ(project.db().value("SELECT string_agg(owner || note, ' ' ORDER BY id) FROM orders WHERE id < 3"),
            "1n1 2n2");
}

INSTANTIATE_TEST_SUITE_P(Of, RollbackWholeE2e, ::testing::ValuesIn(cases()),
                         [](const auto& instance) { return instance.param.name; });

class RollbackWholeE2eTest : public ::testing::Test {
 protected:
  void SetUp() override { project.db().exec(k_orders); }
  void up(const std::string& plan) {
    const auto output = project.run({"up", plan, "--approve"});
    ASSERT_EQ(output.code, 0) << output.out << output.err;
  }
  Project project;
};

TEST_F(RollbackWholeE2eTest, SoAreTwoPlansOfWhichOneRefersToTheOther) {
  project.plan("001_groups", std::string("format = 1\n") + k_groups);
  project.plan("002_group", std::string("format = 1\nrequires = [\"001_groups\"]\n") + k_group_of_order);
  up("001_groups");
  up("002_group");
  project.db().exec("INSERT INTO groups VALUES (1, 'g'); UPDATE orders SET group_id = 1");
  for (const auto& args : {std::vector<std::string>{"rollback", "-2"},
                           std::vector<std::string>{"rollback", "001_groups", "--with-later"}}) {
    const auto back = project.run(args);
    EXPECT_EQ(back.code, 0) << back.out << back.err;
    EXPECT_EQ(project.db().value("SELECT to_regclass('groups') IS NULL"), "t");
    up("001_groups");
    up("002_group");
    EXPECT_EQ(
        project.db().value("SELECT title || group_id FROM groups JOIN orders o ON o.group_id = groups.id LIMIT 1"),
        "g1");
  }
}

TEST_F(RollbackWholeE2eTest, AColumnThatALaterPlanHasRenamedIsAskedForByItsNameOfNow) {
  project.plan("001_group",
               "format = 1\n[[change]]\nop = \"add_column\"\ntable = \"orders\"\ncolumn = \"rank\"\ntype = "
               "\"integer\"\n");
  project.plan("002_place", "format = 1\nrequires = [\"001_group\"]\n" + renaming("rank", "place"));
  up("001_group");
  up("002_place");
  project.db().exec("CREATE VIEW places AS SELECT id, place FROM orders");
  const auto before = project.schema_dump();
  const auto refused = project.run({"rollback", "-2"});
  EXPECT_EQ(refused.code, 21) << refused.out << refused.err;
  EXPECT_THAT(refused.err, HasSubstr("view places"));
  EXPECT_THAT(refused.err, HasSubstr("Nothing was changed."));
  EXPECT_THAT(refused.err, HasSubstr("pgphase rollback 002_place --phase additive --with-later"));
  EXPECT_EQ(project.schema_dump(), before);
  const auto meanwhile = project.run({"rollback", "002_place", "--phase", "additive", "--with-later"});
  EXPECT_EQ(meanwhile.code, 0) << meanwhile.out << meanwhile.err;
}

// The plan's own foreign key was a reason to look no further.
TEST_F(RollbackWholeE2eTest, SomebodyElsesViewIsSaidBeforeAnythingIsUndone) {
  project.plan("001_groups", std::string("format = 1\n") + k_groups + k_group_of_order);
  up("001_groups");
  project.db().exec("CREATE VIEW grouped AS SELECT id, group_id FROM orders");
  const auto before = project.schema_dump();
  const auto refused = project.run({"rollback", "001_groups"});
  EXPECT_EQ(refused.code, 21) << refused.out << refused.err;
  EXPECT_THAT(refused.err, HasSubstr("view grouped"));
  EXPECT_THAT(refused.err, HasSubstr("pgphase rollback 001_groups --phase constraint"));
  EXPECT_EQ(project.schema_dump(), before);
}

// SQL by hand may or may not take it away; it does not, and the phases behind it are told before any of them begins.
TEST_F(RollbackWholeE2eTest, WhatIsSeenOnlyBehindTheFirstPhaseSaysWhatIsUndone) {
  project.plan("001_groups", std::string("format = 1\n") + k_groups + k_group_of_order + k_view_by_hand);
  up("001_groups");
  project.db().exec("CREATE VIEW another AS SELECT id, group_id FROM orders");
  const auto refused = project.run({"rollback", "001_groups"});
  EXPECT_EQ(refused.code, 21) << refused.out << refused.err;
  EXPECT_THAT(refused.err, HasSubstr("view another"));
  EXPECT_THAT(refused.err, HasSubstr("Rolled back so far: 001_groups constraint; all else stands as it was."));
  EXPECT_THAT(refused.err, ::testing::Not(HasSubstr("Nothing was changed")));
  EXPECT_EQ(project.phase_state("001_groups", "additive"), "done");
  project.db().exec("DROP VIEW another");
  EXPECT_EQ(project.run({"rollback", "001_groups"}).code, 0);
}

TEST_F(RollbackWholeE2eTest, AStampedPlansObjectsAreNobodysBusiness) {
  project.db().exec("CREATE TABLE groups (id integer PRIMARY KEY, title text); CREATE VIEW v AS SELECT * FROM groups");
  project.plan("001_groups", std::string("format = 1\n") + k_groups);
  ASSERT_EQ(project.run({"stamp", "001_groups"}).code, 0);
  const auto back = project.run({"rollback", "001_groups"});
  EXPECT_EQ(back.code, 0) << back.out << back.err;
  EXPECT_EQ(project.db().value("SELECT count(*) FROM v"), "0");
}

}  // namespace
}  // namespace pgphase::testing
