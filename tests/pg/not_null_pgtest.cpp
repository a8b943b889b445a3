// NOT NULL that goes and comes back: what is refused on the way, what is not, and what is told at the end.
#include "phases/retire/not_null.hpp"

#include "plans/base/hidden_names.hpp"
#include "tests/pg/retire_fixture.hpp"

namespace pgphase::testing {
namespace {

using ::testing::HasSubstr;

class NotNullPgTest : public RetirePgTest {
 protected:
  NotNullPgTest() {
    db_.exec(
        "CREATE TABLE people (id integer PRIMARY KEY, email text CONSTRAINT reachable NOT NULL, n integer);"
        "INSERT INTO people SELECT i, 'e' || i, i FROM generate_series(1, 100) i");
  }
  static DropNotNullBody email(const std::string& restore = "") {
    return {{"public", "people"}, "email", restore, false};
  }
  // Going back has begun: new NULLs are refused from here on.
  void guard() { EXPECT_TRUE(one_attempt_back(email(), false).more); }
  std::string required() {
    return db_.value("SELECT attnotnull FROM pg_attribute WHERE attrelid = 'people'::regclass AND attname = 'email'");
  }
  static std::string proof() { return not_null_proof_name({"public", "people"}, "email"); }
  std::string left_on_the_table() {
    return db_.value(
        "SELECT (SELECT count(*) FROM pg_trigger WHERE tgname ~ 'pgphase') + (SELECT count(*) FROM pg_constraint WHERE "
        "conname ~ 'pgphase')");
  }
};

TEST_F(NotNullPgTest, WritersMayLeaveItOutAndGoingBackItIsAsItWas) {
  const auto before = schema();
  EXPECT_EQ(forward(email()), "done");
  EXPECT_EQ(sqlstate_of("INSERT INTO people (id) VALUES (101)"), "");
  db_.exec("DELETE FROM people WHERE id = 101");
  EXPECT_EQ(back(email()), "email is NOT NULL again");
  EXPECT_EQ(schema(), before) << "with the name of the constraint, from 18 on";
  EXPECT_EQ(sqlstate_of("INSERT INTO people (id) VALUES (101)"), "23502");
  EXPECT_EQ(left_on_the_table(), "0");
}

// A NOT VALID check would do the first and not the second: it binds every UPDATE of an old row.
TEST_F(NotNullPgTest, TheGuardRefusesNewNullsButNoUpdateOfAnOldRow) {
  forward(email());
  db_.exec("INSERT INTO people (id) VALUES (101)");
  guard();
  EXPECT_EQ(sqlstate_of("INSERT INTO people (id) VALUES (102)"), "23502");
  EXPECT_EQ(sqlstate_of("UPDATE people SET email = NULL WHERE id = 1"), "23502");
  EXPECT_EQ(sqlstate_of("UPDATE people SET n = 7 WHERE id = 101"), "");
  EXPECT_EQ(sqlstate_of("UPDATE people SET n = 8, email = NULL WHERE id = 101"), "") << "it lacked one before";
  db_.exec("ALTER TABLE people ADD CONSTRAINT not_so CHECK (email IS NOT NULL) NOT VALID");
  EXPECT_EQ(sqlstate_of("UPDATE people SET n = 9 WHERE id = 101"), "23514");
}

TEST_F(NotNullPgTest, WithRowsThatLackAValueItStaysNullableAndSaysHowMany) {
  forward(email());
  db_.exec("INSERT INTO people (id) VALUES (101), (102)");
  EXPECT_EQ(back(email()), "email of people stays nullable: 2 rows lack a value, and new ones without are refused");
  EXPECT_EQ(required(), "f");
  EXPECT_EQ(sqlstate_of("INSERT INTO people (id) VALUES (103)"), "23502");
  EXPECT_EQ(sqlstate_of("UPDATE people SET n = 7 WHERE id = 101"), "");
  // Forward again NULLs are let in, and with values in all rows the way back goes to its end.
  forward(email());
  EXPECT_EQ(sqlstate_of("INSERT INTO people (id) VALUES (103)"), "");
  db_.exec("UPDATE people SET email = 'found' WHERE email IS NULL");
  back(email());
  EXPECT_EQ(required(), "t");
  EXPECT_EQ(left_on_the_table(), "0");
}

TEST_F(NotNullPgTest, RestoreGivesAValueToRowsThatLackOneAndToNoOther) {
  const auto body = email("'nobody ' || id");
  forward(body);
  db_.exec("INSERT INTO people (id) VALUES (101)");
  EXPECT_TRUE(one_attempt_back(body, false).more);
  EXPECT_EQ(fill(site(body).key, restoring(body)), 1);
  EXPECT_EQ(db_.value("SELECT string_agg(email, ',' ORDER BY id) FROM people WHERE id IN (1, 101)"), "e1,nobody 101");
  while (one_attempt_back(body, true).more) {
  }
  EXPECT_EQ(required(), "t");
}

TEST_F(NotNullPgTest, WhatATriggerOfTheUsersStillFillsInIsNotRefused) {
  forward(email());
  db_.exec(
      "CREATE FUNCTION fill_in() RETURNS trigger LANGUAGE plpgsql AS 'BEGIN NEW.email := coalesce(NEW.email, ''x''); "
      "RETURN NEW; END'; CREATE TRIGGER zz BEFORE INSERT OR UPDATE ON people FOR EACH ROW EXECUTE FUNCTION fill_in()");
  guard();
  EXPECT_EQ(sqlstate_of("INSERT INTO people (id) VALUES (101)"), "");
  EXPECT_EQ(sqlstate_of("UPDATE people SET email = NULL WHERE id = 1"), "");
}

TEST_F(NotNullPgTest, RowsThatReplicationAppliesAreRefusedToo) {
  forward(email());
  guard();
  EXPECT_EQ(sqlstate_of("SET session_replication_role = replica; INSERT INTO people (id) VALUES (101)"), "23502");
}

// As a superuser may, who turns triggers off for a load.
TEST_F(NotNullPgTest, ANullThatCameBehindTheCountIsToldAndBindsNobody) {
  forward(email());
  guard();
  EXPECT_TRUE(one_attempt_back(email(), true).more);  // none lacks a value: the check is there
  db_.exec("ALTER TABLE people DISABLE TRIGGER ALL, DROP CONSTRAINT \"" + proof() +
           "\"; INSERT INTO people (id) VALUES (101);"
           "ALTER TABLE people ENABLE TRIGGER ALL, ADD CONSTRAINT \"" +
           proof() + "\" CHECK (email IS NOT NULL) NOT VALID");
  EXPECT_TRUE(one_attempt_back(email(), true).more);
  EXPECT_THAT(one_attempt_back(email(), true).what, HasSubstr("1 row lacks a value"));
  EXPECT_EQ(sqlstate_of("UPDATE people SET n = 7 WHERE id = 101"), "");
}

TEST_F(NotNullPgTest, OnlyForAMomentDoesAnybodyWaitForIt) {
  forward(email());
  guard();
  EXPECT_TRUE(one_attempt_back(email(), true).more);  // the check
  auto writer = db_.client();
  writer.exec("BEGIN; UPDATE people SET n = 7 WHERE id = 1");
  EXPECT_TRUE(one_attempt_back(email(), true).more) << "a scan, while a writer holds the table";
  EXPECT_EQ(db_.value("SELECT convalidated FROM pg_constraint WHERE conname ~ 'pgphase_not_null'"), "t");
  writer.exec("COMMIT");
  EXPECT_EQ(one_attempt_back(email(), true).what, "email is NOT NULL again");
}

}  // namespace
}  // namespace pgphase::testing
