#include <gmock/gmock.h>

#include "plans/split/phased_plan_json.hpp"
#include "tests/unit/plans/plan_text.hpp"

namespace pgphase {
namespace {

using testing::body_of_step;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using testing::plan_of;
using testing::problems_of;

const std::string k_users =
    "[[change]]\nop = \"create_table\"\ntable = \"users\"\nprimary_key = \"id\"\n"
    "columns = [{ name = \"id\", type = \"bigint\", identity = \"by_default\" }, { name = \"email\", type = \"text\" "
    "}]\n";

TEST(CreateTableTest, WritesTheTableAsItWasAskedFor) {
  const auto plan = plan_of(R"toml(
[[change]]
op          = "create_table"
schema      = "app"
table       = "Order"
primary_key = ["id", "part"]
columns = [
  { name = "id", type = "integer", identity = "always" },
  { name = "part", type = "smallint", default = 1 },
  { name = "done", type = "boolean", nullable = false, default = false },
  { name = "rate", type = "numeric(10, 2)", default = 0.5 },
  { name = "at", type = "timestamptz", nullable = false, default = "now()" },
  { name = "due", type = "timestamp", default = "now() AT TIME ZONE 'utc'" },
]
)toml");
  ASSERT_EQ(plan[Phase::additive].steps.size(), 1U);
  EXPECT_EQ(plan[Phase::additive].steps[0].name, "create_table app.Order");
  EXPECT_EQ(plan[Phase::additive].steps[0].line, 3);
  const auto body = body_of_step<CreateTableBody>(plan, Phase::additive);
  EXPECT_EQ(body.table, (TableName{"app", "Order"}));
  EXPECT_EQ(body.sql,
            "CREATE TABLE app.\"Order\" (\n"
            "  id integer GENERATED ALWAYS AS IDENTITY,\n"
            "  part smallint DEFAULT 1,\n"
            "  done boolean NOT NULL DEFAULT false,\n"
            "  rate numeric(10, 2) DEFAULT 0.5,\n"
            "  at timestamptz NOT NULL DEFAULT now(),\n"
            "  due timestamp DEFAULT (now() AT TIME ZONE 'utc'),\n"
            "  PRIMARY KEY (id, part)\n"
            ")");
}

TEST(CreateTableTest, PointsAtEveryMistakeAtOnce) {
  const std::string found = problems_of(R"toml([[change]]
op = "create_table"
table = "t"
primary_kye = ["id"]
columns = [
  { name = "id", type = "integre(", nulable = false },
  { name = "id", type = "text, x int" },
  { name = "c", type = "int", default = "1)" },
  { name = "d", type = "int", identity = "sometimes", unique = true },
]
)toml");
  EXPECT_THAT(found, HasSubstr("001_test.toml:5:1: error: `primary_kye` is not a key of create_table"));
  EXPECT_THAT(found, HasSubstr("did you mean `primary_key`?"));
  EXPECT_THAT(found, HasSubstr(":7:37: error: `nulable` is not a key"));
  EXPECT_THAT(found, HasSubstr("`type`: syntax error"));
  EXPECT_THAT(found, HasSubstr("`type`: this is not one type"));
  EXPECT_THAT(found, HasSubstr("two columns called \"id\""));
  EXPECT_THAT(found, HasSubstr("`default`: syntax error"));
  EXPECT_THAT(found, HasSubstr("\"sometimes\" is not an identity"));
  EXPECT_THAT(found, HasSubstr("write a create_index with unique = true"));
}

TEST(CreateTableTest, RefusesAPrimaryKeyThatTheTableCannotHave) {
  const std::string start = "[[change]]\nop = \"create_table\"\ntable = \"t\"\n";
  const std::string columns = "columns = [{ name = \"a\", type = \"int\", nullable = true }]\n";
  EXPECT_THAT(problems_of(start + columns + "primary_key = \"b\""), HasSubstr("no column \"b\""));
  EXPECT_THAT(problems_of(start + columns + "primary_key = \"a\""), HasSubstr("is nullable"));
  EXPECT_THAT(problems_of(start + columns + "primary_key = []"), HasSubstr("at least one column"));
  EXPECT_THAT(problems_of(start + "columns = []"), HasSubstr("at least one column"));
  EXPECT_THAT(problems_of(start), HasSubstr("`columns` is missing in create_table"));
}

TEST(IdentifierTest, IsTakenLiterallyAndNeverCut) {
  const auto drop = [](const std::string& name) {
    return "[[change]]\nop = \"drop_index\"\nname = \"" + name + "\"\n";
  };
  EXPECT_EQ(problems_of(drop(std::string(63, 'x'))), "");
  EXPECT_THAT(problems_of(drop(std::string(64, 'x'))), HasSubstr("has 64 bytes"));
  EXPECT_THAT(problems_of(drop("")), HasSubstr("is empty"));
  EXPECT_THAT(problems_of(drop("_pgphase_todo_1")), HasSubstr("keeps for itself"));
  const auto plan = plan_of(drop("i\\\"; DROP TABLE t; --"));
  EXPECT_EQ(body_of_step<SqlBody>(plan, Phase::constraint).forward[0].sql,
            "DROP INDEX CONCURRENTLY public.\"i\"\"; DROP TABLE t; --\"");
}

TEST(AddColumnTest, IsOneStatementWithItsDefault) {
  const auto plan = plan_of(
      "[[change]]\nop = \"add_column\"\ntable = \"t\"\ncolumn = \"c\"\ntype = \"text\"\nnullable = false\n"
      "default = \"'web'\"\n");
  const auto body = body_of_step<AddColumnBody>(plan, Phase::additive);
  EXPECT_EQ(body.sql, "ALTER TABLE public.t ADD COLUMN c text NOT NULL DEFAULT 'web'");
  EXPECT_EQ(body.default_sql, "'web'");
  EXPECT_FALSE(body.nullable);
  EXPECT_EQ(plan[Phase::additive].steps[0].name, "add_column t.c");
}

TEST(AddColumnTest, RefusesWhatWouldRewriteTheTable) {
  const std::string start = "[[change]]\nop = \"add_column\"\ntable = \"t\"\ncolumn = \"c\"\n";
  for (const char* rest :
       {"type = \"uuid\"\ndefault = \"gen_random_uuid()\"", "type = \"int\"\ndefault = \"nextval('s')\"",
        "type = \"float\"\ndefault = \"1 + random()\"", "type = \"bigserial\"", "type = \"int\"\nidentity = \"always\"",
        "type = \"int\"\ngenerated = \"a + 1\""}) {
    EXPECT_THAT(problems_of(start + rest), HasSubstr("rewrite the table under ACCESS EXCLUSIVE")) << rest;
  }
  EXPECT_EQ(problems_of(start + "type = \"timestamptz\"\ndefault = \"now()\""), "");
  EXPECT_THAT(problems_of(start + "type = \"int\"\nnullable = false"), HasSubstr("needs a `default`"));
}

TEST(CreateIndexTest, WritesEveryPart) {
  const auto plan = plan_of(R"toml([[change]]
op      = "create_index"
name    = "i"
schema  = "app"
table   = "t"
unique  = true
method  = "btree"
columns = ["user_id", { name = "at", order = "desc", nulls = "last" }, { expression = "lower(email)", opclass = "text_pattern_ops" }]
include = ["x"]
where   = "deleted IS NULL"
)toml");
  const auto body = body_of_step<SqlBody>(plan, Phase::additive);
  EXPECT_EQ(body.forward[0].sql,
            "CREATE UNIQUE INDEX CONCURRENTLY i ON app.t USING btree (user_id, at DESC NULLS LAST, (lower(email)) "
            "text_pattern_ops) INCLUDE (x) WHERE (deleted IS NULL)");
  EXPECT_EQ(body.forward[0].kind, StatementKind::create_index_concurrently);
  EXPECT_EQ(body.forward[0].index, (TableName{"app", "i"}));
  EXPECT_EQ(body.undo[0].sql, "DROP INDEX CONCURRENTLY app.i");
  EXPECT_EQ(body.undo[0].kind, StatementKind::drop_index_concurrently);
}

TEST(CreateIndexTest, IsBuiltLastInTheBackfillWhenThePlanFillsAColumnOfIt) {
  const std::string backfill =
      "[[change]]\nop = \"add_column\"\ntable = \"t\"\ncolumn = \"c\"\ntype = \"int\"\n"
      "[[change]]\nop = \"create_index\"\nname = \"i\"\ntable = \"t\"\ncolumns = [COLUMNS]\n"
      "[[backfill]]\nname = \"fill\"\ntable = \"t\"\nset = { c = 1 }\n";
  const auto with = [&](const std::string& columns) {
    std::string text = backfill;
    text.replace(text.find("COLUMNS"), 7, columns);
    return plan_of(text);
  };
  for (const char* columns : {"\"c\"", "\"a\", \"c\"", "{ expression = \"c + 1\" }"}) {
    const auto plan = with(columns);
    ASSERT_EQ(plan[Phase::backfill].steps.size(), 2U) << columns;
    EXPECT_EQ(plan[Phase::backfill].steps[1].name, "create_index i");
    EXPECT_THAT(body_of_step<SqlBody>(plan, Phase::backfill, 1).forward[0].note, HasSubstr("built last"));
  }
  EXPECT_EQ(with("\"a\"")[Phase::additive].steps[1].name, "create_index i");
}

TEST(DropIndexTest, GoesInTheConstraintPhaseAndIsBuiltAgainFromItsDefinition) {
  const auto plan = plan_of("[[change]]\nop = \"drop_index\"\nname = \"i\"\ntable = \"t\"\n");
  const auto body = body_of_step<SqlBody>(plan, Phase::constraint);
  EXPECT_EQ(body.forward[0].kind, StatementKind::drop_index_concurrently);
  EXPECT_EQ(body.undo[0].kind, StatementKind::rebuild_index);
  EXPECT_EQ(body.undo[0].sql, "");
  EXPECT_EQ(body.undo[0].index, (TableName{"public", "i"}));
  EXPECT_TRUE(plan[Phase::constraint].gate.approve);
}

TEST(OperationTest, AnUnknownOneIsAnErrorThatHelps) {
  EXPECT_THAT(problems_of("[[change]]\nop = \"create_tabel\"\n"), HasSubstr("did you mean create_table?"));
  const std::string unbuilt = problems_of("[[change]]\nop = \"create_enum\"\ntable = \"t\"\n");
  EXPECT_THAT(unbuilt, HasSubstr("not built yet"));
  EXPECT_THAT(unbuilt, HasSubstr("CREATE TYPE"));
  EXPECT_THAT(problems_of("[[change]]\ntable = \"t\"\n"), HasSubstr("`op` is missing"));
}

// --- backfills ---------------------------------------------------------------------------------------------------

BackfillBody backfill_of(const std::string& set, const std::string& more = "") {
  return body_of_step<BackfillBody>(plan_of("[[change]]\nop = \"add_column\"\ntable = \"t\"\ncolumn = \"fresh\"\n"
                                            "type = \"int\"\n[[backfill]]\nname = \"b\"\ntable = \"t\"\nset = { " +
                                            set + " }\n" + more),
                                    Phase::backfill);
}
const std::string k_undo = "irreversible = \"a test\"\n";

TEST(BackfillTest, KnowsWhichRowsAreStillToBeDone) {
  EXPECT_EQ(backfill_of("fresh = \"a + 1\"").todo, Todo::fill_empty);
  EXPECT_EQ(backfill_of("fresh = \"random()\"").todo, Todo::fill_empty) << "filled once, then no longer NULL";
  EXPECT_EQ(backfill_of("a = \"lower(b)\"", k_undo).todo, Todo::differs);
  EXPECT_EQ(backfill_of("a = 3", k_undo).todo, Todo::differs);
  EXPECT_EQ(backfill_of("a = \"a + 1\"", k_undo).todo, Todo::marker);
  EXPECT_EQ(backfill_of("a = \"b\", b = \"a\"", k_undo).todo, Todo::marker) << "a swap is not done when it differs";
  EXPECT_EQ(backfill_of("a = \"gen_random_uuid()\"", k_undo).todo, Todo::marker);
  EXPECT_EQ(backfill_of("a = \"now()\"", k_undo).todo, Todo::marker) << "never the same in two batches";
  EXPECT_EQ(backfill_of("a = \"to_jsonb(t)\"", k_undo).todo, Todo::marker) << "reads the whole row";
  EXPECT_EQ(backfill_of("a = \"lower(b)\", fresh = \"1\"", k_undo).todo, Todo::differs);
  const auto chosen = backfill_of("a = \"a + 1\"", k_undo + "where = \"a < 5\"");
  EXPECT_EQ(chosen.todo, Todo::where);
  EXPECT_EQ(chosen.where, "a < 5");
  EXPECT_EQ(backfill_of("a = \"a + 1\"", k_undo + "where = \"a < 5\"\nonce = true").todo, Todo::marker);
  // One that reads nothing of what is set says the same afterwards.
  EXPECT_EQ(backfill_of("a = \"lower(b)\"", k_undo + "where = \"b < 'x'\"").todo, Todo::differs);
  EXPECT_EQ(backfill_of("a = \"a + 1\"", k_undo + "where = \"b < 5\"").todo, Todo::marker);
  EXPECT_EQ(backfill_of("fresh = \"a + 1\"", "where = \"b < 5\"").todo, Todo::differs);
  EXPECT_EQ(backfill_of("a = 1", k_undo + "where = \"EXISTS (SELECT FROM u WHERE u.id = b)\"").todo, Todo::where);
}

TEST(BackfillTest, NamesTheFunctionsThatTheServerMustLookAt) {
  EXPECT_THAT(backfill_of("fresh = \"coalesce(lower(x), app.norm(y))\"").functions,
              ::testing::ElementsAre("lower", "app.norm"));
}

// The columns that the plan's backfill phase makes room for before it sets them.
std::vector<std::string> kept_columns(const std::string& plan) {
  const auto steps = plan_of(plan)[Phase::backfill].steps;
  const auto* room = std::get_if<KeepOldBody>(&steps.front().body);
  const auto& fill = std::get<BackfillBody>(steps.back().body);
  EXPECT_EQ(fill.keep_step, room ? steps.front().name : "");
  EXPECT_EQ(steps.size(), room ? 2U : 1U);
  return room ? room->columns : std::vector<std::string>();
}

TEST(BackfillTest, KeepsOldValuesThatNothingElseBringsBack) {
  const std::string fill = "[[backfill]]\nname = \"b\"\ntable = \"t\"\nset = { a = \"lower(b)\" }\n";
  EXPECT_THAT(kept_columns(fill), ::testing::ElementsAre("a"));
  EXPECT_THAT(kept_columns(fill + "rollback = \"UPDATE t SET a = b\""), ::testing::IsEmpty());
  EXPECT_THAT(kept_columns(fill + "irreversible = \"a was wrong\""), ::testing::IsEmpty());
  EXPECT_THAT(kept_columns("[[additive]]\nname = \"c\"\nsql = \"ALTER TABLE public.t ADD COLUMN a text\"\n"
                           "rollback = \"ALTER TABLE t DROP COLUMN a\"\n" +
                           fill),
              ::testing::IsEmpty())
      << "added by hand, empty";
  EXPECT_THAT(kept_columns("[[change]]\nop = \"add_column\"\ntable = \"t\"\ncolumn = \"a\"\ntype = \"text\"\n"
                           "default = \"'x'\"\n" +
                           fill),
              ::testing::ElementsAre("a"))
      << "what has a default may have been written";
  EXPECT_THAT(kept_columns("[[change]]\nop = \"add_column\"\ntable = \"u\"\ncolumn = \"a\"\ntype = \"text\"\n" + fill),
              ::testing::ElementsAre("a"))
      << "of another table";
}

TEST(BackfillTest, IsEitherSetOrSql) {
  EXPECT_THAT(problems_of("[[backfill]]\nname = \"b\"\nsql = \"ANALYZE t\"\nset = { a = 1 }\n" + k_undo),
              HasSubstr("this one has `sql` and `set`"));
  EXPECT_THAT(problems_of("[[backfill]]\nname = \"b\"\ntable = \"t\"\n"), HasSubstr("`set` is missing"));
  EXPECT_THAT(problems_of("[[backfill]]\nname = \"b\"\ntable = \"t\"\nset = { a = \"1; DROP TABLE t\" }\n" + k_undo),
              HasSubstr("`set.a`"));
  const auto plan = plan_of("[[backfill]]\nname = \"b\"\nsql = \"ANALYZE t\"\n" + k_undo);
  EXPECT_EQ(body_of_step<SqlBody>(plan, Phase::backfill).forward[0].kind, StatementKind::maintenance);
}

TEST(BackfillTest, WhatIsDesignedButNotBuiltIsAnErrorThatSaysSo) {
  const std::string start = "[[backfill]]\nname = \"b\"\ntable = \"t\"\nset = { a = 1 }\n" + k_undo;
  for (const char* key : {"sync = true", "triggers = \"skip\"", "clear_on_rollback = true",
                          "down = \"x\"", "restore = \"x\""}) {
    EXPECT_THAT(problems_of(start + key), HasSubstr("not built yet")) << key;
  }
}

// --- SQL by hand -------------------------------------------------------------------------------------------------

std::string step(const std::string& phase, const std::string& sql, const std::string& more = k_undo) {
  return "[[" + phase + "]]\nname = \"s\"\nsql = " + (sql[0] == '[' ? sql : "\"" + sql + "\"") + "\n" + more;
}

TEST(WrittenSqlTest, KeepsEachStatementAndItsUndo) {
  const auto plan = plan_of(step("constraint",
                                 "[\"ALTER TABLE t ADD CONSTRAINT k CHECK (a > 0) NOT VALID\", "
                                 "\"ALTER TABLE t VALIDATE CONSTRAINT k\"]",
                                 "rollback = \"ALTER TABLE t DROP CONSTRAINT k\"\nverify = \"SELECT true\"\n"));
  const auto body = body_of_step<SqlBody>(plan, Phase::constraint);
  ASSERT_EQ(body.forward.size(), 2U);
  EXPECT_EQ(body.forward[1].kind, StatementKind::validate);
  EXPECT_EQ(body.undo[0].sql, "ALTER TABLE t DROP CONSTRAINT k");
  const Step& made = plan[Phase::constraint].steps[0];
  EXPECT_EQ(made.verify, "SELECT true");
  EXPECT_THAT(made.touches, ::testing::ElementsAre(TableName{"public", "t"}));
}

TEST(CreateTableTest, TakesThePlainSqlOfATableThatARollbackCanHide) {
  const auto read = [](const std::string& sql) { return "[[change]]\nop = \"create_table\"\nsql = \"" + sql + "\"\n"; };
  const auto plan = plan_of(read("CREATE TABLE app.t (id serial PRIMARY KEY, up int REFERENCES app.t)"));
  const auto body = body_of_step<CreateTableBody>(plan, Phase::additive);
  EXPECT_EQ(body.table, (TableName{"app", "t"}));
  EXPECT_EQ(body.sql, "CREATE TABLE app.t (id serial PRIMARY KEY, up int REFERENCES app.t)");
  EXPECT_EQ(plan[Phase::additive].steps[0].name, "create_table app.t");
  for (const auto& [sql, why] : std::vector<std::pair<std::string, std::string>>{
           {"CREATE TABLE t (a int REFERENCES r)", "foreign key"},
           {"CREATE TABLE t (a int, FOREIGN KEY (a) REFERENCES other.t (a))", "foreign key"},
           {"CREATE TABLE t (a int) PARTITION BY LIST (a)", "partitioned"},
           {"CREATE TABLE t PARTITION OF p DEFAULT", "partitioned"},
           {"CREATE TABLE t () INHERITS (p)", "inherits"},
           {"CREATE TABLE t OF y", "type"},
           {"CREATE TEMP TABLE t (a int)", "temporary"},
           {"CREATE TABLE IF NOT EXISTS t (a int)", "IF NOT EXISTS"},
           {"CREATE TABLE t AS SELECT 1 AS a", "as a step of its own"},
           {"CREATE VIEW v AS SELECT 1", "is a CREATE TABLE"},
           {"CREATE TABLE t (a int); CREATE TABLE u (a int)", "2 statements"},
           {"CREATE TABLE _pgphase_retired_1_t (a int)", "keeps for itself"},
           {"CREATE TABLE t (_pgphase_retired_1_a int)", "keeps for itself"},
           {"CREATE TABLE t (a int", "syntax error"},
           {"", "no statement"}}) {
    EXPECT_THAT(problems_of(read(sql)), HasSubstr(why)) << sql;
  }
  EXPECT_THAT(problems_of(read("CREATE TABLE t (a int)") + "table = \"t\"\n"), HasSubstr("`table` does not go with `sql`"));
}

TEST(WrittenSqlTest, StaysWithATableThatThePlanMakes) {
  const std::string make = "[[change]]\nop = \"create_table\"\nsql = \"CREATE TABLE t (a int)\"\n";
  const std::string stays = "stays_with_table = true\n";
  for (const char* sql : {"INSERT INTO t VALUES (1)", "UPDATE t SET a = (SELECT max(b) FROM u)", "DELETE FROM public.t",
                          "ALTER TABLE t ADD b int", "MERGE INTO t USING u ON t.a = u.b WHEN MATCHED THEN DELETE"}) {
    const auto plan = plan_of(make + step("additive", sql, stays));
    const auto& made = plan[Phase::additive].steps[1];
    EXPECT_EQ(std::get<SqlBody>(made.body).stays_with, (TableName{"public", "t"})) << sql;
    EXPECT_FALSE(made.irreversible) << sql;
    const auto again = phased_plan_from_json(to_json(plan));
    ASSERT_TRUE(again.has_value());
    EXPECT_EQ(std::get<SqlBody>((*again)[Phase::additive].steps[1].body).stays_with, (TableName{"public", "t"}));
  }
  for (const char* sql : {"INSERT INTO u VALUES (1)", "WITH x AS (DELETE FROM u RETURNING b) INSERT INTO t SELECT b FROM x",
                          "ALTER TABLE t ADD b int REFERENCES u", "CREATE INDEX i ON t (a)", "SELECT setval('s', 1)"}) {
    EXPECT_THAT(problems_of(make + step("additive", sql, stays)), HasSubstr("stays_with_table")) << sql;
  }
  // What a rollback drops takes nothing along that could come back.
  EXPECT_THAT(problems_of(step("additive", "CREATE TABLE t (a int)", "rollback = \"DROP TABLE t\"") + "\n" +
                          "[[additive]]\nname = \"r\"\nsql = \"INSERT INTO t VALUES (1)\"\n" + stays),
              HasSubstr("no create_table of this plan makes t"));
  for (const char* other : {"rollback = \"SELECT 1\"\n", "irreversible = \"x\"\n"}) {
    EXPECT_THAT(problems_of(make + step("additive", "INSERT INTO t VALUES (1)", stays + other)), HasSubstr("stands instead of"));
  }
  EXPECT_THAT(problems_of(make + step("additive", "INSERT INTO t VALUES (1)", "stays_with_table = false\n")), HasSubstr("has no undo"));
}

TEST(WrittenSqlTest, NeedsAnUndoOrAReason) {
  const std::string sql = "ALTER TABLE t ADD COLUMN a int";
  EXPECT_THAT(problems_of(step("additive", sql, "")), HasSubstr("the step \"s\" has no undo"));
  EXPECT_THAT(problems_of(step("additive", sql, "irreversible = \"\"")), HasSubstr("says why"));
  EXPECT_THAT(problems_of(step("additive", sql, k_undo + "rollback = \"SELECT 1\"")), HasSubstr("not both"));
  EXPECT_EQ(plan_of(step("additive", sql))[Phase::additive].steps[0].irreversible, "a test");
}

TEST(WrittenSqlTest, PointsIntoTheSqlWhereItIsWrong) {
  EXPECT_THAT(
      problems_of("[[additive]]\nname = \"s\"\nsql = \"\"\"\nALTER TABLE t\n  ADD COLUM c int x y\"\"\"\n" + k_undo),
      HasSubstr("001_test.toml:6:15: error: `sql`: syntax error at or near \"int\""));
  EXPECT_THAT(problems_of(step("additive", "ALTER TABEL t")), HasSubstr("001_test.toml:4:14: error"));
}

TEST(WrittenSqlTest, TakesOneStatementAString) {
  const std::string two = problems_of(step("additive", "CREATE TABLE a (x int); CREATE TABLE b (x int)"));
  EXPECT_THAT(two, HasSubstr("holds 2 statements in one string"));
  EXPECT_THAT(two, HasSubstr("001_test.toml:4:32"));
  EXPECT_THAT(problems_of(step("additive", "-- nothing")), HasSubstr("holds no statement"));
  EXPECT_THAT(problems_of(step("additive", "[]")), HasSubstr("empty list"));
  EXPECT_THAT(problems_of(step("additive", "CREATE TABLE a (x int)", "rollback = \"BEGIN\"")),
              HasSubstr("`rollback`: transactions are pgphase's"));
}

TEST(WrittenSqlTest, UncheckedLetsPastOnlyWhatTheParserDoesNotKnow) {
  const std::string newer = "ALTER TABLE t ADD CONSTRAINT k NOT NULL c NOT VALID";
  EXPECT_THAT(problems_of(step("constraint", newer)), HasSubstr("unchecked = \"why\""));
  const auto plan = plan_of(step("constraint", newer, k_undo + "unchecked = \"PostgreSQL 18\"\n"));
  const auto body = body_of_step<SqlBody>(plan, Phase::constraint);
  EXPECT_FALSE(body.forward[0].locks_known);
  EXPECT_EQ(body.forward[0].note, "not checked: PostgreSQL 18");
  EXPECT_THAT(problems_of(step("constraint", "COMMIT", k_undo + "unchecked = \"x\"\n")), HasSubstr("transactions are"));
}

TEST(WrittenSqlTest, SaysInTheUndoWhatItWouldLose) {
  const auto plan =
      plan_of(step("additive", "ALTER TABLE t ADD COLUMN a int", "rollback = \"ALTER TABLE t DROP COLUMN a\""));
  EXPECT_THAT(body_of_step<SqlBody>(plan, Phase::additive).undo[0].note, HasSubstr("is lost"));
}

}  // namespace
}  // namespace pgphase
