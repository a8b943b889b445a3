#include "orchestrator/settings/dotenv.hpp"

#include <gtest/gtest.h>

namespace pgphase {
namespace {

std::string url(std::string_view text, const Environment& environment = {}) {
  const Environment lines = read_dotenv(text, environment);
  const auto found = lines.find("DATABASE_URL");
  return found == lines.end() ? "(none)" : found->second;
}

TEST(Dotenv, ReadsTheFormsThatPeopleWrite) {
  for (const char* text : {
           "DATABASE_URL=value",
           "DATABASE_URL=value\n",
           "DATABASE_URL=value\r\nX=1\r\n",
           "\xEF\xBB\xBF"
           "DATABASE_URL=value",
           "  export DATABASE_URL = value  \n",
           "DATABASE_URL='value'",
           "DATABASE_URL=\"value\"  # a comment",
           "DATABASE_URL=value # a comment",
           "# DATABASE_URL=old\nDATABASE_URL=value",
           "DATABASE_URL=first\nDATABASE_URL=value",
           "no assignment\n=\nDATABASE_URL=value",
       }) {
    EXPECT_EQ(url(text), "value") << text;
  }
  EXPECT_EQ(url("DATABASE_URL="), "");
  EXPECT_EQ(url("DATABASE_URL\nX=DATABASE_URL=1"), "(none)");
  EXPECT_EQ(url("#DATABASE_URL=x"), "(none)");
}

TEST(Dotenv, KeepsWhatOnlyLooksLikeAComment) {
  EXPECT_EQ(url("DATABASE_URL=postgresql://u:p#1@h/d?a=b"), "postgresql://u:p#1@h/d?a=b");
  EXPECT_EQ(url("DATABASE_URL='a # b'"), "a # b");
}

TEST(Dotenv, UnescapesWithinQuotes) {
  EXPECT_EQ(url(R"(DATABASE_URL="a\"b\\c\nd\x")"), "a\"b\\c\nd\\x");
  EXPECT_EQ(url(R"(DATABASE_URL='a\'b\nc')"), "a'b\\nc");
}

TEST(Dotenv, GetsPastValuesOfSeveralLines) {
  EXPECT_EQ(url("KEY=\"-----BEGIN\nDATABASE_URL=inside\n-----END\"\nDATABASE_URL=value"), "value");
}

TEST(Dotenv, ExpandsVariablesInBraces) {
  const char* text = "USER_NAME=u\nPW='p$w'\nDATABASE_URL=postgresql://${USER_NAME}:${PW}@${HOST:-h}/d$x${NONE}";
  EXPECT_EQ(url(text), "postgresql://u:p$w@h/d$x");
  EXPECT_EQ(url(text, {{"USER_NAME", "outer"}, {"HOST", "db"}}), "postgresql://outer:p$w@db/d$x");
  EXPECT_EQ(url("DATABASE_URL='${HOST}'", {{"HOST", "db"}}), "${HOST}");
  EXPECT_EQ(url("DATABASE_URL=a${b"), "a${b");
}

}  // namespace
}  // namespace pgphase
