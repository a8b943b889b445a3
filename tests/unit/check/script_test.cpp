// A file of SQL is taken apart where its statements end, whatever stands inside them.
#include "plans/sql/script.hpp"

#include <gmock/gmock.h>

namespace pgphase {
namespace {

using ::testing::ElementsAre;
using ::testing::IsEmpty;

std::vector<std::string> statements(std::string_view text) {
  const auto script = take_apart(text);
  EXPECT_EQ(script.error, "");
  std::vector<std::string> out;
  for (const auto& part : script.parts) {
    out.push_back((part.kind == ScriptPart::Kind::psql_command ? "psql " : "") +
                  std::string(text.substr(part.begin, part.end - part.begin)));
  }
  return out;
}

TEST(ScriptTest, StatementsEndAtTheirSemicolonsAndTheLastNeedsNone) {
  EXPECT_THAT(statements("SELECT 1;\n\n  SELECT 2 ;SELECT 3"), ElementsAre("SELECT 1", "SELECT 2", "SELECT 3"));
  EXPECT_THAT(statements(""), IsEmpty());
  EXPECT_THAT(statements(" ;; -- nothing\n/* at all */;"), IsEmpty());
}

TEST(ScriptTest, ASemicolonInAStringACommentOrABodyEndsNothing) {
  EXPECT_THAT(statements("SELECT ';' -- ; \n, \"a;b\" /* ; */;SELECT $x$;$x$"),
              ElementsAre("SELECT ';' -- ; \n, \"a;b\" /* ; */", "SELECT $x$;$x$"));
  const std::string atomic = "CREATE FUNCTION f() RETURNS int BEGIN ATOMIC SELECT 1; SELECT 2; END";
  EXPECT_THAT(statements(atomic + ";\nSELECT 3;"), ElementsAre(atomic, "SELECT 3"));
}

TEST(ScriptTest, OneThatIsWrongDoesNotHideTheOthers) {
  EXPECT_THAT(statements("SELCT 1; SELECT 2"), ElementsAre("SELCT 1", "SELECT 2"));
}

TEST(ScriptTest, WhatPsqlTakesForItselfIsToldApart) {
  EXPECT_THAT(statements("\\set ON_ERROR_STOP on\nSELECT 1;\n\\connect other\nSELECT 2;\n\\q"),
              ElementsAre("psql \\set ON_ERROR_STOP on", "SELECT 1", "psql \\connect other", "SELECT 2", "psql \\q"));
  EXPECT_THAT(statements("SELECT 'DROP TABLE x'\n\\gexec\nSELECT 1;\nSELECT 2 \\gset\nSELECT 3;"),
              ElementsAre("SELECT 'DROP TABLE x'", "psql \\gexec", "SELECT 1", "SELECT 2", "psql \\gset", "SELECT 3"));
  EXPECT_THAT(statements("COPY t (a) FROM stdin;\nit's; 'x\n\\.\nSELECT 2;"),
              ElementsAre("COPY t (a) FROM stdin", "SELECT 2"));
}

TEST(ScriptTest, WhatCannotBeTakenApartIsSaidWithItsPlace) {
  const auto open = take_apart("SELECT 1;\nSELECT 'abc");
  EXPECT_NE(open.error.find("unterminated"), std::string::npos) << open.error;
  const auto bytes = take_apart("SELECT 1; \xff");
  EXPECT_EQ(bytes.error, "the text is not UTF-8");
  EXPECT_EQ(bytes.error_at, 10U);
  EXPECT_EQ(take_apart(std::string_view("a\0b", 3)).error_at, 1U);
}

TEST(ScriptTest, LinesAndColumnsCountCharacters) {
  const std::string text = "ä;\nb";
  const Lines lines(text);
  EXPECT_EQ(lines.at(2), (Position{1, 2}));
  EXPECT_EQ(lines.at(4), (Position{2, 1}));
  EXPECT_EQ(lines.at(99), (Position{2, 2}));
  EXPECT_EQ(lines.line(1), "ä;");
  EXPECT_EQ(lines.line(3), "");
}

TEST(ScriptTest, CommentsLoseTheirMarks) {
  EXPECT_THAT(comments_of("\n-- one\n --two  \n/* three\n four /* five */ */\n"),
              ElementsAre("one", "two", "three", "four /* five */"));
}

}  // namespace
}  // namespace pgphase
