// Foreign keys of a column that goes out of sight: nobody reaches it by them, and they come back without a long lock.
#include "phases/retire/foreign_keys.hpp"

#include "tests/pg/retire_fixture.hpp"

namespace pgphase::testing {
namespace {

using ::testing::HasSubstr;

class ForeignKeysPgTest : public RetirePgTest {
 protected:
  ForeignKeysPgTest() {
    db_.exec(
        "CREATE TABLE teams (id integer, part integer, PRIMARY KEY (id, part), UNIQUE (id));"
        "INSERT INTO teams SELECT i, i FROM generate_series(1, 10) i;"
        "CREATE TABLE people (id integer PRIMARY KEY, team integer, part integer,"
        "  CONSTRAINT to_team FOREIGN KEY (team) REFERENCES teams (id) ON DELETE CASCADE ON UPDATE CASCADE,"
        "  CONSTRAINT to_part FOREIGN KEY (team, part) REFERENCES teams MATCH FULL DEFERRABLE INITIALLY DEFERRED);"
        "INSERT INTO people SELECT i, i % 10 + 1, i % 10 + 1 FROM generate_series(1, 100) i");
  }
  static HandOverBody team() { return goes("people", "team"); }
  std::string validated() {
    return db_.value(
        "SELECT string_agg(convalidated::text, ' ' ORDER BY conname) FROM pg_constraint WHERE contype = 'f' AND "
        "conrelid = 'people'::regclass");
  }
};

TEST_F(ForeignKeysPgTest, ACascadeReachesNeitherTheRowsNorTheValuesOfARetiredColumn) {
  forward(team());
  db_.exec("DELETE FROM teams WHERE id = 1; UPDATE teams SET id = 99 WHERE id = 2");
  const auto what = back(team());
  EXPECT_THAT(what, HasSubstr("foreign key to_team of people stays NOT VALID: rows refer to what was deleted"));
  EXPECT_EQ(db_.value("SELECT count(*) || ' ' || count(*) FILTER (WHERE team IN (1, 2)) FROM people"), "100 20");
}

TEST_F(ForeignKeysPgTest, ComeBackNotValidAndAreThenCheckedWhileWritersGoOn) {
  const auto before = schema();
  forward(team());
  EXPECT_EQ(validated(), "NULL");
  EXPECT_TRUE(one_attempt_back(team(), false).more);
  EXPECT_EQ(validated(), "false false");
  EXPECT_EQ(sqlstate_of("UPDATE people SET team = 77, part = NULL WHERE id = 1"), "23503") << "bound from here on";
  auto writer = db_.client();
  writer.exec("BEGIN; UPDATE people SET part = part WHERE id = 1; UPDATE teams SET part = part WHERE id = 1");
  while (one_attempt_back(team(), true).more) {
  }
  writer.exec("COMMIT");
  EXPECT_EQ(validated(), "true true");
  EXPECT_EQ(schema(), before) << "actions, MATCH FULL and DEFERRABLE as they were";
}

TEST_F(ForeignKeysPgTest, OneOverTwoColumnsThatBothGoComesBackOnce) {
  const auto before = schema();
  auto both = team();
  both.retire.push_back("part");
  forward(both);
  EXPECT_EQ(validated(), "NULL");
  back(both);
  EXPECT_EQ(schema(), before);
}

TEST_F(ForeignKeysPgTest, OneThatWasNotValidStaysSoAndOthersAreChecked) {
  db_.exec(
      "ALTER TABLE people DROP CONSTRAINT to_part; UPDATE people SET part = 77 WHERE id = 1;"
      "ALTER TABLE people ADD CONSTRAINT to_part FOREIGN KEY (team, part) REFERENCES teams NOT VALID");
  const auto before = schema();
  forward(team());
  db_.exec("UPDATE people SET part = 2 WHERE id = 1");
  back(team());
  EXPECT_EQ(validated(), "false true") << "not even where no row violates it any more";
  EXPECT_EQ(schema(), before);
}

TEST_F(ForeignKeysPgTest, TheDefinitionsComeBackFromTheLedgerAsTheyWere) {
  const auto oid = db_.value("SELECT 'people'::regclass::oid");
  const auto keys = foreign_keys_of_column(*session_, oid, "team").value();
  ASSERT_EQ(keys.size(), 2U);
  const auto again = foreign_keys_from_json(to_json(keys));
  ASSERT_EQ(again.size(), 2U);
  for (std::size_t i = 0; i < keys.size(); ++i) {
    EXPECT_EQ(add_again_sql(again[i]), add_again_sql(keys[i]));
    EXPECT_EQ(again[i].referenced.name, "teams");
    EXPECT_TRUE(again[i].valid);
  }
  EXPECT_EQ(foreign_keys_of_column(*session_, oid, "part").value().size(), 1U);
  EXPECT_EQ(foreign_keys_of_table(*session_, oid).value().size(), 2U);
  EXPECT_EQ(foreign_keys_of_table(*session_, db_.value("SELECT 'teams'::regclass::oid")).value().size(), 2U);
}

constexpr const char* k_comments = R"sql(
SELECT string_agg(format('%s: %s', conname, obj_description(oid, 'pg_constraint')), ' ' ORDER BY conname)
  FROM pg_constraint WHERE contype = 'f')sql";

TEST_F(ForeignKeysPgTest, TheirCommentsComeBackWithThem) {
  db_.exec(
      "ALTER TABLE people ADD boss integer CONSTRAINT to_boss REFERENCES people;"
      "COMMENT ON CONSTRAINT to_team ON people IS 'it''s theirs'; COMMENT ON CONSTRAINT to_boss ON people IS 'above'");
  const auto before = db_.value(k_comments);
  EXPECT_THAT(before, HasSubstr("to_boss: above to_part:  to_team: it's theirs"));
  for (const auto& gone : {team(), goes("people", "boss")}) {
    forward(gone);
    EXPECT_NE(db_.value(k_comments), before);
    back(gone);
    EXPECT_EQ(db_.value(k_comments), before);
  }
  for (const auto* table : {"people", "teams"}) {
    const RetireTableBody whole{{"public", table}};
    forward(whole);
    back(whole);
    EXPECT_EQ(db_.value(k_comments), before) << table;
  }
}

// As pg_get_constraintdef words it: such a key is never checked, and is not on the way back.
TEST_F(ForeignKeysPgTest, OneThatIsNotEnforcedComesBackAsItWas) {
  if (session_->server_version() < 180000) return;
  db_.exec("ALTER TABLE people ADD note integer CONSTRAINT loose REFERENCES teams (id) NOT ENFORCED");
  db_.exec("UPDATE people SET note = 77; COMMENT ON CONSTRAINT loose ON people IS 'for the planner'");
  const auto state = [this] {
    return db_.value(
        "SELECT concat_ws(' ', conenforced, convalidated, pg_get_constraintdef(oid), obj_description(oid, "
        "'pg_constraint')) FROM pg_constraint WHERE conname = 'loose'");
  };
  const auto before = state();
  forward(goes("people", "note"));
  back(goes("people", "note"));
  EXPECT_EQ(state(), before);
}

}  // namespace
}  // namespace pgphase::testing
