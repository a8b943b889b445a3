// Tables that a plan makes and fills: a rollback hides them with their rows and with what was done to them, and the next
// `up` brings that back and does nothing twice.
#include <gmock/gmock.h>

#include "tests/e2e/fixture.hpp"
#include "tests/support/temp_dir.hpp"

namespace pgphase::testing {
namespace {

using ::testing::AllOf;
using ::testing::HasSubstr;
using ::testing::Not;

constexpr const char* k_users = "CREATE TABLE users (id integer PRIMARY KEY); INSERT INTO users VALUES (1), (2)";
constexpr const char* k_naive = R"sql(
CREATE TABLE roles (
  id serial PRIMARY KEY,
  name varchar(20) UNIQUE,
  owner integer REFERENCES users (id) DEFERRABLE INITIALLY DEFERRED,
  loud text GENERATED ALWAYS AS (upper(name)) STORED CHECK (loud <> 'NO')
);
INSERT INTO roles (name, owner) VALUES ('admin', 1), ('guest', 2), ('nobody', NULL);
UPDATE roles SET name = name || '!';
DELETE FROM roles WHERE name = 'nobody!';
ALTER TABLE roles ADD COLUMN parent integer NOT NULL DEFAULT 1 REFERENCES users (id);
ALTER TABLE roles ADD note integer DEFAULT 5, ALTER name SET NOT NULL;
ALTER TABLE roles ALTER COLUMN note TYPE text;
INSERT INTO roles (name) SELECT 'user' || id FROM users ORDER BY id;
)sql";
constexpr const char* k_rows = "SELECT string_agg(id || ':' || name || ':' || loud || ':' || parent, ' ' ORDER BY id) FROM roles";
constexpr const char* k_seeds = "1:admin!:ADMIN!:1 2:guest!:GUEST!:1 4:user1:USER1:1 5:user2:USER2:1";

class StaysWithTableE2eTest : public ::testing::Test {
 protected:
  StaysWithTableE2eTest() {
    project.db().exec(k_users);
    project.file("roles.sql", k_naive);
    project.file("migrations/.keep", "");
    must({"split", "roles.sql", "--write"});
    must({"check"});
    must({"up", k_plan, "--approve"});
  }
  void must(const std::vector<std::string>& args) {
    const auto run = project.run(args);
    ASSERT_EQ(run.code, 0) << run.out << run.err;
  }
  static constexpr const char* k_plan = "001_roles";
  Project project;
};

TEST_F(StaysWithTableE2eTest, SeedsAreThereOnceAndWhatAnApplicationWroteComesBackToo) {
  EXPECT_EQ(project.db().value(k_rows), k_seeds);
  project.db().exec("INSERT INTO roles (name) VALUES ('mine'); DELETE FROM roles WHERE id = 4; UPDATE roles SET name = 'root' WHERE id = 1");
  must({"rollback", k_plan});
  EXPECT_EQ(project.db().value("SELECT to_regclass('roles') IS NULL"), "t");
  must({"up", k_plan, "--approve"});
  EXPECT_EQ(project.db().value(k_rows), "1:root:ROOT:1 2:guest!:GUEST!:1 5:user2:USER2:1 6:mine:MINE:1");
  // Foreign keys came off and on again.
  EXPECT_EQ(project.db().value("SELECT count(*) FROM pg_constraint WHERE conrelid = 'roles'::regclass AND contype = 'f' AND convalidated"), "2");
  EXPECT_EQ(project.db().value("INSERT INTO roles (name) VALUES ('next') RETURNING id"), "7");
}

TEST_F(StaysWithTableE2eTest, ATableThatIsMadeAnewIsFilledAnew) {
  must({"rollback", k_plan});
  must({"purge", k_plan, "--retain-for", "0ms", "--yes"});
  EXPECT_EQ(project.db().value("SELECT count(*) FROM pg_class WHERE relname ~ 'roles' AND relkind = 'r'"), "0");
  must({"up", k_plan, "--approve"});
  EXPECT_EQ(project.db().value(k_rows), k_seeds);
  // And from there on it is as it was the first time.
  must({"rollback", k_plan});
  must({"up", k_plan, "--approve"});
  EXPECT_EQ(project.db().value(k_rows), k_seeds);
}

TEST_F(StaysWithTableE2eTest, SomebodyWhoDroppedTheTableMeanwhileGetsItFilledToo) {
  project.db().exec("DROP TABLE roles");
  must({"rollback", k_plan});
  must({"up", k_plan, "--approve"});
  EXPECT_EQ(project.db().value(k_rows), k_seeds);
}

TEST_F(StaysWithTableE2eTest, AnEditOfWhatIsInTheHiddenTableIsNotPassedOver) {
  const auto file = project.folder() / "migrations/001_roles.toml";
  const auto text = read_file(file.string());
  must({"rollback", k_plan});
  auto edited = text;
  edited.replace(edited.find("'guest'"), 7, "'visitor'");
  project.plan(k_plan, edited);
  const auto refused = project.run({"up", k_plan, "--approve"});
  EXPECT_EQ(refused.code, 20);
  EXPECT_THAT(refused.err, AllOf(HasSubstr("what the step \"insert into roles\" did with roles"), HasSubstr("a step behind it")));
  // There can be more behind it.
  project.plan(k_plan, text + "\n[[additive]]\nname = \"one more\"\nsql = \"INSERT INTO roles (name) VALUES ('more')\"\n"
                              "stays_with_table = true\n");
  must({"up", k_plan, "--approve"});
  EXPECT_EQ(project.db().value(k_rows), std::string(k_seeds) + " 6:more:MORE:1");
}

TEST(StaysWithDroppedTableE2eTest, WithATableThatWasDroppedNothingHasStayed) {
  Project project;
  const auto plan = [](const std::string& type) {
    return "format = 1\n[[change]]\nop = \"create_table\"\nsql = \"CREATE TABLE t (a int)\"\n"
           "[[additive]]\nname = \"b\"\nsql = \"ALTER TABLE t ADD b " + type + "\"\nstays_with_table = true\n";
  };
  for (const std::string type : {"integer", "text"}) {
    project.plan("001_t", plan(type));
    const auto up = project.run({"up", "001_t"});
    ASSERT_EQ(up.code, 0) << up.out << up.err;
    EXPECT_EQ(project.db().value("SELECT format_type(atttypid, NULL) FROM pg_attribute WHERE attrelid = 't'::regclass AND attname = 'b'"),
              type);
    ASSERT_EQ(project.run({"rollback", "001_t"}).code, 0);
  }
}

TEST_F(StaysWithTableE2eTest, ExplainSaysThatItStays) {
  const auto run = project.run({"explain", k_plan});
  EXPECT_THAT(run.out, AllOf(HasSubstr("it stays with roles, and the next up finds it done"), Not(HasSubstr("cannot be undone")))) << run.out;
}

}  // namespace
}  // namespace pgphase::testing
