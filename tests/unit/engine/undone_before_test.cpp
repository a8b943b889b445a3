#include "orchestrator/engine/undone_before.hpp"

#include <gtest/gtest.h>

namespace pgphase {
namespace {

const TableName k_tasks{"public", "tasks"};
const TableName k_jobs{"public", "jobs"};
const TableName k_notes{"public", "notes"};
const PlanId k_plan{"001_a"};

Step sql(const std::string& text, StatementKind kind = StatementKind::transactional) {
  SqlBody body;
  Statement statement;
  statement.sql = text;
  statement.kind = kind;
  body.forward = {statement};
  Step step;
  step.name = "sql";
  step.body = body;
  return step;
}

UndoneBefore undone(const Step& step, const std::vector<RetiredRecord>& retired = {}) {
  UndoneBefore before;
  before.add(k_plan, Phase::constraint, step, retired);
  return before;
}

TEST(UndoneBeforeTest, AForeignKeyOfItsOwnIsGoneByNameAndNothingElseIs) {
  const auto before =
      undone(sql("ALTER TABLE notes ADD CONSTRAINT notes_task FOREIGN KEY (task) REFERENCES tasks (id) NOT VALID"));
  EXPECT_EQ(before.foreign_keys(), (std::set<std::pair<TableName, std::string>>{{k_notes, "notes_task"}}));
  EXPECT_FALSE(before.may_take_more_from(k_tasks));
  EXPECT_FALSE(before.may_take_more_from(k_notes));
}

TEST(UndoneBeforeTest, AForeignKeyWithoutANameMayBeAny) {
  const auto before = undone(sql("ALTER TABLE notes ADD FOREIGN KEY (task) REFERENCES tasks (id)"));
  EXPECT_TRUE(before.foreign_keys().empty());
  EXPECT_TRUE(before.may_take_more_from(k_notes));
  EXPECT_TRUE(before.may_take_more_from(k_tasks));
}

TEST(UndoneBeforeTest, AViewByHandMayBeWhatStandsInTheWayOfTheTablesThatItNames) {
  const auto before = undone(sql("CREATE VIEW v AS SELECT id FROM tasks"));
  EXPECT_TRUE(before.may_take_more_from(k_tasks));
  EXPECT_FALSE(before.may_take_more_from(k_notes));
}

TEST(UndoneBeforeTest, WhatCannotBeReadMayBeAnything) {
  EXPECT_TRUE(undone(sql("DO $$BEGIN END$$")).may_take_more_from(k_tasks));
  EXPECT_TRUE(undone(sql("CREATE PUBLICATION p FOR ALL TABLES")).may_take_more_from(k_tasks));
  EXPECT_TRUE(undone(sql("no SQL at all")).may_take_more_from(k_tasks));
}

TEST(UndoneBeforeTest, IndexesChecksAndRowsStandInNobodysWay) {
  for (const auto* text :
       {"CREATE INDEX CONCURRENTLY i ON tasks (id)", "ALTER TABLE tasks ADD CONSTRAINT c CHECK (id > 0) NOT VALID",
        "UPDATE tasks SET id = id", "ALTER TABLE tasks ALTER id SET DEFAULT 1"}) {
    const auto before = undone(sql(text));
    EXPECT_FALSE(before.may_take_more_from(k_tasks)) << text;
    EXPECT_TRUE(before.foreign_keys().empty()) << text;
  }
  EXPECT_FALSE(undone(sql("SELECT count(*) FROM tasks", StatementKind::require)).may_take_more_from(k_tasks));
}

Step rename(const std::string& from, const std::string& to) {
  HandOverBody body;
  body.table = k_tasks;
  body.retire = {to};
  body.rename = {{from, to}};
  Step step;
  step.name = "rename";
  step.body = body;
  return step;
}

RetiredRecord retired(const PlanId& plan, const std::string& column, const std::string& hidden) {
  RetiredRecord record;
  record.key = {plan, Phase::constraint, "rename"};
  record.kind = "column";
  record.table = k_tasks;
  record.object = column;
  record.hidden_as = hidden;
  return record;
}

TEST(UndoneBeforeTest, ARenamedColumnsCopyIsTheHiddenOneAndTheRealOneHasTheNewName) {
  const auto before = undone(rename("k", "kk"), {retired(k_plan, "kk", "_pgphase_retired_1")});
  EXPECT_EQ(before.now(k_tasks, "kk"), "_pgphase_retired_1");
  EXPECT_EQ(before.now(k_tasks, "k"), "kk");
  EXPECT_EQ(before.now(k_tasks, "other"), "other");
  EXPECT_EQ(before.now(k_notes, "kk"), "kk");
}

TEST(UndoneBeforeTest, RenamesOfSeveralPlansAreFollowedFromTheLatestOn) {
  UndoneBefore before;
  const PlanId later{"002_b"};
  before.add(later, Phase::constraint, rename("kk", "kkk"), {retired(later, "kkk", "_pgphase_retired_2")});
  before.add(k_plan, Phase::constraint, rename("k", "kk"), {retired(k_plan, "kk", "_pgphase_retired_1")});
  EXPECT_EQ(before.now(k_tasks, "k"), "kkk");
  EXPECT_EQ(before.now(k_tasks, "kk"), "_pgphase_retired_1");
  EXPECT_EQ(before.now(k_tasks, "kkk"), "_pgphase_retired_2");
}

TEST(UndoneBeforeTest, ARenamedTableIsFollowed) {
  RenameTableBody body;
  body.table = k_tasks;
  body.to = "jobs";
  body.part = RenameTableBody::Part::rename;
  Step step;
  step.name = "rename";
  step.body = body;
  auto before = undone(step);
  EXPECT_EQ(before.now(k_tasks), k_jobs);
  EXPECT_TRUE(before.may_take_more_from(k_tasks)) << "the view of it";
  before.add(k_plan, Phase::constraint,
             sql("ALTER TABLE tasks ADD CONSTRAINT own FOREIGN KEY (up) REFERENCES tasks (id)"), {});
  EXPECT_EQ(before.foreign_keys(), (std::set<std::pair<TableName, std::string>>{{k_jobs, "own"}}));
}

}  // namespace
}  // namespace pgphase
