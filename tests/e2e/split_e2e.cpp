// `split`: what ordinary SQL becomes runs, ends where the SQL itself ends, and goes back.
#include <gmock/gmock.h>

#include <algorithm>
#include <boost/json.hpp>

#include "tests/e2e/fixture.hpp"
#include "tests/support/dump.hpp"
#include "tests/support/paths.hpp"

namespace pgphase::testing {
namespace {

using ::testing::AllOf;
using ::testing::HasSubstr;
using ::testing::Not;

constexpr const char* k_tables =
    "CREATE TABLE users (id integer PRIMARY KEY, email text NOT NULL, code text);"
    "CREATE TABLE tasks (id integer PRIMARY KEY, title text NOT NULL, owner integer, price numeric(8,2), done boolean, "
    "note varchar(80));"
    "INSERT INTO users SELECT i, 'u' || i, 'c' || i FROM generate_series(1, 50) i;"
    "INSERT INTO tasks SELECT i, 't' || i, 1 + i % 50, i, i % 2 = 0, 'n' || i FROM generate_series(1, 500) i;"
    "CREATE INDEX tasks_note ON tasks (note);"
    "ALTER TABLE tasks ADD CONSTRAINT tasks_price CHECK (price >= 0)";

struct Naive {
  const char* name;
  const char* sql;
};

class SplitE2eTest : public ::testing::TestWithParam<Naive> {};

TEST_P(SplitE2eTest, ThePlansEndWhereTheSqlEndsAndGoBack) {
  TestDatabase naive;
  naive.exec(k_tables);
  naive.exec(GetParam().sql);

  Project project;
  project.db().exec(k_tables);
  const auto before = project.schema_dump();
  project.file("naive.sql", GetParam().sql);
  project.file("migrations/.keep", "");
  const auto split = project.run({"split", "naive.sql", "--write"});
  ASSERT_EQ(split.code, 0) << split.out << split.err;
  ASSERT_EQ(project.run({"check"}).code, 0) << project.run({"check"}).out;
  std::vector<std::string> plans;
  const auto status = project.json({"status"});
  for (const auto& plan : status.at("plans").as_array()) {
    plans.emplace_back(plan.at("id").as_string());
  }
  for (const auto& plan : plans) {
    const auto up = project.run({"up", plan, "--approve"});
    ASSERT_EQ(up.code, 0) << up.out << up.err << split.out;
  }
  for (auto plan = plans.rbegin(); plan != plans.rend(); ++plan) {
    for (const char* phase : {"constraint", "backfill", "additive"}) {
      if (project.phase_state(*plan, phase) != "done") continue;
      const auto back = project.run({"rollback", *plan, "--phase", phase});
      ASSERT_EQ(back.code, 0) << back.out << back.err;
    }
  }
  const auto left = schema_difference(before, project.schema_dump({"pgphase", "pgphase_retired"}));
  // The sequence of a column that is hidden with its numbers stays with it, so that they go on where they were.
  if (std::string(GetParam().name) == "column_serial") {
    EXPECT_NE(left.find("CREATE SEQUENCE public.tasks_x_seq"), std::string::npos) << left;
    EXPECT_EQ(project.db().value("SELECT bool_and(attname ~ '^_pgphase_retired_') FROM pg_depend JOIN pg_attribute ON attrelid = "
                                 "refobjid AND attnum = refobjsubid WHERE objid = 'tasks_x_seq'::regclass AND deptype = 'a'"),
              "t");
  } else {
    EXPECT_EQ(left, "") << "after the way back";
  }
  for (const auto& plan : plans) {
    const auto up = project.run({"up", plan, "--approve"});
    ASSERT_EQ(up.code, 0) << up.out << up.err;
    project.run({"purge", plan, "--retain-for", "0ms", "--yes"});
  }
  EXPECT_EQ(schema_difference(schema_dump(naive.url(), {"pgphase", "pgphase_retired"}),
                       project.schema_dump({"pgphase", "pgphase_retired"})),
            "");
}

INSTANTIATE_TEST_SUITE_P(
    Naive, SplitE2eTest,
    ::testing::Values(
        Naive{"column_random", "ALTER TABLE tasks ADD COLUMN x float NOT NULL DEFAULT random()"},
        Naive{"column_constant", "ALTER TABLE tasks ADD COLUMN x text NOT NULL DEFAULT 'a', ADD y int"},
        Naive{"column_serial", "ALTER TABLE tasks ADD COLUMN x bigserial"},
        Naive{"column_with_all", "ALTER TABLE tasks ADD COLUMN x int DEFAULT 1 REFERENCES users (id) CHECK (x > 0)"},
        Naive{"index", "CREATE INDEX ON tasks (owner, lower(title) DESC) WHERE done"},
        Naive{"unique_index", "CREATE UNIQUE INDEX tasks_title ON tasks USING btree (title) INCLUDE (note)"},
        Naive{"foreign_key", "ALTER TABLE tasks ADD FOREIGN KEY (owner) REFERENCES users (id) ON DELETE CASCADE"},
        Naive{"check", "ALTER TABLE tasks ADD CHECK (price < 100000)"},
        Naive{"unique", "ALTER TABLE users ADD UNIQUE (email)"},
        Naive{"type", "ALTER TABLE tasks ALTER COLUMN id TYPE bigint"},
        Naive{"not_null", "ALTER TABLE tasks ALTER COLUMN owner SET NOT NULL"},
        Naive{"rename_column", "ALTER TABLE tasks RENAME COLUMN note TO remark"},
        Naive{"rename_table", "ALTER TABLE tasks RENAME TO jobs"},
        Naive{"drop_column", "ALTER TABLE tasks DROP COLUMN note"}, Naive{"drop_table", "DROP TABLE users"},
        Naive{"drop_index", "DROP INDEX tasks_note"},
        Naive{"drop_index_if_exists", "DROP INDEX IF EXISTS tasks_note"},
        Naive{"drop_index_that_is_not_there", "DROP INDEX IF EXISTS nosuch"},
        Naive{
            "table",
            "CREATE TABLE notes (id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY, task integer NOT NULL REFERENCES "
            "tasks (id), body text DEFAULT 'x', CHECK (length(body) > 0)); CREATE INDEX ON notes (task);"},
        Naive{"table_in_sql",
              "CREATE TABLE notes (id serial PRIMARY KEY, task integer NOT NULL REFERENCES tasks, up integer REFERENCES notes, "
              "body text COLLATE \"C\" UNIQUE CHECK (body <> ''), n integer GENERATED ALWAYS AS (id * 2) STORED, "
              "FOREIGN KEY (task) REFERENCES tasks (id) ON DELETE CASCADE) WITH (fillfactor = 70); "
              "ALTER TABLE notes ADD owner integer REFERENCES users; INSERT INTO notes (task, body) VALUES (1, 'a')"},
        Naive{"drop_and_add", "ALTER TABLE tasks DROP COLUMN note; ALTER TABLE tasks ADD COLUMN note integer"},
        Naive{"update", "UPDATE tasks SET note = upper(title)"}),
    [](const auto& each) { return std::string(each.param.name); });

// What `alembic upgrade base:head --sql` prints for the project of the rehearsal's first user.
TEST(SplitAlembicE2eTest, RevisionsBecomePlansThatRunGoBackAndRehearse) {
  const auto sql = read_file((source_folder() / "tests/corpus/alembic_tasks.sql").string());
  TestDatabase naive;
  naive.exec(sql + "; DROP TABLE alembic_version");
  Project project;
  project.file("alembic.sql", sql);
  project.file("migrations/.keep", "");
  const auto split = project.run({"split", "alembic.sql", "--write"});
  ASSERT_EQ(split.code, 0) << split.out << split.err;
  const auto up = [&] {
    const auto status = project.json({"status"});
    for (const auto& plan : status.at("plans").as_array()) {
      const std::string id(plan.at("id").as_string());
      const auto output = project.run({"up", id, "--approve"});
      ASSERT_EQ(output.code, 0) << output.out << output.err;
    }
  };
  up();
  auto plans = project.json({"status"}).at("plans").as_array();
  std::reverse(plans.begin(), plans.end());
  for (const auto& plan : plans) {
    const std::string id(plan.at("id").as_string());
    const auto output = project.run({"rollback", id});
    EXPECT_EQ(output.code, 0) << output.out << output.err;
  }
  up();
  const auto rehearsed = project.run({"rehearse"}, std::chrono::seconds(300));
  EXPECT_EQ(rehearsed.code, 0) << rehearsed.out << rehearsed.err;
  // The sequence of a column that becomes a bigint becomes one, too: it would run out otherwise.
  naive.exec("ALTER SEQUENCE tasks_id_seq AS bigint");
  EXPECT_EQ(schema_difference(schema_dump(naive.url(), {"pgphase", "pgphase_retired"}),
                       project.schema_dump({"pgphase", "pgphase_retired"})),
            "");
}

TEST(SplitOutputE2eTest, WithoutWriteThePlanGoesToStdoutAndWhatIsLeftToStderr) {
  Project project;
  project.file("one.sql", "ALTER TABLE t ADD COLUMN a int;\n\nDELETE FROM t;\n");
  const auto output = project.run({"split", "one.sql"});
  EXPECT_EQ(output.code, 20);
  EXPECT_THAT(output.out,
              AllOf(HasSubstr("format = 1\n"), HasSubstr("op = \"add_column\""), HasSubstr("NOT IN THIS PLAN")));
  EXPECT_THAT(output.err, AllOf(HasSubstr("one.sql:3:1: not split: "), HasSubstr("one statement was not split")));
}

TEST(SplitOutputE2eTest, PlansGetTheNextNumbersAndRequireTheLastOne) {
  Project project;
  project.plan("004_there", "format = 1\n[[change]]\nop = \"drop_table\"\ntable = \"x\"\n");
  project.file("V7__add-orders.sql", "ALTER TABLE t DROP COLUMN a; ALTER TABLE t ADD COLUMN a text;");
  const auto output = project.run({"split", "V7__add-orders.sql", "--write"});
  EXPECT_EQ(output.code, 0) << output.err;
  EXPECT_THAT(output.out, AllOf(HasSubstr("005_v7_add_orders.toml"), HasSubstr("006_v7_add_orders_2.toml")));
  const auto text = read_file((project.folder() / "migrations/006_v7_add_orders_2.toml").string());
  EXPECT_THAT(text, HasSubstr("requires = [\"005_v7_add_orders\"]"));
}

}  // namespace
}  // namespace pgphase::testing
