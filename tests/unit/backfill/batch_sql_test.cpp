#include "phases/backfill/batch_sql.hpp"

#include <gtest/gtest.h>

#include <chrono>

#include "phases/backfill/batch.hpp"

namespace pgphase {
namespace {

using std::chrono::milliseconds;

BackfillBody body_of(std::vector<Assignment> set) {
  BackfillBody body;
  body.table = {"public", "users"};
  body.set = std::move(set);
  return body;
}

Target target_of(const BackfillBody& body) {
  Target target;
  target.table = body.table;
  for (const auto& assignment : body.set) {
    target.columns.push_back({assignment.column, "character varying(20)", "character varying"});
  }
  return target;
}

TEST(BackfillTodoTest, AWhereIsKeptTogetherEvenWhenItEndsInAComment) {
  auto body = body_of({{"a", "1"}});
  body.where = "a = 0 OR a IS NULL -- both";
  EXPECT_EQ(todo_condition(Todo::where, body, target_of(body), ""), "(a = 0 OR a IS NULL -- both\n)");
}

TEST(BackfillTodoTest, FillingTwoColumnsKeepsTheOneThatAnApplicationWrote) {
  const auto body = body_of({{"a", "x"}, {"B", "y"}});
  const auto target = target_of(body);
  EXPECT_EQ(todo_condition(Todo::fill_empty, body, target, ""),
            "((users.a IS NOT DISTINCT FROM NULL AND (x\n) IS DISTINCT FROM NULL) OR (users.\"B\" IS NOT DISTINCT FROM NULL AND (y\n) IS DISTINCT FROM NULL))");
  EXPECT_EQ(assignments(Todo::fill_empty, body, target, ""),
            "a = coalesce(users.a, (x\n)::character varying), \"B\" = coalesce(users.\"B\", (y\n)::character varying)");
}

TEST(BackfillTodoTest, FillingOneColumnLeavesTheCastToTheAssignment) {
  const auto body = body_of({{"a", "x"}});
  EXPECT_EQ(assignments(Todo::fill_empty, body, target_of(body), ""), "a = (x\n)");
}

TEST(BackfillTodoTest, DifferenceIsOfImagesInTheColumnsOwnType) {
  const auto body = body_of({{"a", "lower(b)"}});
  EXPECT_EQ(todo_condition(Todo::differs, body, target_of(body), ""),
            "pg_catalog.record_image_ne(ROW(users.a), ROW((lower(b)\n)::character varying(20)))");
}

TEST(BackfillTodoTest, RowsThatAreNotMeantAreNotLookedAt) {
  auto body = body_of({{"n", "n + 1"}});
  body.where = "n < 5";
  EXPECT_EQ(todo_condition(Todo::marker, body, target_of(body), "m"),
            "((n < 5\n) AND CASE WHEN (n < 5\n) THEN users.m ELSE false END)");
}

TEST(BackfillTodoTest, TheMarkerIsClearedWithTheValue) {
  const auto body = body_of({{"n", "n + 1"}});
  const auto target = target_of(body);
  EXPECT_EQ(todo_condition(Todo::marker, body, target, "_pgphase_todo_7"), "users._pgphase_todo_7");
  EXPECT_EQ(assignments(Todo::marker, body, target, "_pgphase_todo_7"), "n = (n + 1\n), _pgphase_todo_7 = false");
}

TEST(BackfillTodoTest, EachKindIsReadBackFromTheLedger) {
  for (const auto todo : {Todo::where, Todo::fill_empty, Todo::differs, Todo::marker}) {
    EXPECT_EQ(todo_named(to_string(todo)), todo);
  }
  EXPECT_EQ(todo_named("striped"), std::nullopt);
}

TEST(BackfillBatchSqlTest, SkippingTakesNoStrongerRowLockThanTheUpdate) {
  const auto body = body_of({{"a", "x"}});
  auto target = target_of(body);
  EXPECT_NE(
      BatchSql(Todo::differs, body, target, "").update_unlocked("public.users", PageRange{0, 1}).find("FOR NO KEY UPDATE SKIP"),
      std::string::npos);
  target.sets_key = true;
  EXPECT_NE(BatchSql(Todo::differs, body, target, "").update_unlocked("public.users", PageRange{0, 1}).find(" FOR UPDATE SKIP"),
            std::string::npos);
}

TEST(BackfillBatchSqlTest, NothingUsesOffset) {
  const auto body = body_of({{"a", "x"}});
  const BatchSql sql(Todo::differs, body, target_of(body), "");
  for (const auto& text : {sql.update("t", PageRange{3, 9}), sql.update_unlocked("t", PageRange{3, 9}), sql.count("t", PageRange{3, 9}),
                           sql.row_addresses("t", {3, 9}), sql.row_xmax("t", PageRange{3, 9}), sql.remaining(100)}) {
    EXPECT_EQ(text.find("OFFSET"), std::string::npos) << text;
  }
}

// The planner takes any function of the author's for as cheap as `%`, and asked it of the rows of all stripes.
TEST(BackfillBatchSqlTest, TheAuthorsExpressionIsEvaluatedForTheRowsOfTheStripeOnly) {
  const auto body = body_of({{"a", "slow(b)"}});
  for (const auto todo : {Todo::fill_empty, Todo::differs, Todo::marker}) {
    const BatchSql sql(todo, body, target_of(body), "m");
    const auto condition = todo_condition(todo, body, target_of(body), "m");
    const auto text = sql.update_unseen("t", Part(PageRange{0, 9}, {2, 6}));
    EXPECT_NE(text.find("CASE WHEN get_byte(tidsend(users.ctid), 5) % 6 = 2 THEN " + condition + " ELSE false END"),
              std::string::npos)
        << text;
  }
}

// Else a row that must be set would be taken for a done one.
TEST(BackfillBatchSqlTest, WhatARowNeedsAtLeastFollowsFromTheCondition) {
  const auto body = body_of({{"a", "x"}, {"b", "y"}});
  EXPECT_EQ(needed_at_least(Todo::fill_empty, body, target_of(body), ""),
            "(users.a IS NOT DISTINCT FROM NULL OR users.b IS NOT DISTINCT FROM NULL)");
  EXPECT_EQ(needed_at_least(Todo::marker, body, target_of(body), "m"), "users.m");
  EXPECT_EQ(needed_at_least(Todo::differs, body, target_of(body), ""), "true");
  EXPECT_EQ(needed_at_least(Todo::where, body, target_of(body), ""), "true");
}

TEST(BackfillBatchSqlTest, NothingOfTheAuthorsIsEvaluatedForRowsThatArePassedOver) {
  const auto body = body_of({{"a", "x"}});
  const BatchSql sql(Todo::differs, body, target_of(body), "");
  const auto todo = todo_condition(Todo::differs, body, target_of(body), "");
  const auto without = sql.passing_over({"(1,2)", "(7,3)"});
  const auto guarded =
      "CASE WHEN users.ctid = ANY ('{\"(1,2)\",\"(7,3)\"}'::tid[]) THEN false ELSE " + todo + " END";
  const PageRange pages{0, 9};
  for (auto text : {without.update("t", pages), without.update_unlocked("t", pages), without.count("t", pages),
                    without.row_xmax("t", pages)}) {
    EXPECT_NE(text.find(guarded), std::string::npos) << text;
    for (auto at = text.find(guarded); at != std::string::npos; at = text.find(guarded)) text.erase(at, guarded.size());
    if (const auto returned = text.find("RETURNING " + todo); returned != std::string::npos) text.erase(returned);
    EXPECT_EQ(text.find(todo), std::string::npos) << text;
  }
  EXPECT_EQ(sql.passing_over({}).update("t", pages), sql.update("t", pages));
  EXPECT_NE(sql.remaining(5, "SELECT 1, 2").find("CASE WHEN (users.tableoid, users.ctid) IN (SELECT 1, 2) THEN false"),
            std::string::npos);
}

TEST(BackfillBatchLimitsTest, StayBelowTheServersDeadlockCheck) {
  const auto usual = batch_limits(milliseconds(100), milliseconds(1000));
  EXPECT_EQ(usual.lock_timeout, milliseconds(100));
  EXPECT_EQ(usual.row_lock_timeout, milliseconds(10));
  EXPECT_EQ(usual.statement_timeout, milliseconds(500));
  const auto long_batches = batch_limits(milliseconds(5000), milliseconds(1000));
  EXPECT_EQ(long_batches.lock_timeout, milliseconds(900));
  EXPECT_EQ(long_batches.statement_timeout, milliseconds(900));
  EXPECT_EQ(batch_limits(milliseconds(1), milliseconds(1000)).lock_timeout, milliseconds(50));
}

}  // namespace
}  // namespace pgphase
