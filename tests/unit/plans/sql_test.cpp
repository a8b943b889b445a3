#include <gmock/gmock.h>

#include <thread>

#include "plans/sql/expression.hpp"
#include "plans/sql/quote.hpp"
#include "plans/sql/statement.hpp"

namespace pgphase {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;

ParsedStatement one(const std::string& sql) {
  auto parsed = parse_statements(sql);
  if (!parsed) {
    ADD_FAILURE() << sql << ": " << parsed.error().message;
    return {};
  }
  EXPECT_EQ(parsed->size(), 1U) << sql;
  return parsed->front();
}

LockMode lock_on(const std::string& sql, const std::string& table) {
  for (const auto& held : one(sql).statement.locks) {
    if (held.table.name == table) return held.mode;
  }
  return LockMode::none;
}

TEST(QuoteTest, QuotesNamesOnlyWhereTheyWouldBeReadDifferently) {
  EXPECT_EQ(quote_ident("tasks"), "tasks");
  EXPECT_EQ(quote_ident("_a$1"), "_a$1");
  EXPECT_EQ(quote_ident("Tasks"), "\"Tasks\"");
  EXPECT_EQ(quote_ident("user"), "\"user\"");
  EXPECT_EQ(quote_ident("between"), "\"between\"");
  EXPECT_EQ(quote_ident("name"), "name");
  EXPECT_EQ(quote_ident("1a"), "\"1a\"");
  EXPECT_EQ(quote_ident("a\"b"), "\"a\"\"b\"");
  EXPECT_EQ(quote_ident("größe"), "\"größe\"");
  EXPECT_EQ(qualified({"public", "order"}), "public.\"order\"");
}

TEST(QuoteTest, EveryQuotedNameIsReadBackByTheParserAsItself) {
  for (const char* name : {"tasks", "Tasks", "select", "a b", "a\"b", "left", "json_table", "over", "größe", "x;y"}) {
    const auto parsed = one("CREATE TABLE " + quote_ident(name) + " (a int)");
    EXPECT_EQ(parsed.actions[0].table.name, name);
  }
}

TEST(QuoteTest, LiteralsKeepQuotesAndBackslashes) {
  EXPECT_EQ(quote_literal("it's"), "'it''s'");
  EXPECT_EQ(quote_literal("a\\b'"), "E'a\\\\b'''");
}

TEST(StatementTest, ALongStatementIsLookedIntoUnlessItMayBeTooDeep) {
  std::string rows = "INSERT INTO t VALUES (1, 'a')";
  while (rows.size() < 500'000) rows += ", (2, 'it''s (not, nested')";
  EXPECT_EQ(one(rows).relations.front().name, "t");
  std::string deep = "SELECT 1";
  while (deep.size() < 300'000) deep += "+1";
  const auto refused = parse_statements(deep);
  ASSERT_FALSE(refused);
  EXPECT_THAT(refused.error().message, HasSubstr("nested too deeply"));
  std::string cases = "UPDATE t SET a = CASE";
  for (int i = 0; i < 10'000; ++i) cases += " WHEN id = " + std::to_string(i) + " THEN 'a'";
  EXPECT_TRUE(parse_statements(cases + " END"));
  std::string behind_a_comma, behind_a_when;
  for (int i = 0; i < 60'000; ++i) behind_a_comma += "f(1,";
  for (int i = 0; i < 60'000; ++i) behind_a_when += "CASE WHEN ";
  for (const auto& text : {behind_a_comma, behind_a_when}) {
    EXPECT_THAT(parse_statements("SELECT " + text).error().message, HasSubstr("nested too deeply"));
  }
  std::string in_each_other;
  for (int i = 0; i < 20'000; ++i) in_each_other += "CASE WHEN a THEN b ELSE ";
  EXPECT_FALSE(parse_statements("SELECT " + in_each_other + "1"));
  std::string nested;
  for (int i = 0; i < 60'000; ++i) nested += "f(";
  EXPECT_FALSE(parse_statements("SELECT " + nested));
  while (rows.size() < k_max_sql_bytes) rows += ", (3, 'b')";
  EXPECT_THAT(parse_statements(rows).error().message, HasSubstr("more than 1048576 in one string are refused"));
}

TEST(StatementTest, TakesTheLockOfEachAlterTableSubCommand) {
  EXPECT_EQ(lock_on("ALTER TABLE t ADD COLUMN c int", "t"), LockMode::access_exclusive);
  EXPECT_EQ(lock_on("ALTER TABLE t ALTER c SET STATISTICS 5", "t"), LockMode::share_update_exclusive);
  EXPECT_EQ(lock_on("ALTER TABLE t SET (fillfactor = 90)", "t"), LockMode::share_update_exclusive);
  EXPECT_EQ(lock_on("ALTER TABLE t ADD CONSTRAINT k CHECK (a > 0) NOT VALID", "t"), LockMode::access_exclusive);
  EXPECT_EQ(lock_on("ALTER TABLE t ADD CONSTRAINT k UNIQUE USING INDEX i", "t"), LockMode::access_exclusive);
  EXPECT_EQ(lock_on("ALTER TABLE t DISABLE TRIGGER x", "t"), LockMode::share_row_exclusive);
  const std::string foreign_key = "ALTER TABLE t ADD CONSTRAINT f FOREIGN KEY (a) REFERENCES app.u (id) NOT VALID";
  EXPECT_EQ(lock_on(foreign_key, "t"), LockMode::share_row_exclusive);
  EXPECT_EQ(lock_on(foreign_key, "u"), LockMode::share_row_exclusive);
  EXPECT_EQ(lock_on("ALTER TABLE p ATTACH PARTITION q DEFAULT", "p"), LockMode::share_update_exclusive);
  EXPECT_EQ(lock_on("ALTER TABLE p ATTACH PARTITION q DEFAULT", "q"), LockMode::access_exclusive);
}

TEST(StatementTest, SeveralSubCommandsTakeTheStrongestLock) {
  const auto parsed = one("ALTER TABLE t VALIDATE CONSTRAINT k, ALTER a SET NOT NULL");
  EXPECT_EQ(parsed.statement.locks.front().mode, LockMode::access_exclusive);
  EXPECT_EQ(parsed.statement.kind, StatementKind::transactional) << "a scan under a strong lock is no validation";
  EXPECT_EQ(one("ALTER TABLE t VALIDATE CONSTRAINT k").statement.kind, StatementKind::validate);
}

TEST(StatementTest, TakesTheLockOfOtherCommands) {
  EXPECT_EQ(lock_on("CREATE INDEX i ON t (a)", "t"), LockMode::share);
  EXPECT_EQ(lock_on("CREATE INDEX CONCURRENTLY i ON t (a)", "t"), LockMode::share_update_exclusive);
  EXPECT_EQ(lock_on("CREATE TABLE n (a int REFERENCES t)", "t"), LockMode::share_row_exclusive);
  EXPECT_EQ(lock_on("CREATE TABLE n (a int REFERENCES t)", "n"), LockMode::none) << "nobody else knows it";
  EXPECT_EQ(lock_on("CREATE TABLE n PARTITION OF t DEFAULT", "t"), LockMode::access_exclusive);
  EXPECT_EQ(lock_on("DROP TABLE t", "t"), LockMode::access_exclusive);
  EXPECT_EQ(lock_on("TRUNCATE t", "t"), LockMode::access_exclusive);
  EXPECT_EQ(lock_on("ALTER TABLE t RENAME a TO b", "t"), LockMode::access_exclusive);
  EXPECT_EQ(lock_on("ALTER TABLE t SET SCHEMA s", "t"), LockMode::access_exclusive);
  EXPECT_EQ(lock_on("CREATE TRIGGER x BEFORE INSERT ON t EXECUTE FUNCTION f()", "t"), LockMode::share_row_exclusive);
  EXPECT_EQ(lock_on("DROP TRIGGER x ON t", "t"), LockMode::access_exclusive);
  EXPECT_EQ(lock_on("CREATE POLICY p ON t USING (true)", "t"), LockMode::access_exclusive);
  EXPECT_EQ(lock_on("COMMENT ON COLUMN t.a IS 'x'", "t"), LockMode::share_update_exclusive);
  EXPECT_EQ(lock_on("CREATE PUBLICATION p FOR TABLE t", "t"), LockMode::share_update_exclusive);
  EXPECT_EQ(lock_on("UPDATE t SET a = 1", "t"), LockMode::row_exclusive);
  EXPECT_EQ(lock_on("WITH x AS (DELETE FROM t RETURNING *) SELECT 1 FROM x", "t"), LockMode::row_exclusive);
  EXPECT_EQ(lock_on("VACUUM (ANALYZE) t", "t"), LockMode::share_update_exclusive);
  EXPECT_THAT(one("CREATE VIEW v AS SELECT * FROM t").statement.locks, IsEmpty());
  EXPECT_THAT(one("GRANT SELECT ON t TO u").statement.locks, IsEmpty());
}

TEST(StatementTest, ANameWithoutASchemaMeansPublic) {
  EXPECT_EQ(one("TRUNCATE t").statement.locks[0].table, (TableName{"public", "t"}));
  EXPECT_EQ(one("TRUNCATE app.t").statement.locks[0].table, (TableName{"app", "t"}));
  EXPECT_EQ(one("DROP TABLE app.\"T\"").statement.locks[0].table, (TableName{"app", "T"}));
}

TEST(StatementTest, KnowsHowEachMustBeRun) {
  const auto build = one("CREATE UNIQUE INDEX CONCURRENTLY i ON app.t (a)");
  EXPECT_EQ(build.statement.kind, StatementKind::create_index_concurrently);
  EXPECT_EQ(build.statement.index, (TableName{"app", "i"})) << "an index lives in its table's schema";
  const auto drop = one("DROP INDEX CONCURRENTLY app.i");
  EXPECT_EQ(drop.statement.kind, StatementKind::drop_index_concurrently);
  EXPECT_EQ(drop.statement.index, (TableName{"app", "i"}));
  EXPECT_FALSE(drop.statement.locks_known);
  EXPECT_EQ(one("ANALYZE t").statement.kind, StatementKind::maintenance);
  EXPECT_EQ(one("CREATE INDEX i ON t (a)").statement.kind, StatementKind::transactional);
}

TEST(StatementTest, AdmitsWhatItCannotTell) {
  for (const char* sql : {"DO $$ BEGIN END $$", "SELECT f()", "CALL p()", "REFRESH MATERIALIZED VIEW v",
                          "ALTER DOMAIN d ADD CHECK (value > 0)", "DROP TABLE t CASCADE", "DROP INDEX i"}) {
    EXPECT_FALSE(one(sql).statement.locks_known) << sql;
  }
  EXPECT_TRUE(one("SELECT 1 FROM t").statement.locks_known);
}

TEST(StatementTest, SeesWhatAddColumnCosts) {
  const auto action = [](const std::string& sql) { return one("ALTER TABLE t ADD COLUMN " + sql).actions.back(); };
  EXPECT_TRUE(action("c int").rewrite.empty());
  EXPECT_TRUE(action("c timestamptz DEFAULT now()").rewrite.empty()) << "evaluated once and kept in the catalogue";
  EXPECT_TRUE(action("c timestamptz DEFAULT now()").has_default);
  EXPECT_FALSE(action("c int DEFAULT NULL").has_default);
  EXPECT_TRUE(action("c int NOT NULL").not_null);
  for (const char* sql : {"c uuid DEFAULT gen_random_uuid()", "c bigserial", "c int GENERATED ALWAYS AS IDENTITY",
                          "c int GENERATED ALWAYS AS (a + 1) STORED", "c float DEFAULT coalesce(random(), 1)"}) {
    EXPECT_FALSE(action(sql).rewrite.empty()) << sql;
  }
  EXPECT_TRUE(action("c int CHECK (c > 0)").inline_scan);
  EXPECT_FALSE(action("c int REFERENCES u").inline_scan) << "there are only NULLs to look at";
}

TEST(StatementTest, RefusesWhatNoPlanMayHold) {
  for (const char* sql : {
           "BEGIN",
           "COMMIT",
           "SAVEPOINT a",
           "COPY t FROM STDIN",
           "CREATE DATABASE d",
           "DROP DATABASE d",
           "ALTER SYSTEM SET work_mem = '1MB'",
           "SET lock_timeout = 0",
           "RESET ALL",
           "LOCK TABLE t",
           "VACUUM FULL t",
           "REINDEX INDEX CONCURRENTLY i",
           "REINDEX (CONCURRENTLY) TABLE t",
           "REINDEX SCHEMA s",
           "ALTER TABLE p DETACH PARTITION q CONCURRENTLY",
           "CLUSTER t USING i",
           "CREATE INDEX CONCURRENTLY ON t (a)",
           "DISCARD ALL",
           "CREATE TABLESPACE s LOCATION '/x'",
       }) {
    EXPECT_FALSE(one(sql).refused.empty()) << sql;
  }
  for (const char* sql : {"COPY t FROM '/x'", "REINDEX TABLE t", "ALTER TABLE p DETACH PARTITION q", "VACUUM t"}) {
    EXPECT_EQ(one(sql).refused, "") << sql;
  }
}

TEST(StatementTest, RefusesToTouchTheLedgersOwnSchemas) {
  for (const char* sql : {
           "DELETE FROM pgphase.lease",
           "SELECT pgphase.f()",
           "DROP SCHEMA pgphase CASCADE",
           "DROP TABLE pgphase.step",
           "ALTER TABLE t SET SCHEMA pgphase_retired",
           "CREATE TABLE pgphase.x (a int)",
           "CREATE SCHEMA pgphase",
           "GRANT ALL ON SCHEMA pgphase TO public",
           "GRANT ALL ON pgphase.step TO public",
           "CREATE FUNCTION pgphase.f() RETURNS int LANGUAGE sql AS 'SELECT 1'",
           "ALTER SCHEMA pgphase RENAME TO x",
           "INSERT INTO t SELECT * FROM pgphase_retired.t",
           "COMMENT ON TABLE pgphase.step IS 'x'",
           "DROP TRIGGER x ON pgphase.step",
           "ALTER TABLE t ADD COLUMN c pgphase.kind",
           "CREATE VIEW v AS SELECT pgphase.step.id FROM x",
       }) {
    EXPECT_THAT(one(sql).refused, HasSubstr("pgphase's own")) << sql;
  }
  for (const char* sql :
       {"INSERT INTO t VALUES ('pgphase')", "SELECT pgphase FROM t", "CREATE TABLE pgphase (a int)"}) {
    EXPECT_EQ(one(sql).refused, "") << sql;
  }
}

TEST(StatementTest, SplitsAndSaysWhereEachStatementBegins) {
  const auto parsed = parse_statements("-- é\nSELECT 'é;' ;\n /* x; /* y */ */ TRUNCATE t;\n-- end\n");
  ASSERT_TRUE(parsed);
  ASSERT_EQ(parsed->size(), 2U);
  EXPECT_EQ((*parsed)[0].text, "SELECT 'é;'");
  EXPECT_EQ((*parsed)[0].character, 5U);
  EXPECT_EQ((*parsed)[1].text, "TRUNCATE t");
  EXPECT_EQ((*parsed)[1].character, 37U) << "counted in characters, not in bytes";
  EXPECT_THAT(*parse_statements("-- nothing"), IsEmpty());
}

TEST(StatementTest, PointsAtASyntaxErrorInCharacters) {
  const auto parsed = parse_statements("SELECT 'é' FROM t WHERE a a a");
  ASSERT_FALSE(parsed);
  EXPECT_THAT(parsed.error().message, HasSubstr("syntax error"));
  EXPECT_EQ(parsed.error().character, 26U);
}

TEST(StatementTest, SurvivesTextMadeToBreakIt) {
  const auto chain = [](std::size_t terms) {
    std::string sql = "SELECT 1";
    for (std::size_t i = 0; i < terms; ++i) sql += "+1";
    return sql;
  };
  EXPECT_TRUE(parse_statements(chain(1000)));
  EXPECT_THAT(parse_statements(chain(30'000)).error().message, HasSubstr("too deeply"));
  EXPECT_THAT(parse_statements(chain(300'000)).error().message, HasSubstr("nested too deeply"));
  EXPECT_FALSE(parse_statements("SELECT " + std::string(60'000, '(')));
  EXPECT_THAT(parse_statements(std::string_view("SELECT 1\0; DROP TABLE t", 23)).error().message, HasSubstr("NUL"));
}

TEST(StatementTest, MayBeCalledFromManyThreads) {
  std::vector<std::thread> threads;
  std::atomic<int> right = 0;
  for (int i = 0; i < 8; ++i) {
    threads.emplace_back([&right, i] {
      for (int round = 0; round < 200; ++round) {
        const std::string table = "t" + std::to_string(i);
        const auto good = parse_statements("ALTER TABLE " + table + " ADD COLUMN c int DEFAULT 1");
        const auto bad = parse_statements("ALTER TABEL " + table);
        if (good && good->front().actions.front().table.name == table && !bad) ++right;
      }
    });
  }
  for (auto& thread : threads) thread.join();
  EXPECT_EQ(right, 1600);
}

TEST(ExpressionTest, IsExactlyOneExpression) {
  for (const char* sql : {"1", "lower(email)", "CASE WHEN a THEN 1 ELSE 2 END", "(a) + (b)", "a AND b",
                          "(SELECT max(x) FROM u)", "now() AT TIME ZONE 'utc'", "'a;b' || 'c)--'"}) {
    EXPECT_TRUE(parse_expression(sql)) << sql;
  }
  for (const char* sql : {
           "",
           " ",
           "1, 2",
           "1); DROP TABLE t; SELECT (1",
           "1) FROM (SELECT 1) AS (x",
           "1) + (2",
           "1 -- x",
           "1 /* x",
           "1; SELECT 2",
           "1 AS x",
           "1 FROM t",
           "*",
           "a = 1 WHERE true",
           "1) UNION SELECT (2",
           "SELECT 1",
           "$1",
           "1)",
           "1 INTO x",
           "1 ORDER BY 1",
           "1) OVER (",
       }) {
    EXPECT_FALSE(parse_expression(sql)) << sql;
  }
}

TEST(ExpressionTest, KnowsWhatItCallsAndReads) {
  const auto parsed = parse_expression("coalesce(lower(t.email), app.norm(b), random()::text)");
  EXPECT_THAT(parsed->functions, ElementsAre("lower", "app.norm", "random"));
  EXPECT_THAT(parsed->columns, ElementsAre("email", "b"));
  EXPECT_TRUE(parse_expression("to_jsonb(t.*)")->reads_whole_row);
  EXPECT_TRUE(parse_expression("CURRENT_TIMESTAMP")->reads_clock);
  EXPECT_FALSE(parse_expression("CURRENT_USER")->reads_clock);
}

TEST(ExpressionTest, KnowsWhenADefaultNeedsParentheses) {
  for (const char* sql : {"now()", "1", "'x'::text", "CURRENT_DATE", "-1"}) {
    EXPECT_TRUE(parse_expression(sql)->stands_bare) << sql;
  }
  for (const char* sql : {"a AND b", "1 + 1", "now() AT TIME ZONE 'utc'", "now() COLLATE \"C\""}) {
    EXPECT_FALSE(parse_expression(sql)->stands_bare) << sql;
  }
}

TEST(TypeTest, IsExactlyOneType) {
  EXPECT_EQ(parse_type("varchar(200)")->name, "varchar");
  EXPECT_EQ(parse_type("timestamp with time zone")->name, "timestamptz");
  EXPECT_TRUE(parse_type("app.kind[]"));
  EXPECT_TRUE(parse_type("text COLLATE \"C\""));
  EXPECT_TRUE(parse_type("bigserial")->serial());
  for (const char* sql : {"", "text NOT NULL", "text DEFAULT 1", "text, b int", "text) WITH (fillfactor = 10",
                          "text) PARTITION BY LIST (c", "int -- x", "int); DROP TABLE t; CREATE TABLE u (a int",
                          "text) INHERITS (u", "int PRIMARY KEY"}) {
    EXPECT_FALSE(parse_type(sql)) << sql;
  }
}

TEST(SqlTest, KnowsWhatReachesBeyondTheDatabase) {
  for (const char* sql : {"ALTER ROLE app NOLOGIN", "CREATE ROLE a", "DROP ROLE a", "GRANT a TO b",
                          "ALTER DATABASE d SET work_mem = '5MB'", "ALTER ROLE a SET statement_timeout = 7",
                          "COMMENT ON DATABASE d IS 'x'", "COMMENT ON ROLE a IS 'x'", "GRANT CONNECT ON DATABASE d TO a",
                          "ALTER DATABASE d OWNER TO a", "ALTER ROLE a RENAME TO b",
                          "DO $$ BEGIN EXECUTE 'create  user x'; END $$"}) {
    const auto parsed = parse_statements(sql);
    ASSERT_TRUE(parsed) << sql;
    EXPECT_TRUE(parsed->front().beyond_database) << sql;
  }
  for (const char* sql : {"ALTER TABLE t OWNER TO a", "GRANT SELECT ON t TO a", "COMMENT ON TABLE t IS 'alter role x'",
                          "CREATE INDEX i ON t (a)", "DO $$ BEGIN UPDATE t SET role = 1; END $$",
                          "ALTER TABLE t RENAME TO u", "ALTER SCHEMA s OWNER TO a"}) {
    const auto parsed = parse_statements(sql);
    ASSERT_TRUE(parsed) << sql;
    EXPECT_FALSE(parsed->front().beyond_database) << sql;
  }
}

TEST(QueryTest, OnlyReads) {
  EXPECT_TRUE(parse_query("SELECT count(*) = 0 FROM t"));
  EXPECT_TRUE(parse_query("WITH x AS (SELECT 1) SELECT true FROM x"));
  for (const char* sql : {"DELETE FROM t", "SELECT 1; SELECT 2", "WITH x AS (DELETE FROM t RETURNING 1) SELECT true",
                          "SELECT 1 INTO x", "SELECT true FROM t FOR UPDATE", ""}) {
    EXPECT_FALSE(parse_query(sql)) << sql;
  }
}

}  // namespace
}  // namespace pgphase
