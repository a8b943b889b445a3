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
LinkColumnsBody becomes(const std::string& source, const std::string& type, const std::string& down = "made") {
  auto body = makes(source, source, down);
  body.targets[0].type = type;
  body.one_is_the_other = true;
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
LinkColumnsBody copies(const std::string& column) {
  auto body = makes(column, column, "made");
  body.targets[0].type.clear();
  body.targets[0].like = column;
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
      {"CheckThatNullDoesNotPass", drops("day"),
       "ALTER TABLE tasks ADD CONSTRAINT has_day CHECK (day IS NOT NULL AND day > 0)",
       "check has_day of tasks refuses rows that have no value in column day: CHECK (((day IS NOT NULL) AND (day > "
       "0)))"},
      {"CheckOverSeveralColumns", drops("day"),
       "ALTER TABLE tasks ADD CONSTRAINT either CHECK (num_nonnulls(title, day) > 0)", "check either of tasks refuses"},
      {"CheckOfADomain", drops("code"),
       "CREATE DOMAIN code AS text CHECK (VALUE IS NOT NULL); ALTER TABLE tasks ADD code code DEFAULT ''; ALTER TABLE "
       "tasks ALTER code DROP DEFAULT",
       "is of the domain code, whose CHECK ((VALUE IS NOT NULL)) refuses NULL"},
      {"CheckThatTheDefaultDoesNotPass", drops("day"),
       "ALTER TABLE tasks ADD CONSTRAINT has_day CHECK (day > 0), ALTER day SET DEFAULT 0",
       "check has_day of tasks refuses rows that have 0 in column day"},
      {"CheckOfAPartition", drops("title"), partitioned + "ALTER TABLE tasks_1 ADD CHECK (title IS NOT NULL)",
       "check tasks_1_title_check of tasks_1 refuses"},
      {"CheckOfAPartitionedTable", drops("title"), partitioned + "ALTER TABLE tasks ADD CHECK (title IS NOT NULL)",
       "check tasks_title_check of tasks refuses"},
      {"CheckThatNullDoesNotPassWhereItIsLetIn", frees("title"),
       "ALTER TABLE tasks ALTER title SET NOT NULL, ADD CONSTRAINT titled CHECK (title IS NOT NULL)",
       "check titled of tasks refuses"},
      {"UniqueDefault", drops("day"),
       "UPDATE tasks SET day = id; ALTER TABLE tasks ADD CONSTRAINT one_day UNIQUE (day), ALTER day SET DEFAULT 0",
       "unique index one_day of tasks refuses rows that have 0 in column day"},
      {"UniqueIndexThatMakesAValueOfNull", drops("day"), "CREATE UNIQUE INDEX one_day ON tasks (coalesce(day, 0))",
       "unique index one_day of tasks refuses"},
      {"UniqueIndexOfRowsWithoutAValue", drops("day"),
       "CREATE UNIQUE INDEX one_title ON tasks (title) WHERE day IS NULL", "unique index one_title of tasks refuses"},
      {"ExclusionThatMakesAValueOfNull", drops("day"),
       "ALTER TABLE tasks ADD CONSTRAINT apart EXCLUDE USING gist (int4range(coalesce(day, 1), 100 + id) WITH =)",
       "exclusion apart of tasks refuses"},
      {"ForeignKeyMatchFull", drops("day"),
       "CREATE TABLE teams (id integer, day integer, PRIMARY KEY (id, day)); ALTER TABLE tasks ADD CONSTRAINT to_team "
       "FOREIGN KEY (id, day) REFERENCES teams MATCH FULL NOT VALID",
       "foreign key to_team of tasks refuses"},
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
      {"HeirsOfATableThatIsKeptInStep", makes("title", "title"), "CREATE TABLE child () INHERITS (tasks)",
       "table child inherits from tasks, whose triggers do not fire for its rows"},
      {"AnHeirThatIsKeptInStep", makes("title", "title"),
       "CREATE TABLE above (title text); ALTER TABLE tasks INHERIT above", "tasks inherits from above"},
      {"APartitionThatIsKeptInStep", makes("title", "title"),
       "CREATE TABLE whole (id integer NOT NULL, title text, day integer) PARTITION BY RANGE (id); ALTER TABLE whole "
       "ATTACH PARTITION tasks FOR VALUES FROM (0) TO (1000)",
       "tasks is a partition of whole; instead, name that table"},
      {"TriggerBehindOurLast", makes("title", "title"),
       std::string(k_trigger_function) +
           "CREATE TRIGGER \"ändern\" BEFORE UPDATE ON tasks FOR EACH ROW EXECUTE FUNCTION f()",
       "trigger \"ändern\" of tasks fires behind those that keep columns in step"},
      {"TriggerInFrontOfOurFirst", makes("title", "title"),
       std::string(k_trigger_function) +
           "CREATE TRIGGER \" first\" BEFORE INSERT ON tasks FOR EACH ROW EXECUTE FUNCTION f()",
       "fires in front of those"},
      // Conversions.
      {"TimestampThatBecomesAnInstant", becomes("at", "timestamptz"), "ALTER TABLE tasks ADD at timestamp",
       "what timestamp without time zone becomes as timestamptz depends on settings of the session"},
      {"InstantThatBecomesATimestampOnItsWayBack", becomes("at", "timestamptz"), "ALTER TABLE tasks ADD at timestamp",
       "say in `down` what is meant, as in made AT TIME ZONE"},
      {"DateThatBecomesText", becomes("at", "text", ""), "ALTER TABLE tasks ADD at date",
       "what date becomes as text depends on settings"},
      {"IntervalThatBecomesText", becomes("at", "varchar(30)", ""), "ALTER TABLE tasks ADD at interval",
       "what interval becomes as varchar(30) depends on settings"},
      {"MoneyThatBecomesANumber", becomes("at", "numeric", ""), "ALTER TABLE tasks ADD at money",
       "what money becomes as numeric depends on settings"},
      {"TimestampsOfAnArray", becomes("at", "timestamptz[]", ""), "ALTER TABLE tasks ADD at timestamp[]",
       "what timestamp without time zone[] becomes as timestamptz[] depends on settings"},
      {"DomainOverATimestamp", becomes("at", "timestamptz", ""),
       "CREATE DOMAIN moment AS timestamp; ALTER TABLE tasks ADD at moment", "what moment becomes as timestamptz"},
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
      {"CopyOfAColumnWithAUniqueIndex", copies("title"), "CREATE UNIQUE INDEX ON tasks (title, id)",
       "ON CONFLICT (made), and GROUP BY made without what depends on it, work from constraint on"},
      {"RoleThatMayReadSomeColumnsOnly", k_view, "GRANT SELECT (id) ON tasks TO pg_monitor",
       "role pg_monitor may read some columns of tasks only", 15},
      {"ExpressionThatSettingsDecideOn", makes("at", "at::timestamptz::text"), "ALTER TABLE tasks ADD at timestamp",
       "the value of made may depend on settings of a session"},
      {"WayBackThatSettingsDecideOn", makes("at", "extract(epoch FROM at)::text", "to_char(1, made)::timestamp"),
       "ALTER TABLE tasks ADD at timestamp", "the value of at may depend on settings of a session"},
      {"TriggerThatABackfillFires", sets("title || '.'", Todo::marker),
       "ALTER TABLE tasks ADD seen timestamptz; CREATE FUNCTION touch() RETURNS trigger LANGUAGE plpgsql AS 'BEGIN IF "
       "NEW.day = OLD.day THEN NEW.seen = now(); END IF; RETURN NEW; END'; CREATE TRIGGER touch BEFORE UPDATE ON tasks "
       "FOR "
       "EACH ROW EXECUTE FUNCTION touch()",
       "trigger touch of tasks fires for each row that the backfill sets, and assigns NEW.seen: what that held"},
      {"TriggerThatKeepsAJournal", sets("title || '.'", Todo::marker),
       "CREATE FUNCTION note() RETURNS trigger LANGUAGE plpgsql AS 'BEGIN RETURN NULL; END'; CREATE TRIGGER note AFTER "
       "UPDATE OF title ON tasks FOR EACH ROW EXECUTE FUNCTION note()",
       "trigger note of tasks fires for each row that the backfill sets: what it does then"},
      {"TriggerOfAPartition", sets("title || '.'", Todo::marker),
       "DROP TABLE tasks; CREATE TABLE tasks (id integer, title text) PARTITION BY RANGE (id); CREATE TABLE tasks_1 "
       "PARTITION OF tasks DEFAULT; CREATE FUNCTION note() RETURNS trigger LANGUAGE plpgsql AS 'BEGIN RETURN NEW; "
       "END'; "
       "CREATE TRIGGER note BEFORE UPDATE ON tasks_1 FOR EACH ROW EXECUTE FUNCTION note()",
       "trigger note of tasks_1 fires for each row that the backfill sets"},
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
    auto found = foresee(*session_, PlanId{"007_things"}, step);
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
    return foresee(*session_, PlanId{"007_things"}, step).value();
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
  db_.exec("CREATE TABLE tasks (id integer PRIMARY KEY, title text, day integer); CREATE PUBLICATION pub FOR TABLE tasks");
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

TEST_F(QuietPgTest, TriggersThatABackfillDoesNotFireAreNone) {
  db_.exec(
      "CREATE TABLE tasks (id integer, title text, day integer);"
      "CREATE FUNCTION f() RETURNS trigger LANGUAGE plpgsql AS 'BEGIN RETURN NEW; END';"
      "CREATE TRIGGER a BEFORE INSERT ON tasks FOR EACH ROW EXECUTE FUNCTION f();"
      "CREATE TRIGGER b BEFORE UPDATE OF day ON tasks FOR EACH ROW EXECUTE FUNCTION f();"
      "CREATE TRIGGER c BEFORE UPDATE ON tasks FOR EACH ROW EXECUTE FUNCTION f(); ALTER TABLE tasks DISABLE TRIGGER c;"
      "CREATE TRIGGER d AFTER INSERT OR DELETE ON tasks FOR EACH STATEMENT EXECUTE FUNCTION f();"
      "CREATE TRIGGER \"!pgphase_sync\" BEFORE UPDATE ON tasks FOR EACH ROW EXECUTE FUNCTION f()");
  nothing_of(sets("title || '.'", Todo::marker), "none of them fires");
}

// Whoever is not shown every row can neither fill them nor say that all are filled.
TEST_F(QuietPgTest, RowSecurityThatAppliesToUsIsNamedAndWhatToDo) {
  const auto role = db_.value("SELECT 'owner_of_' || current_database()");
  db_.exec("CREATE ROLE " + role + "; CREATE TABLE tasks (id integer, title text); ALTER TABLE tasks OWNER TO " + role +
           "; ALTER TABLE tasks ENABLE ROW LEVEL SECURITY; GRANT ALL ON SCHEMA public TO " + role);
  const auto of_owner = open_session(role);
  db_.exec("GRANT USAGE ON SCHEMA pgphase TO " + role + "; GRANT SELECT ON ALL TABLES IN SCHEMA pgphase TO " + role);
  Step step;
  step.touches = {k_tasks};
  for (const Body& body : {Body(makes("title", "lower(title)")), Body(sets("upper(title)")), Body(drops("title"))}) {
    step.body = body;
    db_.exec("ALTER TABLE tasks NO FORCE ROW LEVEL SECURITY");
    EXPECT_THAT(foresee(*of_owner, PlanId{"007_things"}, step).value().obstacles, IsEmpty()) << "the owner sees every row";
    db_.exec("ALTER TABLE tasks FORCE ROW LEVEL SECURITY");
    EXPECT_THAT(foresee(*of_owner, PlanId{"007_things"}, step).value().obstacles,
                Contains(HasSubstr("row-level security of tasks applies to role " + role +
                                   ", its owner, because of FORCE ROW LEVEL SECURITY")));
    EXPECT_THAT(foresee(*session_, PlanId{"007_things"}, step).value().obstacles, IsEmpty()) << "a superuser does, too";
  }
  db_.exec("DROP TABLE tasks; DROP OWNED BY " + role + "; DROP ROLE " + role);
}

// Whatever else the row holds: only what refuses a row without a value is in the way.
TEST_F(QuietPgTest, ConstraintsThatLetARowWithoutAValueInAreNone) {
  db_.exec(
      "CREATE TABLE tasks (id integer UNIQUE, title text, day integer, made text DEFAULT md5(random()::text) UNIQUE,"
      "  CHECK (day > 0), CHECK (day < id), CHECK (length(title) > 3 OR day IS NULL), CHECK (day IN (1, 2) AND day > "
      "0),"
      "  CHECK (title IS NOT NULL OR id > 0), UNIQUE (title, day));"
      "CREATE UNIQUE INDEX ON tasks (id) WHERE day > 0; CREATE UNIQUE INDEX ON tasks (abs(day));"
      "CREATE DOMAIN few AS integer CHECK (VALUE < 10); ALTER TABLE tasks ADD n few;"
      "ALTER TABLE tasks ADD state text DEFAULT 'open' CHECK (state IN ('open', 'done'))");
  for (const auto* column : {"day", "made", "n", "state"}) nothing_of(drops(column), column);
}

TEST_F(QuietPgTest, ConversionsThatAreTheSameInEverySessionAreNone) {
  db_.exec(
      "CREATE TYPE mood AS ENUM ('sad', 'ok'); CREATE DOMAIN few AS integer;"
      "CREATE TABLE tasks (n integer, f few, m mood, j json, l integer[], d date, t time, u uuid, x text)");
  const std::vector<std::pair<std::string, std::string>> types = {
      {"n", "bigint"},   {"n", "text"}, {"f", "bigint"}, {"m", "text"}, {"j", "jsonb"},
      {"l", "bigint[]"}, {"l", "text"}, {"t", "text"},   {"u", "text"}, {"x", "text COLLATE \"C\""},
      {"d", "timestamp"}};
  for (const auto& [column, type] : types) nothing_of(becomes(column, type), column + " to " + type);
  for (const auto* up : {"x || n", "n::text", "CASE WHEN n > 0 THEN x END", "split_part(x, ' ', 1)", "md5(x)"}) {
    auto body = makes("x", up);
    body.sources.push_back({"n", "", "", ""});
    nothing_of(body, up);
  }
  for (const auto* up : {"(f * 100)::text", "f::text"}) nothing_of(makes("f", up), up);
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
