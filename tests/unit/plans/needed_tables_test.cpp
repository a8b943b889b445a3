#include "plans/catalogue/needed_tables.hpp"

#include <gmock/gmock.h>

#include "plans/split/split.hpp"
#include "plans/sql/quote.hpp"

namespace pgphase {
namespace {

using ::testing::ElementsAre;
using ::testing::IsEmpty;

const std::string k_create = R"(
[[change]]
op = "create_table"
table = "tasks"
primary_key = "id"
columns = [{ name = "id", type = "integer" }]
)";
const std::string k_column = R"(
[[change]]
op = "add_column"
table = "tasks"
column = "c"
type = "text"
)";

std::string by_hand(const std::string& sql) {
  return "\n[[additive]]\nname = \"s\"\nirreversible = \"a test\"\nallow = { rename-table = \"a test\" }\nsql = \"" +
         sql + "\"\n";
}

// "table line", of the plans in this order.
std::vector<std::string> needed(const std::vector<std::string>& texts) {
  std::vector<PhasedPlan> plans;
  for (const auto& text : texts) {
    auto plan = read_phased_plan({std::to_string(plans.size())}, "format = 1" + text, "plan.toml");
    EXPECT_TRUE(plan) << render(plan.error());
    if (plan) plans.push_back(*plan);
  }
  std::vector<const PhasedPlan*> in_order;
  for (const auto& plan : plans) in_order.push_back(&plan);
  std::vector<std::string> out;
  for (const auto& one : needed_tables(in_order)) {
    out.push_back(one.plan.value + " " + display_name(one.table) + " " + std::to_string(one.line));
  }
  return out;
}

TEST(NeededTables, AreThoseThatNothingBeforeMakes) {
  EXPECT_THAT(needed({k_column}), ElementsAre("0 tasks 2"));
  EXPECT_THAT(needed({k_create, k_column}), IsEmpty());
  EXPECT_THAT(needed({k_create + k_column}), IsEmpty());
  EXPECT_THAT(needed({k_column, k_column}), ElementsAre("0 tasks 2")) << "said once";
  EXPECT_THAT(needed({by_hand("CREATE TABLE app.tasks (id int)"), k_column}), ElementsAre("1 tasks 2"))
      << "another one";
  EXPECT_THAT(needed({by_hand("CREATE TABLE tasks (id int)"), k_column}), IsEmpty());
}

TEST(NeededTables, OfEveryKindOfStep) {
  EXPECT_THAT(needed({"\n[[backfill]]\nname = \"b\"\ntable = \"t\"\nset = { a = \"1\" }\nirreversible = \"a test\"\n"}),
              ElementsAre("0 t 2"));
  EXPECT_THAT(needed({"\n[[change]]\nop = \"create_index\"\nname = \"i\"\ntable = \"t\"\ncolumns = [\"a\"]\n"}),
              ElementsAre("0 t 2"));
  EXPECT_THAT(needed({by_hand("ALTER TABLE app.t ADD COLUMN a int")}), ElementsAre("0 app.t 2"));
  EXPECT_THAT(needed({by_hand("CREATE TABLE t (id int REFERENCES other (id))")}), ElementsAre("0 other 2"));
}

std::string change(const std::string& op, const std::string& table, const std::string& keys) {
  return "\n[[change]]\nop = \"" + op + "\"\ntable = \"" + table + "\"\n" + keys;
}

// Each of several steps, of which the first is what is said.
TEST(NeededTables, OfChangesThatKeepColumnsInStepRetireAndRename) {
  for (const auto& one : {
           change("add_column", "t", "column = \"c\"\ntype = \"text\"\nfill = \"upper(a)\"\n"),
           change("drop_column", "t", "column = \"c\"\n"),
           change("rename_column", "t", "column = \"a\"\nto = \"b\"\n"),
           change("change_type", "t", "column = \"a\"\nto = \"b\"\ntype = \"bigint\"\n"),
           change("drop_not_null", "t", "column = \"c\"\n"),
           change("set_not_null", "t", "column = \"c\"\n"),
           change("drop_table", "t", ""),
           change("rename_table", "t", "to = \"u\"\n"),
           std::string("\n[[backfill]]\nname = \"b\"\ntable = \"t\"\nset = { a = \"a + 1\" }\n"),
       }) {
    EXPECT_THAT(needed({one}), ElementsAre("0 t 2")) << one;
  }
}

// A step of ours is looked into by its body, and never ends what can be told.
TEST(NeededTables, BehindThoseChangesMoreIsSaid) {
  for (const auto& one : {
           change("add_column", "t", "column = \"c\"\ntype = \"text\"\nfill = \"upper(a)\"\nnullable = false\n"),
           change("drop_column", "t", "column = \"c\"\nrestore = \"'x'\"\n"),
           change("drop_table", "t", ""),
           change("rename_table", "t", "to = \"u\"\n"),
           change("set_not_null", "t", "column = \"c\"\n"),
       }) {
    EXPECT_THAT(needed({one, k_column}), ElementsAre("0 t 2", "1 tasks 2")) << one;
  }
}

TEST(NeededTables, ANewNameIsMadeByTheRenameAndTheOldOneIsNeeded) {
  const auto rename = change("rename_table", "jobs", "to = \"tasks\"\n");
  EXPECT_THAT(needed({rename, k_column}), ElementsAre("0 jobs 2"));
  EXPECT_THAT(needed({k_column, rename}), ElementsAre("0 tasks 2", "1 jobs 2")) << "before it there is none";
  EXPECT_THAT(needed({change("rename_table", "jobs", "schema = \"app\"\nto = \"tasks\"\n"), k_column}),
              ElementsAre("0 app.jobs 2", "1 tasks 2"))
      << "it stays in its schema";
}

TEST(NeededTables, NothingIsSaidBehindAStatementThatMayDoAnything) {
  for (const auto* sql : {"DO $$BEGIN END$$", "CREATE VIEW tasks AS SELECT 1", "ALTER TABLE x RENAME TO tasks"}) {
    const auto found = needed({by_hand(sql), k_column});
    EXPECT_THAT(found, IsEmpty()) << sql;
  }
}

}  // namespace
}  // namespace pgphase
