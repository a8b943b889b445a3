// What of the user's mentions a changed table or column: it keeps working through every move, or it is named before
// anything runs.
#include <gmock/gmock.h>

#include <ostream>

#include "tests/e2e/fixture.hpp"

namespace pgphase::testing {
namespace {

using ::testing::HasSubstr;

constexpr const char* k_tasks = R"sql(
CREATE TABLE tasks (id integer PRIMARY KEY, title text, priority integer);
INSERT INTO tasks SELECT i, 'task ' || i, i % 5 FROM generate_series(1, 50) i;
CREATE TABLE notes (id integer PRIMARY KEY, task integer REFERENCES tasks ON DELETE CASCADE);
INSERT INTO notes SELECT i, i FROM generate_series(1, 50) i;
CREATE TABLE seen (id serial PRIMARY KEY, what text);
)sql";

constexpr const char* k_drop_column = R"toml(
[[change]]
op = "drop_column"
table = "tasks"
column = "priority"
)toml";
constexpr const char* k_change_type = R"toml(
[[change]]
op = "change_type"
table = "tasks"
column = "priority"
to = "rank"
type = "bigint"
)toml";
constexpr const char* k_in_place =
    "[[change]]\nop = \"change_type\"\ntable = \"tasks\"\ncolumn = \"priority\"\ntype = \"bigint\"\n";
constexpr const char* k_by_fill =
    "[[change]]\nop = \"change_type\"\ntable = \"tasks\"\ncolumn = \"priority\"\ntype = \"numeric\"\n"
    "fill = \"priority / 10.0\"\ndown = \"priority * 10\"\n";
constexpr const char* k_title_to_integer =
    "[[change]]\nop = \"change_type\"\ntable = \"tasks\"\ncolumn = \"title\"\ntype = \"integer\"\n";
constexpr const char* k_drop_table = "[[change]]\nop = \"drop_table\"\ntable = \"tasks\"\n";
constexpr const char* k_fill = R"toml(
[[change]]
op = "add_column"
table = "tasks"
column = "slug"
type = "text"
fill = "lower(title)"
down = "upper(slug)"
)toml";
constexpr const char* k_overwrite =
    "[[backfill]]\nname = \"shout\"\ntable = \"tasks\"\nset = { title = \"upper(title)\" }\n";

struct Dependent {
  std::string name, made_by, plan;
  std::string words;    // in the refusal, or in a warning
  std::string keep_on;  // a statement that works before, between and after the moves; empty: the plan is refused
};

void PrintTo(const Dependent& one, std::ostream* out) {
  *out << one.name;
}

std::vector<Dependent> refused() {
  return {
      {"AViewOnTheColumn", "CREATE VIEW v AS SELECT id, priority FROM tasks", k_drop_column, "view v", {}},
      {"AMaterialisedView",
       "CREATE MATERIALIZED VIEW m AS SELECT sum(priority) FROM tasks",
       k_drop_column,
       "materialized view m",
       {}},
      {"AViewOnTheTable", "CREATE VIEW v AS SELECT id FROM tasks", k_drop_table, "view v", {}},
      {"ARule",
       "CREATE RULE r AS ON INSERT TO seen DO ALSO UPDATE tasks SET priority = 0 WHERE id = 0",
       k_drop_column,
       "rule r",
       {}},
      {"APolicy", "CREATE POLICY mine ON tasks USING (priority > 0)", k_drop_column, "policy mine", {}},
      {"AFunctionWithABody",
       "CREATE FUNCTION f() RETURNS bigint LANGUAGE sql BEGIN ATOMIC SELECT sum(priority) FROM tasks; END",
       k_drop_column,
       "function f()",
       {}},
      {"ATriggerOnTheColumn",
       "CREATE FUNCTION f() RETURNS trigger LANGUAGE plpgsql AS 'BEGIN RETURN NEW; END'; CREATE TRIGGER g BEFORE "
       "UPDATE OF "
       "priority ON tasks FOR EACH ROW EXECUTE FUNCTION f()",
       k_drop_column,
       "trigger g",
       {}},
      {"ATriggerWhoseFunctionNamesTheColumn",
       "CREATE FUNCTION f() RETURNS trigger LANGUAGE plpgsql AS 'BEGIN NEW.priority := 1; RETURN NEW; END'; CREATE "
       "TRIGGER g "
       "BEFORE INSERT ON tasks FOR EACH ROW EXECUTE FUNCTION f()",
       k_drop_column,
       "trigger g",
       {}},
      {"APublication", "CREATE PUBLICATION p FOR TABLE tasks", k_drop_column, "publication p", {}},
      {"APublicationOfEverything", "CREATE PUBLICATION p FOR ALL TABLES", k_drop_table, "publication p", {}},
      {"AForeignKeyToTheColumn",
       "ALTER TABLE tasks ADD rank integer UNIQUE; CREATE TABLE t2 (r integer REFERENCES tasks (rank))",
       "[[change]]\nop = \"drop_column\"\ntable = \"tasks\"\ncolumn = \"rank\"\n",
       "t2",
       {}},
      {"AGeneratedColumn",
       "ALTER TABLE tasks ADD twice integer GENERATED ALWAYS AS (priority * 2) STORED",
       k_drop_column,
       "twice",
       {}},
      {"ACheckThatNullDoesNotPass",
       "UPDATE tasks SET priority = 1; ALTER TABLE tasks ADD CONSTRAINT ranked CHECK (priority IS NOT NULL)",
       k_drop_column,
       "check ranked of tasks refuses rows that have no value in column priority",
       {}},
      {"AUniqueDefault",
       "UPDATE tasks SET priority = id; ALTER TABLE tasks ADD CONSTRAINT one UNIQUE (priority), ALTER priority SET "
       "DEFAULT 0",
       k_drop_column,
       "unique index one of tasks refuses rows that have 0 in column priority",
       {}},
      {"APartitionKey",
       "DROP TABLE tasks CASCADE; CREATE TABLE tasks (id integer, priority integer) PARTITION BY LIST (priority); "
       "CREATE TABLE tasks_1 PARTITION OF tasks FOR VALUES IN (1)",
       k_drop_column,
       "partition",
       {}},
      {"AViewWhenTheTypeChanges", "CREATE VIEW v AS SELECT id, priority FROM tasks", k_change_type, "view v", {}},
      {"AViewWhenTheTypeChangesInPlace", "CREATE VIEW v AS SELECT id, priority FROM tasks", k_in_place, "view v", {}},
      {"APolicyInPlace", "CREATE POLICY mine ON tasks USING (priority > 0)", k_in_place, "policy mine", {}},
      {"ARuleInPlace",
       "CREATE RULE r AS ON INSERT TO seen DO ALSO UPDATE tasks SET priority = 0 WHERE id = 0",
       k_in_place,
       "rule r",
       {}},
      {"AGeneratedColumnInPlace",
       "ALTER TABLE tasks ADD twice integer GENERATED ALWAYS AS (priority * 2) STORED",
       k_in_place,
       "twice",
       {}},
      {"ATriggerUpdateOfInPlace",
       "CREATE FUNCTION f() RETURNS trigger LANGUAGE plpgsql AS 'BEGIN RETURN NEW; END'; CREATE TRIGGER g BEFORE "
       "UPDATE OF priority ON tasks FOR EACH ROW EXECUTE FUNCTION f()",
       k_in_place,
       "trigger g",
       {}},
      {"StatisticsInPlace",
       "CREATE STATISTICS s ON priority, title FROM tasks",
       k_in_place,
       "statistics object s uses column priority",
       {}},
      {"APublicationInPlace", "CREATE PUBLICATION p FOR TABLE tasks", k_in_place, "publication p", {}},
      {"AnHeirInPlace", "CREATE TABLE more () INHERITS (tasks)", k_in_place, "table more inherits", {}},
      {"APartitionedTableInPlace",
       "DROP TABLE tasks CASCADE; CREATE TABLE tasks (id integer, priority integer) PARTITION BY LIST (id)",
       k_in_place,
       "partitioned table",
       {}},
      {"AnExclusionInPlace",
       "ALTER TABLE tasks ADD CONSTRAINT e EXCLUDE USING btree (id WITH =) WHERE (priority > 100)",
       k_in_place,
       "exclusion constraint e",
       {}},
      {"AReplicaIdentityInPlace",
       "ALTER TABLE tasks ALTER priority SET NOT NULL; CREATE UNIQUE INDEX x ON tasks (id, priority); ALTER TABLE "
       "tasks "
       "REPLICA IDENTITY USING INDEX x",
       k_in_place,
       "replica identity x",
       {}},
      {"ADeferrableKeyInPlace",
       "ALTER TABLE tasks ADD CONSTRAINT d UNIQUE (id, priority) DEFERRABLE",
       k_in_place,
       "constraint d of column priority",
       {}},
      {"AUniqueIndexThatComputesInPlace",
       "CREATE UNIQUE INDEX x ON tasks (id, (priority + 1))",
       k_in_place,
       "unique index x computes",
       {}},
      {"AFunctionThatReliesOnAConstraintInPlace",
       "ALTER TABLE tasks ADD CONSTRAINT u UNIQUE (id, priority); CREATE FUNCTION f() RETURNS void LANGUAGE sql BEGIN "
       "ATOMIC INSERT INTO tasks (id) VALUES (1) ON CONFLICT ON CONSTRAINT u DO NOTHING; END",
       k_in_place,
       "function f() relies on a constraint",
       {}},
      {"ADomainInPlace",
       "CREATE DOMAIN few AS integer CHECK (VALUE < 10); ALTER TABLE tasks ALTER priority TYPE few",
       k_in_place,
       "few is a domain",
       {}},
      {"AForeignKeyOfAnotherTypeInPlace",
       "CREATE TABLE ranks (n numeric PRIMARY KEY); INSERT INTO ranks SELECT generate_series(0, 4); ALTER TABLE tasks "
       "ADD CONSTRAINT k FOREIGN KEY (priority) REFERENCES ranks",
       k_in_place,
       "foreign key k of tasks",
       {}},
      {"AUniqueValueThatFillMakes",
       "CREATE UNIQUE INDEX x ON tasks (id, priority)",
       k_by_fill,
       "index x lets column priority",
       {}},
      {"ACheckWhenFillConverts",
       "ALTER TABLE tasks ADD CONSTRAINT c CHECK (priority < 100)",
       k_by_fill,
       "check c reads column priority",
       {}},
      {"AnIndexThatComputesWhenFillConverts",
       "CREATE INDEX x ON tasks ((priority + 1))",
       k_by_fill,
       "index x computes with",
       {}},
      {"ADefaultWhenFillConverts",
       "ALTER TABLE tasks ALTER priority SET DEFAULT 3",
       k_by_fill,
       "say in `default` what the new one is",
       {}},
      {"ATypeThatNoAssignmentMakes", "", k_title_to_integer, "say in `fill` how", {}},
      {"ATypeThatSettingsOfTheSessionMake",
       "ALTER TABLE tasks ADD at timestamp",
       "[[change]]\nop = \"change_type\"\ntable = \"tasks\"\ncolumn = \"at\"\ntype = \"timestamptz\"\n",
       "say in `fill` what is meant, as in at AT TIME ZONE",
       {}},
      {"ACheckThatTheNewTypeCannotPass",
       "ALTER TABLE tasks ADD CONSTRAINT c CHECK (int4pl(priority, 1) > 0)",
       k_in_place,
       "check c reads column priority",
       {}},
  };
}

std::vector<Dependent> left_alone() {
  const std::string insert = "INSERT INTO tasks (id, title) SELECT max(id) + 1, 'more' FROM tasks";
  return {
      {"AFunctionInText", "CREATE FUNCTION f() RETURNS bigint LANGUAGE sql AS 'SELECT sum(priority) FROM tasks'",
       k_drop_column, "function f() has the words tasks and priority in its text", insert},
      {"AViewOfOtherColumns", "CREATE VIEW v AS SELECT id, title FROM tasks", k_drop_column, "",
       "UPDATE v SET title = title || '.' WHERE id = 1"},
      {"AnIndexACheckAndStatistics",
       "CREATE INDEX ON tasks (priority, title); ALTER TABLE tasks ADD CHECK (priority < 100); CREATE STATISTICS s ON "
       "priority, title FROM tasks; ANALYZE tasks",
       k_drop_column, "", insert},
      {"AZoneThatThePlanSays",
       "ALTER TABLE tasks ADD at timestamp DEFAULT '2026-01-01 12:00'; SET TimeZone = 'Asia/Tokyo'",
       "[[change]]\nop = \"change_type\"\ntable = \"tasks\"\ncolumn = \"at\"\ntype = \"timestamptz\"\ndefault = "
       "\"now()\"\nfill = \"at AT TIME ZONE 'Europe/Berlin'\"\ndown = \"at AT TIME ZONE 'Europe/Berlin'\"\n",
       "", insert},
      {"AViewOnWhatIsFilled", "CREATE VIEW v AS SELECT id, title FROM tasks", k_fill, "",
       "INSERT INTO v SELECT max(id) + 1, 'more' FROM v"},
      {"APolicyOnWhatIsFilled",
       "CREATE POLICY mine ON tasks USING (title <> ''); ALTER TABLE tasks ENABLE ROW LEVEL SECURITY", k_fill, "",
       insert},
      {"ATriggerOnWhatIsFilled",
       "CREATE FUNCTION f() RETURNS trigger LANGUAGE plpgsql AS 'BEGIN INSERT INTO public.seen (what) VALUES "
       "(NEW.title); "
       "RETURN NEW; END'; CREATE TRIGGER g BEFORE INSERT OR UPDATE ON tasks FOR EACH ROW EXECUTE FUNCTION f()",
       k_fill, "", "UPDATE tasks SET title = title || '!' WHERE id = 2"},
      {"ATriggerUpdateOfWhatFollows",
       "CREATE FUNCTION f() RETURNS trigger LANGUAGE plpgsql AS 'BEGIN RETURN NEW; END'; CREATE TRIGGER g BEFORE "
       "UPDATE OF "
       "title ON tasks FOR EACH ROW EXECUTE FUNCTION f()",
       k_fill, "trigger g of tasks fires on UPDATE OF title", insert},
      {"APublicationOfWhatIsFilled", "CREATE PUBLICATION p FOR TABLE notes", k_fill, "", insert},
      {"ACascadeAcrossTheTable", "", k_fill, "",
       "WITH gone AS (DELETE FROM tasks WHERE id = (SELECT max(id) FROM tasks) "
       "RETURNING id) SELECT count(*) FROM gone"},
      {"AFunctionInTextWhenTheTypeChangesInPlace",
       "CREATE FUNCTION f() RETURNS bigint LANGUAGE sql AS 'SELECT sum(priority) FROM tasks'", k_in_place,
       "function f() has the words tasks and priority in its text", insert},
      {"ATriggerThatReadsWhatChangesItsType",
       "CREATE FUNCTION f() RETURNS trigger LANGUAGE plpgsql AS 'BEGIN NEW.priority := coalesce(NEW.priority, 0) + 1; "
       "RETURN NEW; END'; CREATE TRIGGER g BEFORE INSERT OR UPDATE ON tasks FOR EACH ROW EXECUTE FUNCTION f()",
       k_in_place, "", "UPDATE tasks SET priority = priority + 1 WHERE id = 2"},
      {"AFunctionThatHasBeenCompiledForTheOldType",
       "CREATE FUNCTION f() RETURNS bigint LANGUAGE plpgsql AS 'DECLARE r record; n bigint := 0; BEGIN FOR r IN SELECT "
       "* "
       "FROM tasks LOOP n := n + coalesce(r.priority, 0); END LOOP; RETURN n; END'",
       k_in_place, "", "SELECT f()"},
      {"AViewOnWhatIsOverwritten", "CREATE VIEW v AS SELECT * FROM tasks", k_overwrite, "",
       "UPDATE v SET title = title WHERE id = 3"},
  };
}

class RefusedDependentE2e : public ::testing::TestWithParam<Dependent> {};

TEST_P(RefusedDependentE2e, IsNamedBeforeAnythingRuns) {
  Project project;
  project.db().exec(k_tasks);
  if (!GetParam().made_by.empty()) project.db().exec(GetParam().made_by);
  const auto before = project.schema_dump();
  project.plan("010_change", "format = 1\n" + GetParam().plan);
  const auto output = project.run({"up", "010_change", "--approve"});
  EXPECT_EQ(output.code, 21) << output.out << output.err;
  EXPECT_THAT(output.err, HasSubstr(GetParam().words));
  EXPECT_EQ(project.schema_dump(), before);
}

INSTANTIATE_TEST_SUITE_P(Of, RefusedDependentE2e, ::testing::ValuesIn(refused()),
                         [](const auto& instance) { return instance.param.name; });

class DependentLeftAloneE2e : public ::testing::TestWithParam<Dependent> {};

TEST_P(DependentLeftAloneE2e, KeepsWorkingThroughEveryMove) {
  Project project;
  project.db().exec(k_tasks);
  if (!GetParam().made_by.empty()) project.db().exec(GetParam().made_by);
  project.plan("010_change", "format = 1\n" + GetParam().plan);
  std::string told;
  const auto move = [&](const std::vector<std::string>& args) {
    project.db().exec(GetParam().keep_on);
    const auto output = project.run(args);
    EXPECT_EQ(output.code, 0) << output.out << output.err;
    told += output.err;
  };
  for (const auto* phase : {"additive", "backfill", "constraint"}) {
    move({"up", "010_change", "--through", phase, "--approve"});
  }
  for (const auto* phase : {"constraint", "backfill", "additive"}) move({"rollback", "010_change", "--phase", phase});
  move({"up", "010_change", "--approve"});
  project.db().exec(GetParam().keep_on);
  EXPECT_THAT(told, HasSubstr(GetParam().words));
}

INSTANTIATE_TEST_SUITE_P(Of, DependentLeftAloneE2e, ::testing::ValuesIn(left_alone()),
                         [](const auto& instance) { return instance.param.name; });

// One session that prepares its statements once, as drivers do.
TEST(PreparedStatementsE2e, ThatNameTheirColumnsGoOnThroughEveryMove) {
  Project project;
  project.db().exec(k_tasks);
  project.plan("010_change", std::string("format = 1\n") + k_fill + k_drop_column);
  auto client = project.db().client();
  client.exec(
      "PREPARE put AS INSERT INTO tasks (id, title) SELECT max(id) + 1, $1 FROM tasks;"
      "PREPARE get AS SELECT title FROM tasks WHERE id = $1; PREPARE change AS UPDATE tasks SET title = $2 WHERE id = "
      "$1;"
      "PREPARE everything AS SELECT * FROM tasks WHERE id = $1");
  const auto statements = [&] {
    client.exec("EXECUTE put('more'); EXECUTE change(1, 'changed')");
    EXPECT_EQ(client.value("EXECUTE get(1)"), "changed");
    try {
      client.exec("EXECUTE everything(1)");
    } catch (const PgError& error) {
      // PostgreSQL's own answer to SELECT * when columns have come or gone: prepared again, it goes on.
      EXPECT_THAT(error.what(), HasSubstr("cached plan must not change result type"));
      client.exec("DEALLOCATE everything; PREPARE everything AS SELECT * FROM tasks WHERE id = $1");
    }
  };
  const auto move = [&](const std::vector<std::string>& args) {
    statements();
    const auto output = project.run(args);
    EXPECT_EQ(output.code, 0) << output.out << output.err;
  };
  for (const auto* phase : {"additive", "backfill", "constraint"}) {
    move({"up", "010_change", "--through", phase, "--approve"});
  }
  for (const auto* phase : {"constraint", "backfill", "additive"}) move({"rollback", "010_change", "--phase", phase});
  move({"up", "010_change", "--approve"});
  statements();
}

}  // namespace
}  // namespace pgphase::testing
