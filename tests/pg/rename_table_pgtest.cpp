// rename_table: first the table can be used under both names, then it has the new one alone, and back.
#include "phases/rename/table_name.hpp"

#include <fmt/format.h>

#include "tests/pg/retire_fixture.hpp"
#include "tests/support/server.hpp"

namespace pgphase::testing {
namespace {

using ::testing::HasSubstr;
using Part = RenameTableBody::Part;

class RenameTablePgTest : public RetirePgTest {
 protected:
  RenameTablePgTest() {
    db_.exec(
        "CREATE TABLE people (id serial PRIMARY KEY, name text NOT NULL, n integer DEFAULT 7);"
        "INSERT INTO people (name) VALUES ('ann'), ('bob')");
  }
  static RenameTableBody step(Part part) { return {{"public", "people"}, "persons", part}; }
  std::string names(const std::string& from) {
    return db_.value("SELECT string_agg(name, ' ' ORDER BY id) FROM " + from);
  }
  std::string kind_of(const std::string& name) {
    return db_.value("SELECT coalesce((SELECT relkind::text FROM pg_class WHERE relname = '" + name + "'), '-')");
  }
};

TEST_F(RenameTablePgTest, EachPhaseGoesForwardBackAndForwardAgain) {
  const auto at_first = schema();
  forward(step(Part::view));
  const auto both = schema();
  EXPECT_EQ(kind_of("people") + kind_of("persons"), "rv");
  EXPECT_EQ(back(step(Part::view)), "the view is dropped; it held no rows of its own");
  EXPECT_EQ(schema(), at_first);
  forward(step(Part::view));
  forward(step(Part::rename));
  EXPECT_EQ(kind_of("people") + kind_of("persons"), "-r");
  back(step(Part::rename));
  EXPECT_EQ(schema(), both);
  forward(step(Part::rename));
  EXPECT_EQ(names("persons"), "ann bob");
}

TEST_F(RenameTablePgTest, BothNamesWriteTheSameRows) {
  forward(step(Part::view));
  db_.exec(
      "INSERT INTO persons (name) VALUES ('cat'); UPDATE persons SET name = 'eve' WHERE name = 'ann';"
      "INSERT INTO people (name) VALUES ('dan'); DELETE FROM people WHERE name = 'bob';"
      "INSERT INTO persons (id, name) VALUES (3, '') ON CONFLICT (id) DO UPDATE SET name = 'flo'");
  EXPECT_EQ(names("people"), "eve flo dan");
  EXPECT_EQ(names("persons"), "eve flo dan");
  EXPECT_EQ(db_.value("SELECT sum(n) FROM persons"), "21") << "the defaults are the table's";
}

TEST_F(RenameTablePgTest, WhoMayDoSomethingWithTheTableMayDoItUnderTheNewNameAndNothingElse) {
  const auto role = "clerk_of_" + db_.name();
  db_.exec(
      fmt::format("CREATE ROLE \"{0}\"; GRANT SELECT, INSERT (name) ON people TO \"{0}\";"
                  "GRANT USAGE ON SEQUENCE people_id_seq TO \"{0}\"",
                  role));
  forward(step(Part::view));
  const auto as_clerk = [&](const std::string& sql) {
    return sqlstate_of(fmt::format("SET ROLE \"{}\"; {}", role, sql));
  };
  EXPECT_EQ(as_clerk("SELECT id, name FROM persons"), "");
  EXPECT_EQ(as_clerk("INSERT INTO persons (name) VALUES ('cat')"), "");
  EXPECT_EQ(as_clerk("INSERT INTO persons (name, n) VALUES ('cat', 1)"), "42501");
  EXPECT_EQ(as_clerk("DELETE FROM persons"), "42501");
  db_.exec(fmt::format("DROP OWNED BY \"{0}\"; DROP ROLE \"{0}\"", role));
}

TEST_F(RenameTablePgTest, RowSecurityHoldsUnderTheNewNameToo) {
  const auto role = "clerk_of_" + db_.name();
  db_.exec(
      fmt::format("CREATE ROLE \"{0}\"; GRANT SELECT ON people TO \"{0}\"; CREATE POLICY p ON people USING (id > "
                  "1); ALTER TABLE people ENABLE ROW LEVEL SECURITY",
                  role));
  if (test_server_major() < 15) {
    EXPECT_THAT(refused_forward(step(Part::view)).message, HasSubstr("table people has row security"));
  } else {
    forward(step(Part::view));
    auto clerk = db_.client();
    clerk.exec(fmt::format("SET ROLE \"{}\"", role));
    EXPECT_EQ(clerk.value("SELECT string_agg(name, ' ') FROM persons"), "bob");
  }
  db_.exec(fmt::format("DROP OWNED BY \"{0}\"; DROP ROLE \"{0}\"", role));
}

TEST_F(RenameTablePgTest, WhatIsHiddenInTheTableIsNotShownByTheView) {
  const auto note = column("people", "note", "text");
  forward(note);
  db_.exec("UPDATE people SET note = 'kept'");
  back(note);
  forward(step(Part::view));
  EXPECT_EQ(db_.value("SELECT string_agg(attname, ' ' ORDER BY attnum) FROM pg_attribute WHERE attrelid = "
                      "'persons'::regclass AND attnum > 0"),
            "id name n");
}

// The ledger knows links and retired columns by the table's name.
TEST_F(RenameTablePgTest, WhatIsKeptInStepAndWhatIsRetiredGoesWithTheName) {
  auto shout = link("people", "name", "shout", "text", "upper(name)", "lower(shout)");
  forward(shout);
  fill(shout);
  auto note = column("people", "note", "text");
  forward(note);
  db_.exec("UPDATE people SET note = 'kept'");
  back(note);
  forward(step(Part::view));
  forward(step(Part::rename));
  db_.exec("INSERT INTO persons (shout) VALUES ('CAT'); UPDATE persons SET name = 'eve' WHERE id = 1");
  EXPECT_EQ(db_.value("SELECT string_agg(name || shout, ' ' ORDER BY id) FROM persons"), "eveEVE bobBOB catCAT");
  shout.table.name = note.table.name = "persons";
  note.sql = "ALTER TABLE persons ADD COLUMN note text";
  back(shout);
  EXPECT_EQ(db_.value("SELECT count(*) FROM information_schema.columns WHERE column_name = 'shout'"), "0");
  db_.exec("INSERT INTO persons (name) VALUES ('zed')");  // what is retired follows on
  back(step(Part::rename));
  shout.table.name = "people";
  EXPECT_EQ(forward(shout), "restored with their values, and kept in step from now on");
  EXPECT_EQ(db_.value("SELECT count(*) || ' ' || max(shout) FROM people WHERE shout = upper(name)"), "4 ZED");
  EXPECT_EQ(forward(column("people", "note", "text")), "restored with its values");
  EXPECT_EQ(db_.value("SELECT count(*) FROM people WHERE note = 'kept'"), "2");
}

TEST_F(RenameTablePgTest, ANameThatIsTakenIsNoReasonToReplaceWhatIsThere) {
  db_.exec("CREATE TABLE persons (other text)");
  const auto error = refused_forward(step(Part::view));
  EXPECT_EQ(error.sqlstate, "42P07");
  EXPECT_THAT(error.next, HasSubstr("give the new one another name"));
}

TEST_F(RenameTablePgTest, WhatSomebodyBuiltOnTheViewIsNotDroppedWithIt) {
  forward(step(Part::view));
  db_.exec("CREATE VIEW mine AS SELECT name FROM persons");
  EXPECT_EQ(refused_forward(step(Part::rename)).code, Errc::refused);
  EXPECT_EQ(refused_back(step(Part::view)).code, Errc::refused);
  EXPECT_EQ(db_.value("SELECT count(*) FROM mine"), "2");
}

TEST_F(RenameTablePgTest, APublicationStandsInTheWayOfEitherStepAndIsNamed) {
  forward(step(Part::view));
  db_.exec("CREATE PUBLICATION pub FOR TABLE people");
  EXPECT_THAT(refused_forward(step(Part::rename)).message, HasSubstr("publication pub publishes table people"));
  EXPECT_THAT(obstacles_to_renaming(*session_, step(Part::view)).value(),
              ::testing::Contains(HasSubstr("publication pub")));
}

}  // namespace
}  // namespace pgphase::testing
