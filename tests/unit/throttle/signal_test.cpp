#include "phases/throttle/signal.hpp"

#include <gtest/gtest.h>

#include "phases/throttle/user_sql.hpp"

namespace pgphase::testing {
namespace {

struct Words {
  Unit unit;
  double value;
  const char* words;
};

TEST(SignalWordsTest, AreAsShortAsAPersonWantsThem) {
  for (const Words& c :
       {Words{Unit::milliseconds, 0, "0 ms"}, Words{Unit::milliseconds, 1.44, "1.4 ms"},
        Words{Unit::milliseconds, 870, "870 ms"}, Words{Unit::milliseconds, 12'345, "12.3 s"},
        Words{Unit::milliseconds, 10'000, "10 s"}, Words{Unit::milliseconds, 210'000, "3.5 min"},
        Words{Unit::milliseconds, 9'000'000, "2.5 h"}, Words{Unit::bytes, 1.5 * (1 << 30), "1.5 GiB"},
        Words{Unit::files, 1, "1 file"}, Words{Unit::files, 70, "70 files"}, Words{Unit::sessions, 2, "2 sessions"},
        Words{Unit::share, 0.312, "31 %"}, Words{Unit::number, 1234.5, "1234.5"}, Words{Unit::number, -3, "-3"}}) {
    EXPECT_EQ(in_words(c.unit, c.value), c.words);
  }
}

struct Use {
  const char* sql;
  std::optional<SqlUse> use;  // nothing: refused
};

TEST(UserSqlTest, OneStatementThatReadsOrWrites) {
  for (const Use& c :
       {Use{"SELECT 1", SqlUse::reads}, Use{"VALUES (1)", SqlUse::reads},
        Use{"WITH a AS (SELECT 1) SELECT * FROM a", SqlUse::reads}, Use{"SELECT 1;", SqlUse::reads},
        Use{"UPDATE t SET n = n + 1 WHERE id = 1", SqlUse::writes}, Use{"insert into t values (1)", SqlUse::writes},
        Use{"-- a comment\nDELETE FROM t", SqlUse::writes}, Use{"SELECT * FROM t FOR UPDATE", SqlUse::writes},
        Use{"WITH a AS (UPDATE t SET n = 1 RETURNING n) SELECT * FROM a", SqlUse::writes},
        Use{"CALL touch()", SqlUse::writes}, Use{"", std::nullopt}, Use{"SELEKT 1", std::nullopt},
        Use{"SELECT 1; COMMIT", std::nullopt}, Use{"COMMIT", std::nullopt}, Use{"DROP TABLE t", std::nullopt},
        Use{"SET statement_timeout = 0", std::nullopt}, Use{"VACUUM t", std::nullopt},
        Use{"COPY t TO PROGRAM 'x'", std::nullopt}}) {
    const auto use = use_of_statement(c.sql);
    EXPECT_EQ(use ? std::optional(*use) : std::nullopt, c.use) << c.sql;
    if (!use) {
      EXPECT_EQ(use.error().code, Errc::usage);
    }
    EXPECT_EQ(must_only_read(c.sql).has_value(), c.use == SqlUse::reads) << c.sql;
  }
}

}  // namespace
}  // namespace pgphase::testing
