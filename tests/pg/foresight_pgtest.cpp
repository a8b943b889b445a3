// Each obstacle and each warning by name: it is found before anything runs, and it is not found where there is none.
#include "phases/foresight/foresight.hpp"

#include <fmt/format.h>

#include <ostream>

#include "tests/pg/retire_fixture.hpp"
#include "tests/support/server.hpp"

namespace pgphase::testing {
namespace {

using ::testing::Contains;
using ::testing::HasSubstr;
using ::testing::IsEmpty;

const TableName k_tasks{"public", "tasks"};

using Body = decltype(Step::body);

HandOverBody drops(const std::string& column) {
  return {k_tasks, "", {column}, {}};
}
DropNotNullBody frees(const std::string& column) {
  return {k_tasks, column, "", false};
}
LinkColumnsBody makes(const std::string& source, const std::string& up, const std::string& down = "") {
  LinkColumnsBody body;
  body.table = k_tasks;
  body.sources = {{source, "", "", down}};
  body.targets = {{"made", "text", "", up}};
  return body;
}
BackfillBody sets(const std::string& expression, Todo todo = Todo::differs, std::vector<std::string> functions = {}) {
  BackfillBody body;
  body.table = k_tasks;
  body.set = {{"title", expression}};
  body.todo = todo;
  body.functions = std::move(functions);
  return body;
}
AddColumnBody adds() {
  AddColumnBody body;
  body.table = k_tasks;
  body.column = "note";
  return body;
}
HandOverBody renames(const std::string& column) {
  return {k_tasks, "", {}, {{column, "other"}}};
}
const RetireTableBody k_drops_table{k_tasks};
const RenameTableBody k_view{k_tasks, "jobs", RenameTableBody::Part::view};
const RenameTableBody k_rename{k_tasks, "jobs", RenameTableBody::Part::rename};
const KeepOldBody k_keeps{k_tasks, {"title"}};

struct Case {
  std::string name;
  Body body;
  std::string make;   // SQL, after which it is there
  std::string words;  // in its sentence
  int since = 14;     // major version
};
void PrintTo(const Case& one, std::ostream* out) {
  *out << one.name;
}

constexpr const char* k_trigger_function =
    "CREATE FUNCTION f() RETURNS trigger LANGUAGE plpgsql AS 'BEGIN NEW.title := NEW.title; RETURN NEW; END';";

std::vector<Case> obstacles() {
  const std::string partitioned =
      "DROP TABLE tasks; CREATE TABLE tasks (id integer, title text, day integer) PARTITION BY RANGE (day);"
      "CREATE TABLE tasks_1 PARTITION OF tasks FOR VALUES FROM (0) TO (10);";
  return {
      // A value is needed where there would be none.
      {"PrimaryKey", drops("id"), "", "column id of table tasks is part of the primary key tasks_pkey"},
      {"PrimaryKeyThatMayBeNull", frees("id"), "", "is part of the primary key tasks_pkey"},
      {"ReplicaIdentity", drops("day"),
       "CREATE UNIQUE INDEX u ON tasks (day); ALTER TABLE tasks ALTER day SET NOT NULL, REPLICA IDENTITY USING INDEX u",
       "column day of table tasks is part of the replica identity u"},
      {"ReplicaIdentityThatMayBeNull", frees("day"),
       "CREATE UNIQUE INDEX u ON tasks (day); ALTER TABLE tasks ALTER day SET NOT NULL, REPLICA IDENTITY USING INDEX u",
       "is part of the replica identity u"},
      {"PartitionKey", drops("day"), partitioned, "column day of table tasks is part of the partition key"},
      {"ForeignKeyToTheColumn", drops("day"),
       "ALTER TABLE tasks ADD UNIQUE (day); CREATE TABLE notes (day integer CONSTRAINT to_day REFERENCES tasks (day))",
       "foreign key to_day of table notes refers to column day"},
      {"ForeignKeyOfAPartitionedTable", drops("id"),
       partitioned +
           "CREATE TABLE teams (id integer PRIMARY KEY); ALTER TABLE tasks ADD CONSTRAINT to_team FOREIGN KEY "
           "(id) REFERENCES teams",
       "foreign key to_team uses column id of table tasks, and on a partitioned table"},
      {"UniqueNullsNotDistinct", drops("day"), "CREATE UNIQUE INDEX one_only ON tasks (day) NULLS NOT DISTINCT",
       "index one_only lets only one row be without a value for column day", 15},
      {"DomainThatRefusesNull", drops("code"),
       "CREATE DOMAIN code AS text NOT NULL; ALTER TABLE tasks ADD code code DEFAULT ''; ALTER TABLE tasks ALTER code "
       "DROP DEFAULT",
       "column code of table tasks is of the domain code, which refuses every row without a value"},
      {"DomainOverADomainThatRefusesNull", drops("code"),
       "CREATE DOMAIN base AS text NOT NULL; CREATE DOMAIN code AS base; ALTER TABLE tasks ADD code code DEFAULT ''; "
       "ALTER TABLE tasks ALTER code DROP DEFAULT",
       "is of the domain code"},
      {"DomainThatRefusesNullAnyway", frees("code"),
       "CREATE DOMAIN code AS text NOT NULL; ALTER TABLE tasks ADD code code DEFAULT ''",
       "is of the domain code, which refuses NULL by itself"},
      {"IdentityThatMayBeNull", frees("number"), "ALTER TABLE tasks ADD number integer GENERATED ALWAYS AS IDENTITY",
       "column number of table tasks is an identity column"},
      {"NotNullThatIsInherited", frees("title"),
       "CREATE TABLE above (title text NOT NULL); UPDATE tasks SET title = ''; ALTER TABLE tasks ALTER title SET NOT "
       "NULL, INHERIT above",
       "column title of table tasks is inherited"},
      // What goes on using a column.
      {"ViewOfTheColumn", drops("day"), "CREATE VIEW v AS SELECT day FROM tasks", "view v uses column day"},
      {"MaterializedViewOfTheColumn", drops("day"), "CREATE MATERIALIZED VIEW m AS SELECT day FROM tasks",
       "materialized view m uses column day"},
      {"RuleOfTheColumn", drops("day"),
       "CREATE TABLE seen (a integer); CREATE RULE r AS ON INSERT TO seen DO ALSO UPDATE tasks SET day = 1",
       "rule r on table seen uses column day"},
      {"PolicyOfTheColumn", drops("day"), "CREATE POLICY p ON tasks USING (day > 0)",
       "policy p on table tasks uses column day"},
      {"FunctionBodyOfTheColumn", drops("day"),
       "CREATE FUNCTION g() RETURNS bigint BEGIN ATOMIC SELECT sum(day) FROM tasks; END",
       "function g() uses column day"},
      {"TriggerOfTheColumn", drops("title"),
       std::string(k_trigger_function) +
           "CREATE TRIGGER t BEFORE UPDATE OF title ON tasks FOR EACH ROW EXECUTE FUNCTION f()",
       "trigger t on table tasks names column title"},
      {"TriggerWhoseFunctionNamesTheColumn", drops("title"),
       std::string(k_trigger_function) + "CREATE TRIGGER t BEFORE INSERT ON tasks FOR EACH ROW EXECUTE FUNCTION f()",
       "trigger t on table tasks names column title"},
      {"TriggerWhoseFunctionNamesARenamedColumn", renames("title"),
       std::string(k_trigger_function) + "CREATE TRIGGER t BEFORE INSERT ON tasks FOR EACH ROW EXECUTE FUNCTION f()",
       "trigger t on table tasks names column title"},
      {"GeneratedColumn", drops("day"), "ALTER TABLE tasks ADD twice integer GENERATED ALWAYS AS (day * 2) STORED",
       "column twice of table tasks depends on column day"},
      {"ChildTable", drops("day"), "CREATE TABLE child () INHERITS (tasks)", "table child inherits from"},
      {"PublicationOfTheColumn", drops("day"), "CREATE PUBLICATION pub FOR TABLE tasks", "publication pub publishes"},
      {"PublicationOfARenamedColumn", renames("day"), "CREATE PUBLICATION pub FOR TABLE tasks",
       "publication pub publishes"},
      // Tables.
      {"ViewOfTheTable", k_drops_table, "CREATE VIEW v AS SELECT id FROM tasks", "view v uses table tasks"},
      {"PublicationOfTheTable", k_drops_table, "CREATE PUBLICATION pub FOR ALL TABLES", "publication pub publishes"},
      {"PublicationOfTheSchema", k_drops_table, "CREATE PUBLICATION pub FOR TABLES IN SCHEMA public",
       "publication pub publishes", 15},
      {"PublicationOfAPartition", k_drops_table, partitioned + "CREATE PUBLICATION pub FOR TABLE tasks_1",
       "publication pub publishes"},
      {"ViewOfAPartition", k_drops_table, partitioned + "CREATE VIEW v AS SELECT id FROM tasks_1",
       "view v uses table tasks_1"},
      {"PartitionOfAnotherTable", k_drops_table,
       "CREATE TABLE whole (id integer NOT NULL, title text, day integer) PARTITION BY RANGE (id); ALTER TABLE whole "
       "ATTACH PARTITION tasks FOR VALUES FROM (0) TO (1000)",
       "table tasks is a partition of table whole"},
      {"ForeignKeyOfAPartitionedTableThatGoes", k_drops_table,
       partitioned +
           "CREATE TABLE teams (id integer PRIMARY KEY); ALTER TABLE tasks ADD CONSTRAINT to_team FOREIGN KEY "
           "(id) REFERENCES teams",
       "foreign key to_team"},
      {"SequenceThatSomebodyElseUses", k_drops_table,
       "ALTER TABLE tasks ADD number serial; CREATE TABLE other (n integer DEFAULT nextval('tasks_number_seq'))",
       "table other depends on table tasks"},
      {"PublicationOfARenamedTable", k_view, "CREATE PUBLICATION pub FOR TABLE tasks", "publication pub publishes"},
      {"PublicationAtTheRename", k_rename, "CREATE PUBLICATION pub FOR TABLE tasks", "publication pub publishes"},
      // Old values.
      {"OldValuesOfAPartition", k_keeps,
       "CREATE TABLE whole (id integer NOT NULL, title text, day integer) PARTITION BY RANGE (id); ALTER TABLE whole "
       "ATTACH PARTITION tasks FOR VALUES FROM (0) TO (1000)",
       "tasks is a partition, and columns for its old values"},
      {"OldValuesOfAPublishedTable", k_keeps, "CREATE PUBLICATION pub FOR TABLE tasks",
       "publication pub publishes tasks, and a subscriber without columns for the old values would stop"},
      // Columns that are kept in step.
      {"GeneratedSource", makes("twice", "twice::text"),
       "ALTER TABLE tasks ADD twice integer GENERATED ALWAYS AS (day * 2) STORED",
       "column twice of table tasks is generated"},
      {"WayBackIntoAPartitionKey", makes("day", "day::text", "made::integer"), partitioned,
       "column day of table tasks is part of a partition key"},
      {"WayBackIntoAnIdentity", makes("number", "number::text", "made::integer"),
       "ALTER TABLE tasks ADD number integer GENERATED BY DEFAULT AS IDENTITY",
       "the default of column number of table tasks is another one for each row (an identity)"},
      {"WayBackIntoADefaultThatIsAnotherOneForEachRow", makes("title", "title", "made"),
       "ALTER TABLE tasks ALTER title SET DEFAULT random()::text", "the default of column title of table tasks"},
  };
}

std::vector<Case> warnings() {
  const std::string published = "CREATE PUBLICATION pub FOR TABLE tasks;";
  return {
      {"PublishedNewColumn", adds(), published, "a subscriber without a column note stops"},
      {"PublishedColumnThatIsKeptInStep", makes("title", "title"), published,
       "a subscriber without a column made stops"},
      {"PublishedPartOfAPartitionedTable", adds(),
       "DROP TABLE tasks; CREATE TABLE tasks (id integer) PARTITION BY RANGE (id); CREATE TABLE tasks_1 PARTITION OF "
       "tasks DEFAULT; CREATE PUBLICATION pub FOR TABLE tasks_1",
       "a subscriber without a column note stops"},
      {"MarkerThatThePlanSays", sets("title || '.'", Todo::marker), published,
       "while the backfill has its marker column"},
      {"MarkerBecauseOfAVolatileFunction", sets("own(day)", Todo::differs, {"own"}),
       published + "CREATE FUNCTION own(integer) RETURNS text LANGUAGE sql VOLATILE AS 'SELECT $1::text'",
       "while the backfill has its marker column"},
      {"MarkerBecauseOfTheClock", sets("CURRENT_TIMESTAMP::text"), published,
       "while the backfill has its marker column"},
      {"FunctionThatSeemsToUseTheColumn", drops("day"),
       "CREATE FUNCTION g() RETURNS bigint LANGUAGE sql AS 'SELECT sum(day) FROM tasks'",
       "function g() has the words tasks and day in its text"},
      {"FunctionOfARowThatSeemsToUseTheColumn", drops("day"),
       "CREATE FUNCTION g(r tasks) RETURNS integer LANGUAGE sql AS 'SELECT r.day'",
       "function g(tasks) is given or returns rows of tasks, and has the word day in its text"},
      {"FunctionOfRowsThatSeemsToUseTheColumn", renames("day"),
       "CREATE FUNCTION g(r tasks[]) RETURNS integer LANGUAGE sql AS 'SELECT r[1].day'",
       "function g(tasks[]) is given"},
      {"FunctionThatSeemsToUseTheTable", k_drops_table,
       "CREATE FUNCTION g() RETURNS bigint LANGUAGE sql AS 'SELECT count(*) FROM tasks'",
       "function g() has the word tasks in its text"},
      {"FunctionThatSeemsToUseTheOldName", k_rename,
       "CREATE FUNCTION g() RETURNS bigint LANGUAGE sql AS 'SELECT count(*) FROM tasks'",
       "function g() has the word tasks in its text"},
      {"TriggerOnUpdateOfWhatIsWrittenBack", makes("title", "lower(title)", "made"),
       std::string(k_trigger_function) +
           "CREATE TRIGGER t BEFORE UPDATE OF title ON tasks FOR EACH ROW EXECUTE FUNCTION f()",
       "trigger t of tasks fires on UPDATE OF title"},
      {"RoleThatMayReadSomeColumnsOnly", k_view, "GRANT SELECT (id) ON tasks TO pg_monitor",
       "role pg_monitor may read some columns of tasks only", 15},
      // What EXCLUDED holds.
      {"ExcludedOfADefault", makes("title", "lower(title)"), "ALTER TABLE tasks ALTER title SET DEFAULT 'NEW'",
       "an upsert that leaves made out finds 'new' in EXCLUDED.made"},
      {"ExcludedOfADomainsDefault", makes("code", "lower(code)"),
       "CREATE DOMAIN code AS text DEFAULT 'NEW'; ALTER TABLE tasks ADD code code", "finds 'new' in EXCLUDED.made"},
      {"ExcludedWithoutADefault", makes("title", "coalesce(title, 'none')"), "", "finds 'none' in EXCLUDED.made"},
      {"ExcludedOfWhatIsAnotherOneEachTime", makes("id", "id::text"),
       "CREATE SEQUENCE s; ALTER TABLE tasks ALTER id SET DEFAULT nextval('s')", "finds a value in EXCLUDED.made"},
      {"ExcludedOfAnIdentity", makes("number", "number::text"),
       "ALTER TABLE tasks ADD number integer GENERATED BY DEFAULT AS IDENTITY", "finds a value in EXCLUDED.made"},
      {"ExcludedOfAVolatileExpression", makes("title", "title || random()"), "", "finds a value in EXCLUDED.made"},
  };
}

class ForesightPgTest : public RetirePgTest, public ::testing::WithParamInterface<Case> {
 protected:
  ForesightPgTest() {
    db_.exec(
        "CREATE TABLE tasks (id integer PRIMARY KEY, title text, day integer);"
        "INSERT INTO tasks SELECT i, 'task ' || i, i FROM generate_series(1, 20) i");
  }
  Foresight look(const Body& body) {
    Step step;
    step.name = "step";
    step.body = body;
    auto found = foresee(*session_, step);
    if (found) return *found;
    ADD_FAILURE() << found.error().text() << "\n" << found.error().statement;
    return {};
  }
  bool applies() const { return test_server_major() >= GetParam().since; }
};

class ObstaclePgTest : public ForesightPgTest {};
class WarningPgTest : public ForesightPgTest {};

TEST_P(ObstaclePgTest, IsNamed) {
  if (!applies()) return;
  if (!GetParam().make.empty()) db_.exec(GetParam().make);
  EXPECT_THAT(look(GetParam().body).obstacles, Contains(HasSubstr(GetParam().words)));
}
INSTANTIATE_TEST_SUITE_P(Of, ObstaclePgTest, ::testing::ValuesIn(obstacles()),
                         [](const auto& instance) { return instance.param.name; });

TEST_P(WarningPgTest, IsToldAndStandsInNobodysWay) {
  if (!applies()) return;
  if (!GetParam().make.empty()) db_.exec(GetParam().make);
  const auto found = look(GetParam().body);
  EXPECT_THAT(found.warnings, Contains(HasSubstr(GetParam().words)));
  EXPECT_THAT(found.obstacles, IsEmpty());
}
INSTANTIATE_TEST_SUITE_P(Of, WarningPgTest, ::testing::ValuesIn(warnings()),
                         [](const auto& instance) { return instance.param.name; });

class QuietPgTest : public RetirePgTest {
 protected:
  Foresight look(const Body& body) {
    Step step;
    step.body = body;
    return foresee(*session_, step).value();
  }
  void nothing_of(const Body& body, const std::string& why) {
    const auto found = look(body);
    EXPECT_THAT(found.obstacles, IsEmpty()) << why;
    EXPECT_THAT(found.warnings, IsEmpty()) << why;
  }
};

TEST_F(QuietPgTest, OfAPlainTableNothingIsSaid) {
  db_.exec("CREATE TABLE tasks (id integer, title text, day integer NOT NULL)");
  for (const Body& body :
       {Body(drops("title")), Body(frees("day")), Body(makes("title", "lower(title)", "made")),
        Body(sets("own(day)", Todo::differs, {"own"})), Body(sets("title", Todo::marker)), Body(adds()),
        Body(renames("title")), Body(k_drops_table), Body(k_view), Body(k_rename), Body(k_keeps)}) {
    nothing_of(body, fmt::format("body {}", body.index()));
  }
}

TEST_F(QuietPgTest, WhatIsNotThereYetIsPassedOver) {
  for (const Body& body :
       {Body(drops("title")), Body(frees("day")), Body(makes("title", "lower(title)", "made")), Body(sets("own(day)")),
        Body(adds()), Body(renames("title")), Body(k_drops_table), Body(k_view), Body(k_rename), Body(k_keeps)}) {
    nothing_of(body, fmt::format("body {}", body.index()));
  }
}

TEST_F(QuietPgTest, ABackfillThatNeedsNoMarkerMayBePublished) {
  db_.exec("CREATE TABLE tasks (id integer, title text, day integer); CREATE PUBLICATION pub FOR TABLE tasks");
  nothing_of(sets("day::text"), "the values tell which rows are done");
  auto with_where = sets("random()::text", Todo::where);
  with_where.where = "title IS NULL";
  nothing_of(with_where, "the plan tells");
}

TEST_F(QuietPgTest, ANewNameKeepsTheDefaultAndADefaultOfAnotherColumnDoesNotCount) {
  db_.exec("CREATE TABLE tasks (id serial, title text DEFAULT 'new', day integer)");
  auto renamed = makes("title", "title", "made");
  renamed.targets[0].type.clear();
  renamed.targets[0].like = "title";
  nothing_of(renamed, "it is the same column");
  auto of_two = makes("id", "day::text");
  of_two.sources.push_back({"day", "", "", ""});
  nothing_of(of_two, "the expression does not read the serial one");
}

// Asked by everybody who looks at a plan: nothing may be used up or written by it.
TEST_F(QuietPgTest, ALookUsesUpNoNumberOfASequence) {
  db_.exec("CREATE SEQUENCE s; CREATE TABLE tasks (id integer DEFAULT nextval('s'), title text)");
  EXPECT_THAT(look(makes("id", "id::text")).warnings, Contains(HasSubstr("EXCLUDED.made")));
  EXPECT_EQ(db_.value("SELECT is_called FROM s"), "f");
}

// Nobody writes a column that has yet to take another's place and name: an upsert cannot mean it.
TEST_F(QuietPgTest, OfAColumnThatHasYetToTakeItsPlaceNoUpsertIsSpokenOf) {
  db_.exec("CREATE TABLE tasks (id integer, title text DEFAULT 'new', day integer)");
  auto replaced = makes("title", "title", "title");
  replaced.targets[0].name = "_pgphase_new_1";
  replaced.targets[0].called = "title";
  nothing_of(replaced, "it is hidden");
}

}  // namespace
}  // namespace pgphase::testing
