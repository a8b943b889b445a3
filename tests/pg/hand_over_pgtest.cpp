// The end of a link and its undo: what applications of either schema wrote before, between and after is there.
#include "phases/sync/hand_over.hpp"

#include "tests/pg/retire_fixture.hpp"

namespace pgphase::testing {
namespace {

using ::testing::HasSubstr;
using ::testing::StartsWith;

class HandOverPgTest : public RetirePgTest {
 protected:
  HandOverPgTest() {
    db_.exec(
        "CREATE TABLE people (id integer PRIMARY KEY, email text, n integer);"
        "INSERT INTO people VALUES (1, 'ANN@X'), (2, 'BOB@X'), (3, NULL)");
  }
  static LinkColumnsBody lower_case(const std::string& down = "address") {
    return link("people", "email", "address", "text", "lower(email)", down);
  }
  void link_and_fill(const LinkColumnsBody& body) {
    forward(body);
    fill(body);
  }
  // "email|address" of every row.
  std::string rows() {
    return db_.value(
        "SELECT string_agg(coalesce(email, '-') || '|' || coalesce(address, '-'), ' ' ORDER BY id) FROM people");
  }
};

// An address in capitals was destroyed: the backfill's own write counted as a change of the new side.
TEST_F(HandOverPgTest, ABackfillNeverRewritesItsOwnSource) {
  forward(lower_case());
  EXPECT_EQ(fill(lower_case()), 2);
  EXPECT_EQ(rows(), "ANN@X|ann@x BOB@X|bob@x -|-");
}

// Without the triggers on the way the old application's later writes left it stale, and it came back with yesterday's.
TEST_F(HandOverPgTest, NoValueIsStaleAfterBackAndForward) {
  link_and_fill(lower_case());
  db_.exec("UPDATE people SET address = 'by the new one' WHERE id = 2");
  EXPECT_THAT(back(lower_case()), StartsWith("retired as _pgphase_retired_"));
  db_.exec("UPDATE people SET email = 'EVE@Y' WHERE id = 1; INSERT INTO people VALUES (4, 'DAN')");
  EXPECT_EQ(forward(lower_case()), "restored with their values, and kept in step from now on");
  EXPECT_EQ(rows(), "EVE@Y|eve@y by the new one|by the new one -|- DAN|dan");
}

TEST_F(HandOverPgTest, AfterWritesOfBothSidesEveryValueIsThere) {
  link_and_fill(lower_case());
  for (int round = 1; round <= 2; ++round) {
    EXPECT_THAT(forward(goes(lower_case())), HasSubstr("and kept up to date there"));
    EXPECT_EQ(named("email"), "0");
    db_.exec("UPDATE people SET address = 'new@x' WHERE id = 1; UPDATE people SET n = 7 WHERE id = 2;");
    db_.exec("DELETE FROM people WHERE id = 4; INSERT INTO people (id, address) VALUES (4, 'dan@x')");
    EXPECT_THAT(back(goes(lower_case())), StartsWith("email is back with its values, and kept in step again"));
    EXPECT_EQ(rows(), "new@x|new@x BOB@X|bob@x -|- dan@x|dan@x") << "what nobody wrote is in capitals still";
    db_.exec("UPDATE people SET email = 'OLD@X' WHERE id = 1");
    EXPECT_EQ(rows(), "OLD@X|old@x BOB@X|bob@x -|- dan@x|dan@x");
  }
}

TEST_F(HandOverPgTest, WithoutAWayBackNewRowsLackAnOldValueAndItIsToldHowMany) {
  db_.exec("DELETE FROM people WHERE id = 3; ALTER TABLE people ALTER email SET NOT NULL");
  link_and_fill(lower_case(""));
  forward(goes(lower_case("")));
  EXPECT_EQ(sqlstate_of("INSERT INTO people (id, address) VALUES (4, 'dan@x')"), "");
  EXPECT_THAT(back(goes(lower_case(""))), HasSubstr("email of people stays nullable: 1 row lacks a value"));
  EXPECT_EQ(rows(), "ANN@X|ann@x BOB@X|bob@x -|dan@x");
  EXPECT_EQ(sqlstate_of("INSERT INTO people (id) VALUES (5)"), "23502");
}

TEST_F(HandOverPgTest, NotNullComesBackWhereEveryRowHasAValue) {
  db_.exec("DELETE FROM people WHERE id = 3; ALTER TABLE people ALTER email SET NOT NULL");
  link_and_fill(lower_case());
  const auto before = schema();
  forward(goes(lower_case()));
  db_.exec("INSERT INTO people (id, address) VALUES (4, 'dan@x')");
  EXPECT_THAT(back(goes(lower_case())), HasSubstr("email is NOT NULL again"));
  EXPECT_EQ(schema(), before);
}

// Nobody sees the retired side: no statement may fail because of it.
TEST_F(HandOverPgTest, WhatCannotBeConvertedBackIsNullThereAndFailsNobody) {
  const auto numbers = link("people", "n", "code", "text", "n::text", "code::integer");
  link_and_fill(numbers);
  EXPECT_EQ(sqlstate_of("UPDATE people SET code = 'no number' WHERE id = 1"), "22P02") << "seen, it is refused";
  forward(goes(numbers));
  EXPECT_EQ(sqlstate_of("UPDATE people SET code = 'no number' WHERE id = 1"), "");
  EXPECT_EQ(sqlstate_of("UPDATE people SET code = '12' WHERE id = 2"), "");
  back(goes(numbers));
  EXPECT_EQ(db_.value("SELECT string_agg(coalesce(n::text, '-') || '|' || coalesce(code, '-'), ' ' ORDER BY id) FROM "
                      "people"),
            "-|no number 12|12 -|-");
}

TEST_F(HandOverPgTest, ARenamedColumnTakesItsNameAndGivesItBack) {
  auto renamed = link("people", "email", "contact", "text", "email", "contact");
  renamed.one_is_the_other = true;
  link_and_fill(renamed);
  const auto before = schema();
  HandOverBody body{renamed.table, site(renamed).key.step, {"contact"}, {{"email", "contact"}}};
  forward(body);
  EXPECT_EQ(db_.value("SELECT string_agg(contact, ' ' ORDER BY id) FROM people"), "ANN@X BOB@X");
  db_.exec("UPDATE people SET contact = 'new' WHERE id = 1; INSERT INTO people (id, contact) VALUES (4, 'dan')");
  back(body);
  EXPECT_EQ(schema(), before);
  EXPECT_EQ(db_.value("SELECT string_agg(email || '|' || contact, ' ' ORDER BY id) FROM people"),
            "new|new BOB@X|BOB@X dan|dan");
}

// Asked under the lock as well: until then nothing keeps another plan from coming in between.
TEST_F(HandOverPgTest, AColumnThatAnotherPlanKeepsInStepDoesNotGo) {
  link_and_fill(lower_case());
  db_.exec("UPDATE pgphase.link SET plan = '006_before'");
  EXPECT_THAT(refused_forward(goes("people", "email")).message,
              HasSubstr("plan 006_before, which is under way, keeps column email of table people in step"));
  db_.exec("UPDATE pgphase.link SET link = (link::jsonb || '{\"flow\": \"to_sources\"}')::json");
  EXPECT_THAT(refused_forward(goes("people", "email")).message, HasSubstr("`pgphase purge 006_before`"));
  EXPECT_EQ(sqlstate_of("UPDATE people SET address = 'x' WHERE id = 1"), "");
}

TEST_F(HandOverPgTest, WhatAnotherPlanKeepsForItsWayBackFollowsARenamedColumn) {
  link_and_fill(lower_case());
  db_.exec("UPDATE pgphase.link SET plan = '006_before', link = (link::jsonb || '{\"flow\": \"to_sources\"}')::json");
  const HandOverBody body{{"public", "people"}, "", {}, {{"email", "contact"}}};
  forward(body);
  EXPECT_EQ(sqlstate_of("UPDATE people SET address = 'zoe' WHERE id = 1"), "");
  EXPECT_EQ(db_.value("SELECT contact FROM people WHERE id = 1"), "zoe");
  back(body);
  EXPECT_EQ(sqlstate_of("UPDATE people SET address = 'ida' WHERE id = 1"), "");
  EXPECT_EQ(db_.value("SELECT email FROM people WHERE id = 1"), "ida");
}

// Only the column's own value is seen afterwards: what somebody has written to its copy alone would be out of sight.
TEST_F(HandOverPgTest, ARenameIsRefusedWhereTheTwoNamesHoldDifferentValues) {
  auto renamed = link("people", "email", "contact", "text", "email", "contact");
  renamed.one_is_the_other = true;
  link_and_fill(renamed);
  db_.exec(
      "ALTER TABLE people DISABLE TRIGGER ALL; UPDATE people SET contact = 'new' WHERE id = 1; ALTER TABLE people "
      "ENABLE ALWAYS TRIGGER \"!pgphase_sync\", ENABLE ALWAYS TRIGGER \"~pgphase_sync\"");
  HandOverBody body{renamed.table, site(renamed).key.step, {"contact"}, {{"email", "contact"}}};
  const auto error = refused_forward(body);
  EXPECT_EQ(error.code, Errc::refused);
  EXPECT_THAT(error.message, HasSubstr("1 row of people has another value in contact than in email"));
  const auto from = error.next.find('`') + 1;
  db_.exec(error.next.substr(from, error.next.find('`', from) - from));
  forward(body);
  EXPECT_EQ(db_.value("SELECT contact FROM people WHERE id = 1"), "new");
}

TEST_F(HandOverPgTest, AnIdentityThatIsRenamedGoesOnWhereItWas) {
  db_.exec("ALTER TABLE people ADD number bigint GENERATED ALWAYS AS IDENTITY (START 1000)");
  auto renamed = link("people", "number", "no", "bigint", "number", "no");
  renamed.one_is_the_other = true;
  link_and_fill(renamed);
  db_.exec("INSERT INTO people (id) VALUES (4); UPDATE people SET no = 77 WHERE id = 1");
  const auto before = schema();
  HandOverBody body{renamed.table, site(renamed).key.step, {"no"}, {{"number", "no"}}};
  forward(body);
  EXPECT_EQ(db_.value("INSERT INTO people (id) VALUES (5) RETURNING no"), "1004");
  back(body);
  EXPECT_EQ(db_.value("INSERT INTO people (id) VALUES (6) RETURNING number || ' ' || no"), "1005 1005");
  EXPECT_EQ(db_.value("SELECT string_agg(number || ' ' || no, ', ' ORDER BY id) FROM people"),
            "77 77, 1001 1001, 1002 1002, 1003 1003, 1004 1004, 1005 1005");
  EXPECT_EQ(schema(), before);
}

TEST_F(HandOverPgTest, ADefaultStaysSoThatNewRowsHaveWhatTheyWouldHaveGot) {
  db_.exec("ALTER TABLE people ADD state text NOT NULL DEFAULT 'open'; UPDATE people SET state = 'done' WHERE id = 1");
  const auto before = schema();
  forward(goes("people", "state"));
  EXPECT_EQ(sqlstate_of("INSERT INTO people (id) VALUES (4)"), "");
  back(goes("people", "state"));
  EXPECT_EQ(db_.value("SELECT string_agg(state, ' ' ORDER BY id) FROM people"), "done open open open");
  EXPECT_EQ(schema(), before);
}

// DROP IDENTITY would destroy the sequence with its options and where it stands.
TEST_F(HandOverPgTest, AnIdentityKeepsItsOptionsAndGoesOnWhereItWas) {
  db_.exec("ALTER TABLE people ADD number bigint GENERATED ALWAYS AS IDENTITY (START 1000 INCREMENT 10)");
  const auto before = schema();
  forward(goes("people", "number"));
  EXPECT_EQ(sqlstate_of("INSERT INTO people (id) VALUES (4)"), "");
  back(goes("people", "number"));
  EXPECT_EQ(schema(), before);
  EXPECT_EQ(db_.value("INSERT INTO people (id) VALUES (5) RETURNING number"), "1040");
}

TEST_F(HandOverPgTest, AColumnOfThatNameMadeMeanwhileStopsTheWayBackAndTheValuesAreSafe) {
  forward(goes("people", "email"));
  db_.exec("ALTER TABLE people ADD email integer");
  const auto error = refused_back(goes("people", "email"));
  EXPECT_EQ(error.code, Errc::refused);
  EXPECT_THAT(error.next, HasSubstr("the values are safe in _pgphase_retired_"));
  db_.exec("ALTER TABLE people DROP email");
  back(goes("people", "email"));
  EXPECT_EQ(db_.value("SELECT string_agg(email, ' ' ORDER BY id) FROM people"), "ANN@X BOB@X");
}

// The new column stands for itself then, and may be NULL; the source, which only follows, may not.
TEST_F(HandOverPgTest, ASourceThatIsRequiredKeepsItsValueWhereTheNewColumnIsNull) {
  db_.exec("DELETE FROM people WHERE id = 3; UPDATE people SET n = id; ALTER TABLE people ALTER n SET NOT NULL");
  const auto tens = link("people", "n", "m", "integer", "n * 10", "m / 10");
  HandOverBody end = goes(tens);
  end.retire.clear();
  link_and_fill(tens);
  EXPECT_EQ(sqlstate_of("UPDATE people SET m = NULL WHERE id = 1"), "23502") << "NULL on purpose ships later";
  for (int round = 0; round < 2; ++round) {
    forward(end);
    EXPECT_EQ(sqlstate_of("UPDATE people SET m = NULL WHERE id = 1"), "");
    EXPECT_EQ(sqlstate_of("UPDATE people SET m = 70 WHERE id = 2"), "");
    EXPECT_EQ(db_.value("SELECT string_agg(concat_ws(':', n, m), ' ' ORDER BY id) FROM people"), "1 7:70");
    back(end);
    EXPECT_EQ(db_.value("SELECT string_agg(concat_ws(':', n, m), ' ' ORDER BY id) FROM people"), "1 7:70");
  }
}

}  // namespace
}  // namespace pgphase::testing
