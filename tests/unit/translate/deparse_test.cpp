// Pieces of SQL that are written again are what they were.
#include "plans/sql/deparse.hpp"

#include <gtest/gtest.h>

#include "plans/sql/tree.hpp"

namespace pgphase::tree {
namespace {

TEST(DeparseTest, AStatementComesBackAsItWas) {
  for (const char* sql : {
           "CREATE UNIQUE INDEX i ON s.t USING btree (a DESC NULLS LAST, lower(b)) INCLUDE (c) WHERE a > 0",
           "ALTER TABLE t ADD CONSTRAINT c CHECK (a > 0 AND b <> 'x''y') NOT VALID",
           "ALTER TABLE t ADD CONSTRAINT c FOREIGN KEY (a) REFERENCES r (id) ON DELETE CASCADE",
           "ALTER TABLE \"Mixed Case\" ADD COLUMN \"Ä\" numeric(10, 2) DEFAULT 1.5",
           "ALTER TABLE t ADD COLUMN a int DEFAULT -1, ADD COLUMN b int[] DEFAULT '{}', ALTER c SET STATISTICS -1",
           "UPDATE t SET a = CASE WHEN b THEN 1 ELSE 2 END WHERE c IS NULL",
       }) {
    const auto parsed = parse(sql);
    ASSERT_TRUE(parsed) << sql;
    const auto text = deparse(parsed->front().tag, parsed->front().node);
    ASSERT_TRUE(text) << sql;
    const auto again = parse(*text);
    ASSERT_TRUE(again) << *text;
    EXPECT_TRUE(same_tree(parsed->front().node, again->front().node)) << *text;
  }
}

TEST(DeparseTest, ExpressionsAndTypesStandByThemselves) {
  const auto parsed = parse("ALTER TABLE t ADD COLUMN a numeric(10,2)[] DEFAULT coalesce(b, random() + 1)");
  ASSERT_TRUE(parsed);
  const auto& command = body_of(list(parsed->front().node, "cmds")[0]);
  const auto& column = body_of(command.at("def"));
  EXPECT_EQ(deparse_type(*object(column, "typeName")), "numeric(10, 2)[]");
  const auto& constraint = body_of(list(column, "constraints")[0]);
  EXPECT_EQ(deparse_expression(constraint.at("raw_expr")), "COALESCE(b, random() + 1)");
}

// In the parser's JSON all that are not above zero look alike.
TEST(DeparseTest, IntegersKeepTheirSign) {
  for (const char* number : {"-1", "0", "-2147483647", "7"}) {
    const auto parsed = parse(std::string("SELECT ") + number);
    ASSERT_TRUE(parsed);
    const auto& target = body_of(list(parsed->front().node, "targetList")[0]);
    EXPECT_EQ(deparse_expression(target.at("val")), number);
  }
  EXPECT_FALSE(same_tree(parse("SELECT -1")->front().node, parse("SELECT 0")->front().node));
}

TEST(DeparseTest, WhatIsNoTreeIsNoStatement) {
  EXPECT_FALSE(deparse("NoSuchStmt", {}));
  EXPECT_FALSE(deparse("IndexStmt", boost::json::object{{"no_such_field", 1}}));
}

}  // namespace
}  // namespace pgphase::tree
