// A column that takes another type and keeps its name: what its values, its key and its applications go through.
#include <gmock/gmock.h>

#include "tests/e2e/fixture.hpp"
#include "tests/support/server.hpp"

namespace pgphase::testing {
namespace {

using ::testing::AllOf;
using ::testing::HasSubstr;

std::string change_type(const std::string& column, const std::string& keys) {
  return "format = 1\n[[change]]\nop = \"change_type\"\ntable = \"t\"\ncolumn = \"" + column + "\"\n" + keys;
}

class ChangeTypeInPlaceE2e : public ::testing::Test {
 protected:
  void begin(const std::string& schema, const std::string& plan) {
    exec(schema);
    project.plan("010_type", plan);
  }
  Output expect(int code, const std::vector<std::string>& args) {
    auto output = project.run(args);
    EXPECT_EQ(output.code, code) << output.out << output.err;
    return output;
  }
  void forward(const char* phase = "constraint") { expect(0, {"up", "010_type", "--through", phase, "--approve"}); }
  Output back(const char* phase = "constraint") { return expect(0, {"rollback", "010_type", "--phase", phase}); }
  void exec(const std::string& sql) { project.db().exec(sql); }
  std::string value(const std::string& sql) { return project.db().value(sql); }
  std::string type_of(const std::string& column) {
    return value(
        "SELECT format_type(atttypid, atttypmod) FROM pg_attribute WHERE attrelid = 't'::regclass AND attname = '" +
        column + "'");
  }
  Project project;
};

constexpr const char* k_key = R"sql(
CREATE TABLE t (id integer GENERATED ALWAYS AS IDENTITY PRIMARY KEY, note text);
INSERT INTO t (note) SELECT 'note ' || i FROM generate_series(1, 100) i;
CREATE TABLE child (t integer NOT NULL REFERENCES t ON DELETE CASCADE);
INSERT INTO child SELECT generate_series(1, 100);
)sql";

TEST_F(ChangeTypeInPlaceE2e, AKeyThatTheOldTypeCannotHoldIsNotTakenBackAndNothingIsChanged) {
  begin(k_key, change_type("id", "type = \"bigint\"\n"));
  forward();
  EXPECT_EQ(type_of("id"), "bigint");
  exec("INSERT INTO t (id, note) OVERRIDING SYSTEM VALUE VALUES (3000000000, 'far'), (3000000001, 'farther')");
  const auto before = project.schema_dump();
  const auto refused = expect(21, {"rollback", "010_type", "--phase", "constraint"});
  EXPECT_THAT(refused.err,
              AllOf(HasSubstr("is part of the primary key t_pkey, and 2 rows of t have a value that the old "
                              "type cannot hold"),
                    HasSubstr("IS NULL finds them")));
  EXPECT_EQ(project.schema_dump(), before);
  exec(
      "INSERT INTO t (id, note) OVERRIDING SYSTEM VALUE VALUES (3000000002, 'still'); DELETE FROM t WHERE id > "
      "2147483647");
  back();
  EXPECT_EQ(type_of("id"), "integer");
  EXPECT_EQ(value("SELECT indexrelid::regclass || ' ' || indisprimary FROM pg_index JOIN pg_class ON pg_class.oid = "
                  "indexrelid WHERE indrelid = 't'::regclass AND relname !~ '^_pgphase'"),
            "t_pkey true");
}

TEST_F(ChangeTypeInPlaceE2e, AnIdentityGoesOnCountingThroughEveryMove) {
  begin(k_key, change_type("id", "type = \"bigint\"\n"));
  int last = 100;
  const auto one_more = [&] {
    EXPECT_EQ(value("INSERT INTO t (note) VALUES ('more') RETURNING id"), std::to_string(++last));
    exec("INSERT INTO child VALUES (" + std::to_string(last) + ")");
  };
  for (const auto* phase : {"additive", "backfill", "constraint"}) {
    forward(phase);
    one_more();
  }
  EXPECT_EQ(value("SELECT format_type(seqtypid, NULL) FROM pg_sequence WHERE seqrelid = 't_id_seq'::regclass"),
            "bigint");
  for (const auto* phase : {"constraint", "backfill", "additive"}) {
    back(phase);
    one_more();
  }
  forward();
  one_more();
  exec("SELECT setval('t_id_seq', 5000000000)");
  EXPECT_EQ(value("INSERT INTO t (note) VALUES ('far') RETURNING id"), "5000000001");
  exec("DELETE FROM t WHERE id = 1");
  EXPECT_EQ(value("SELECT count(*) FROM child WHERE t = 1"), "0");
}

TEST_F(ChangeTypeInPlaceE2e, WhatTheOldTypeCannotHoldWaitsForTheNextUp) {
  begin(
      "CREATE TABLE t (id integer PRIMARY KEY, n integer NOT NULL CHECK (n <> 5));"
      "INSERT INTO t SELECT i, i + 10 FROM generate_series(1, 50) i; CREATE INDEX t_times ON t ((n * 1000))",
      change_type("n", "type = \"bigint\"\n"));
  forward();
  // On the old column neither its type nor what its index computes could take this.
  exec("UPDATE t SET n = 3000000000 WHERE id = 1; UPDATE t SET n = 2000000000 WHERE id = 2");
  EXPECT_THAT(back().out,
              AllOf(HasSubstr("n of t stays nullable: 1 row lacks a value, and new ones without are refused"),
                    HasSubstr("index t_times could not be built again (integer out of range)")));
  EXPECT_EQ(value("SELECT coalesce(n::text, 'none') FROM t WHERE id = 1"), "none");
  EXPECT_EQ(value("SELECT n FROM t WHERE id = 2"), "2000000000");
  EXPECT_THROW(exec("INSERT INTO t VALUES (1000, NULL)"), PgError);
  exec("UPDATE t SET n = 77 WHERE id = 3");
  forward();
  EXPECT_EQ(value("SELECT string_agg(n::text, ' ' ORDER BY id) FROM t WHERE id < 4"), "3000000000 2000000000 77");
  EXPECT_EQ(value("SELECT attnotnull FROM pg_attribute WHERE attrelid = 't'::regclass AND attname = 'n'"), "t");
  EXPECT_THROW(exec("INSERT INTO t VALUES (1000, NULL)"), PgError);
  EXPECT_THROW(exec("INSERT INTO t (id, n) VALUES (1000, 5)"), PgError);
  exec("INSERT INTO t (id, n) VALUES (1000, 9000000000)");
  EXPECT_EQ(value("SELECT indexdef FROM pg_indexes WHERE indexname = 't_times'"),
            "CREATE INDEX t_times ON public.t USING btree (((n * 1000)))");
}

TEST_F(ChangeTypeInPlaceE2e, CodeThatCountsColumnsGoesOnWriting) {
  begin(
      "CREATE TABLE t (id serial PRIMARY KEY, n integer DEFAULT 7, m integer, note text);"
      "INSERT INTO t (note) SELECT 'note ' || i FROM generate_series(1, 20) i",
      "format = 1\n[[change]]\nop = \"change_type\"\ntable = \"t\"\ncolumn = \"id\"\ntype = \"bigint\"\n"
      "[[change]]\nop = \"change_type\"\ntable = \"t\"\ncolumn = \"n\"\ntype = \"bigint\"\n"
      "[[change]]\nop = \"change_type\"\ntable = \"t\"\ncolumn = \"m\"\ntype = \"bigint\"\n");
  int id = 100;
  const auto write = [&] {
    ++id;
    exec("INSERT INTO t VALUES (" + std::to_string(id) + ", 8, 9, 'counted'), (DEFAULT, DEFAULT, NULL, 'by itself')");
    EXPECT_EQ(value("SELECT id || ' ' || n || ' ' || m FROM t WHERE note = 'counted' ORDER BY id DESC LIMIT 1"),
              std::to_string(id) + " 8 9");
    EXPECT_EQ(value("SELECT n || ' ' || coalesce(m, 0) FROM t WHERE note = 'by itself' ORDER BY id DESC LIMIT 1"),
              "7 0");
  };
  write();
  forward();
  write();
  exec("INSERT INTO t (id, n, m, note) VALUES (3000000000, 3000000001, 3000000002, 'far')");
  // A copy of whole rows gives both: what the new column says counts.
  exec(
      "CREATE TEMP TABLE copy AS SELECT * FROM t WHERE note = 'far'; DELETE FROM t WHERE note = 'far';"
      "INSERT INTO t SELECT * FROM copy");
  EXPECT_EQ(value("SELECT id || ' ' || n || ' ' || m FROM t WHERE note = 'far'"), "3000000000 3000000001 3000000002");
  exec("DELETE FROM t WHERE note = 'far'");
  back();
  write();
}

TEST_F(ChangeTypeInPlaceE2e, AnOldUniqueIndexRefusesNothingThatTheNewOneTakes) {
  begin(
      "CREATE TABLE t (id integer PRIMARY KEY, code varchar(3) NOT NULL UNIQUE);"
      "INSERT INTO t SELECT i, i::text FROM generate_series(100, 120) i",
      change_type("code", "type = \"text\"\n"));
  forward();
  exec("INSERT INTO t (id, code) VALUES (1, 'abc'), (2, 'abc   '), (3, 'abcd')");
  EXPECT_THAT(back().out, HasSubstr("2 rows lack a value"));
  forward();
  EXPECT_EQ(value("SELECT string_agg(code, '|' ORDER BY id) FROM t WHERE id < 4"), "abc|abc   |abcd");
}

TEST_F(ChangeTypeInPlaceE2e, AValueThatCannotBeConvertedIsRefusedAndNotLost) {
  begin("CREATE TABLE t (id integer PRIMARY KEY, code text); INSERT INTO t VALUES (1, '1'), (2, NULL)",
        change_type("code", "type = \"integer\"\nfill = \"code::integer\"\n"));
  forward("additive");
  EXPECT_THROW(exec("UPDATE t SET code = 'x' WHERE id = 1"), PgError);
  exec("UPDATE t SET code = '7' WHERE id = 2");
  back("additive");
  exec("UPDATE t SET code = 'x' WHERE id = 1");  // nobody sees the new column
  forward("additive");
  EXPECT_EQ(expect(41, {"up", "010_type", "--approve"}).code, 41);
  exec("UPDATE t SET code = '8' WHERE id = 1");
  forward();
  EXPECT_EQ(type_of("code"), "integer");
  EXPECT_EQ(value("SELECT sum(code) FROM t"), "15");
  back();
  EXPECT_EQ(value("SELECT string_agg(code, ' ' ORDER BY id) FROM t"), "8 7");
}

TEST_F(ChangeTypeInPlaceE2e, WhatSomebodyMakesOnTheWayComesAlong) {
  begin(k_key, change_type("id", "type = \"bigint\"\n"));
  forward("backfill");
  exec(
      "CREATE INDEX late ON t (note, id); ALTER TABLE t ADD CONSTRAINT positive CHECK (id > 0);"
      "CREATE TABLE other (t integer REFERENCES t)");
  forward();
  EXPECT_EQ(value("SELECT indexdef FROM pg_indexes WHERE indexname = 'late'"),
            "CREATE INDEX late ON public.t USING btree (note, id)");
  EXPECT_EQ(value("SELECT string_agg(conname || ' ' || convalidated, ', ' ORDER BY conname) FROM pg_constraint WHERE "
                  "contype = 'c' AND conrelid = 't'::regclass OR confrelid = 't'::regclass"),
            "child_t_fkey true, other_t_fkey true, positive true");
  exec("CREATE INDEX later ON t (id, note)");
  back();
  EXPECT_EQ(value("SELECT string_agg(x.relname, ' ' ORDER BY x.relname) FROM pg_index i JOIN pg_class x ON x.oid = "
                  "i.indexrelid JOIN pg_attribute a ON a.attrelid = i.indrelid AND a.attname = 'id' WHERE i.indrelid = "
                  "'t'::regclass AND a.attnum = ANY (i.indkey) AND x.relname !~ '^_pgphase'"),
            "late later t_pkey");
  exec("ALTER TABLE t ADD CONSTRAINT since CHECK (id <> 7777)");
  forward();
  exec("ALTER TABLE t ADD CONSTRAINT after_all CHECK (id <> 8888)");
  EXPECT_THAT(expect(21, {"rollback", "010_type", "--phase", "constraint"}).err,
              HasSubstr("constraint after_all has been added since"));
}

TEST_F(ChangeTypeInPlaceE2e, AColumnTakesAnotherTypeAgainWhenTheFirstOldOneIsPurged) {
  begin(
      "CREATE TABLE t (id smallint PRIMARY KEY, note text); INSERT INTO t SELECT i, 'x' FROM generate_series(1, 20) i",
      change_type("id", "type = \"integer\"\n"));
  forward();
  project.plan("020_again", change_type("id", "type = \"bigint\"\n"));
  EXPECT_THAT(expect(21, {"up", "020_again", "--approve"}).err, HasSubstr("let `pgphase purge` drop it first"));
  expect(0, {"purge", "010_type", "--yes", "--retain-for", "0s"});
  expect(0, {"up", "020_again", "--approve"});
  EXPECT_EQ(type_of("id"), "bigint");
  expect(0, {"rollback", "020_again", "--phase", "constraint"});
  EXPECT_EQ(type_of("id"), "integer");
}

TEST_F(ChangeTypeInPlaceE2e, ExplainTellsEachStepAndItsLock) {
  begin(k_key, change_type("id", "type = \"bigint\"\n"));
  const auto text = expect(0, {"explain", "010_type"}).out;
  EXPECT_THAT(text, AllOf(HasSubstr("builds the indexes of t.id for the new type"),
                          HasSubstr("makes the constraints of t.id for the new type, then turns it into a bigint"),
                          HasSubstr("SHARE UPDATE EXCLUSIVE"), HasSubstr("old code may stay")));
}

}  // namespace
}  // namespace pgphase::testing
