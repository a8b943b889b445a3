// What the sync triggers do to a row, whoever writes it and how.
#include "tests/pg/sync_fixture.hpp"
#include "tests/support/server.hpp"

namespace pgphase::testing {
namespace {

TEST_F(SyncFunctionPgTest, AnInsertOfEitherSchemaFillsTheOtherSide) {
  db.exec(k_people);
  link({lower_case()});
  EXPECT_EQ(after("INSERT INTO people (email) VALUES ('Ann@X')"), "Ann@X|ann@x");
  EXPECT_EQ(after("INSERT INTO people (address) VALUES ('bob@x')"), "bob@x|bob@x");
  EXPECT_EQ(after("INSERT INTO people (email, address) VALUES ('C', 'other')"), "C|other") << "both given: both stay";
  EXPECT_EQ(after("INSERT INTO people (email, address) VALUES ('D', NULL)"), "D|d") << "NULL overwrites nothing";
  EXPECT_EQ(after("INSERT INTO people (n) VALUES (1)"), "NULL|NULL");
  EXPECT_EQ(after("COPY people (email) FROM PROGRAM 'echo Eve@X'"), "Eve@X|eve@x");
}

TEST_F(SyncFunctionPgTest, AnUpdateOfOneSideBringsTheOtherAlong) {
  db.exec(k_people);
  link({lower_case()});
  db.exec("INSERT INTO people (email) VALUES ('Ann@X')");
  EXPECT_EQ(after("UPDATE people SET email = 'Bob@X'"), "Bob@X|bob@x");
  EXPECT_EQ(after("UPDATE people SET address = 'cat@x'"), "cat@x|cat@x");
  EXPECT_EQ(after("UPDATE people SET email = 'Dan', address = 'other'"), "Dan|other") << "both changed: both stay";
  EXPECT_EQ(after("UPDATE people SET n = 1"), "Dan|other") << "neither changed";
  EXPECT_EQ(after("UPDATE people SET email = NULL"), "NULL|NULL");
}

// A column in capitals was destroyed by a backfill that "changed" the new side.
TEST_F(SyncFunctionPgTest, OnlyAnInconsistentSideIsWritten) {
  db.exec(k_people);
  db.exec("INSERT INTO people (email) VALUES ('ANN@X')");
  link({lower_case()});
  EXPECT_EQ(after("UPDATE people SET address = lower(email)"), "ANN@X|ann@x");
}

// One value under two names: the name that will be there wins, as in a new row, and neither is lost without a word.
TEST_F(SyncFunctionPgTest, OfOneValueUnderTwoNamesTheNewNameWins) {
  db.exec(k_people);
  SyncLink renamed;
  renamed.key = "1";
  renamed.sources = {{"email", "text", "address", ""}};
  renamed.targets = {{"address", "text", "email", ""}};
  renamed.one_is_the_other = true;
  link({renamed});
  EXPECT_EQ(after("INSERT INTO people (email, address) VALUES ('a', 'b')"), "b|b");
  EXPECT_EQ(after("UPDATE people SET email = 'c', address = 'd'"), "d|d");
  EXPECT_EQ(after("UPDATE people SET email = 'e', address = NULL"), "NULL|NULL");
  EXPECT_EQ(after("UPDATE people SET email = 'f', address = address"), "f|f") << "it was not changed";
  EXPECT_EQ(after("UPDATE people SET email = email, address = 'g'"), "g|g");
  EXPECT_EQ(after("UPDATE people SET email = 'h', address = 'h'"), "h|h");
}

// The same input gives the same value, whoever writes it, and the one that a backfill gives.
TEST_F(SyncFunctionPgTest, SettingsOfTheWriterHaveNoSayInWhatIsComputed) {
  db.exec("CREATE TABLE people (id serial PRIMARY KEY, email timestamp, address text, n int)");
  SyncLink link;
  link.key = "1";
  link.sources = {{"email", "timestamp without time zone", "", ""}};
  link.targets = {
      {"address", "text", "email::timestamptz || ' ' || 0.1::float8 || '\\x01'::bytea || interval '1 day'", ""}};
  this->link({link});
  for (const auto* settings :
       {"TimeZone = 'UTC'", "TimeZone = 'Asia/Tokyo'", "DateStyle = 'German'", "extra_float_digits = -10",
        "bytea_output = 'escape'", "IntervalStyle = 'iso_8601'", "standard_conforming_strings = off"}) {
    db.exec(std::string("SET ") + settings + "; INSERT INTO people (email) VALUES ('2026-01-01 12:00'); RESET ALL");
  }
  EXPECT_EQ(db.value("SELECT count(*) || ' ' || string_agg(DISTINCT address, ' and ') FROM people"),
            "7 2026-01-01 12:00:00+00 0.1\\x011 day");
}

TEST_F(SyncFunctionPgTest, ABackfillWritesNoSources) {
  db.exec(k_people);
  db.exec("INSERT INTO people (email) VALUES ('ANN@X')");
  link({lower_case()});
  db.exec(
      "CREATE FUNCTION change() RETURNS trigger LANGUAGE plpgsql AS 'BEGIN NEW.email := NEW.email || ''!''; RETURN "
      "NEW; "
      "END'; CREATE TRIGGER change BEFORE UPDATE ON people FOR EACH ROW EXECUTE FUNCTION change()");
  db.exec("BEGIN; SET LOCAL pgphase.backfill = '1'; UPDATE people SET address = 'what it read a moment ago'; COMMIT");
  EXPECT_EQ(row(), "ANN@X!|ann@x!") << "the user's trigger has changed the source in the same statement";
}

TEST_F(SyncFunctionPgTest, TriggersOfTheUsersHaveTheirSay) {
  db.exec(k_people);
  link({lower_case()});
  db.exec(
      "CREATE FUNCTION trimmed() RETURNS trigger LANGUAGE plpgsql AS 'BEGIN NEW.email := trim(NEW.email); RETURN NEW; "
      "END'; CREATE TRIGGER trimmed BEFORE INSERT OR UPDATE ON people FOR EACH ROW EXECUTE FUNCTION trimmed()");
  EXPECT_EQ(after("INSERT INTO people (email) VALUES ('  Ann ')"), "Ann|ann");
  EXPECT_EQ(after("INSERT INTO people (address) VALUES (' bob ')"), "bob|bob");
  EXPECT_EQ(after("UPDATE people SET address = ' cat '"), "cat|cat");
}

TEST_F(SyncFunctionPgTest, AnUpsertAndAMergeAreInsertsAndUpdates) {
  db.exec(k_people);
  link({lower_case()});
  db.exec("INSERT INTO people (id, email) VALUES (1, 'Ann')");
  EXPECT_EQ(after("INSERT INTO people (id, email) VALUES (1, 'Bob') ON CONFLICT (id) DO UPDATE SET email = "
                  "excluded.email"),
            "Bob|bob");
  EXPECT_EQ(after("INSERT INTO people (id, address) VALUES (1, 'cat') ON CONFLICT (id) DO UPDATE SET address = "
                  "excluded.address"),
            "cat|cat");
  if (test_server_major() < 15) return;
  EXPECT_EQ(after("MERGE INTO people p USING (VALUES (1, 'Dan'), (2, 'Eve')) v (id, email) ON p.id = v.id WHEN MATCHED "
                  "THEN UPDATE SET email = v.email WHEN NOT MATCHED THEN INSERT (id, email) VALUES (v.id, v.email)"),
            "Eve|eve");
  EXPECT_EQ(db.value("SELECT address FROM people WHERE id = 1"), "dan");
}

TEST_F(SyncFunctionPgTest, ASourcesDefaultCountsAsLeftOut) {
  db.exec("CREATE TABLE people (id serial PRIMARY KEY, email text NOT NULL DEFAULT 'none', address text)");
  auto by_default = lower_case();
  by_default.sources[0].default_sql = "'none'::text";
  link({by_default});
  EXPECT_EQ(after("INSERT INTO people (address) VALUES ('bob')"), "bob|bob");
  EXPECT_EQ(after("INSERT INTO people (email) VALUES ('Ann')"), "Ann|ann");
  EXPECT_EQ(after("INSERT INTO people DEFAULT VALUES"), "none|none");
}

TEST_F(SyncFunctionPgTest, ANullOnTheNewSideMayMeanJustThat) {
  db.exec(k_people);
  auto on_purpose = lower_case();
  on_purpose.null_means = SyncLink::NullMeans::null;
  link({on_purpose});
  EXPECT_EQ(after("INSERT INTO people (email) VALUES ('Ann')"), "Ann|ann");
  EXPECT_EQ(after("UPDATE people SET address = NULL"), "NULL|NULL");
}

TEST_F(SyncFunctionPgTest, WithoutAWayBackTheSourcesAreNeverWritten) {
  db.exec(k_people);
  auto one_way = lower_case();
  one_way.sources[0].expression.clear();
  link({one_way});
  EXPECT_EQ(after("INSERT INTO people (address) VALUES ('bob')"), "NULL|bob");
  EXPECT_EQ(after("UPDATE people SET address = 'cat'"), "NULL|cat");
  EXPECT_EQ(after("UPDATE people SET email = 'Dan'"), "Dan|dan");
}

// Retired columns follow, and never lead.
TEST_F(SyncFunctionPgTest, ARetiredSideFollowsOnly) {
  db.exec(k_people);
  auto link_ = lower_case();
  link({link_});
  db.exec("INSERT INTO people (email) VALUES ('Ann')");
  link_.flow = SyncLink::Flow::to_targets;
  relink({link_});
  EXPECT_EQ(after("UPDATE people SET email = 'Bob'"), "Bob|bob");
  EXPECT_EQ(after("INSERT INTO people (email) VALUES ('Cat')"), "Cat|cat");
  link_.flow = SyncLink::Flow::to_sources;
  relink({link_});
  EXPECT_EQ(after("UPDATE people SET address = 'dan'"), "dan|dan");
  EXPECT_EQ(after("INSERT INTO people (address) VALUES ('eve')"), "eve|eve");
}

// The second was stale when each had a trigger of its own.
TEST_F(SyncFunctionPgTest, WhatDerivesFromAWrittenBackColumnFollows) {
  db.exec("CREATE TABLE people (id serial PRIMARY KEY, email text, address text, domain text)");
  auto rename = lower_case();
  rename.targets[0].expression = "email";
  SyncLink derived;
  derived.key = "2";
  derived.sources = {{"email", "text", "", ""}};
  derived.targets = {{"domain", "text", "split_part(email, '@', 2)", ""}};
  link({rename, derived});
  db.exec("INSERT INTO people (address) VALUES ('ann@x')");
  EXPECT_EQ(db.value("SELECT concat_ws('|', email, address, domain) FROM people"), "ann@x|ann@x|x");
  db.exec("UPDATE people SET address = 'ann@y'");
  EXPECT_EQ(db.value("SELECT concat_ws('|', email, address, domain) FROM people"), "ann@y|ann@y|y");
}

TEST_F(SyncFunctionPgTest, SplitsAndMergesSeveralColumns) {
  db.exec(
      "CREATE TABLE people (id serial PRIMARY KEY, email text, address text, first text, last text, full_name text)");
  SyncLink split;
  split.key = "1";
  split.sources = {{"full_name", "text", "concat_ws(' ', first, last)", ""}};
  split.targets = {{"first", "text", "split_part(full_name, ' ', 1)", ""},
                   {"last", "text", "nullif(split_part(full_name, ' ', 2), '')", ""}};
  link({split});
  const auto names = [&](const std::string& sql) {
    db.exec(sql);
    return db.value("SELECT concat_ws('|', full_name, first, last) FROM people");
  };
  EXPECT_EQ(names("INSERT INTO people (full_name) VALUES ('Ann Lee')"), "Ann Lee|Ann|Lee");
  EXPECT_EQ(names("UPDATE people SET last = 'Ray'"), "Ann Ray|Ann|Ray");
  EXPECT_EQ(names("UPDATE people SET full_name = 'Bob Roe'"), "Bob Roe|Bob|Roe");
}

// IS DISTINCT FROM has no operator for json.
TEST_F(SyncFunctionPgTest, AnyTypeCanBeCompared) {
  db.exec("CREATE TABLE people (id serial PRIMARY KEY, old json, new jsonb, amount numeric(10,2), euros numeric)");
  SyncLink documents;
  documents.key = "1";
  documents.sources = {{"old", "json", "new::json", ""}};
  documents.targets = {{"new", "jsonb", "old::jsonb", ""}};
  SyncLink amounts;
  amounts.key = "2";
  amounts.sources = {{"amount", "numeric(10,2)", "euros", ""}};
  amounts.targets = {{"euros", "numeric", "amount", ""}};
  link({documents, amounts});
  db.exec("INSERT INTO people (old, euros) VALUES ('{\"a\":1}', 5)");
  EXPECT_EQ(db.value("SELECT concat_ws('|', old, new, amount, euros) FROM people"), R"({"a":1}|{"a": 1}|5.00|5)");
  db.exec("UPDATE people SET new = '{\"a\":2}', amount = 7.10");
  EXPECT_EQ(db.value("SELECT concat_ws('|', old, new, amount, euros) FROM people"), R"({"a": 2}|{"a": 2}|7.10|7.10)");
}

TEST_F(SyncFunctionPgTest, WhatCannotBeConvertedFailsOrStaysNull) {
  db.exec("CREATE TABLE people (id serial PRIMARY KEY, old text, new integer)");
  SyncLink numbers;
  numbers.key = "1";
  numbers.sources = {{"old", "text", "new::text", ""}};
  numbers.targets = {{"new", "integer", "old::integer", ""}};
  link({numbers});
  EXPECT_THROW(db.exec("INSERT INTO people (old) VALUES ('no number')"), PgError);
  numbers.on_error = SyncLink::OnError::null;
  relink({numbers});
  db.exec("INSERT INTO people (old) VALUES ('no number')");
  EXPECT_EQ(db.value("SELECT old || coalesce(new::text, ' NULL') FROM people"), "no number NULL");
}

// An explicit cast would cut it, and nobody would notice.
TEST_F(SyncFunctionPgTest, WhatIsTooLongIsRefusedAndNotCut) {
  db.exec("CREATE TABLE people (id serial PRIMARY KEY, old text, new varchar(3))");
  SyncLink shorter;
  shorter.key = "1";
  shorter.sources = {{"old", "text", "new", ""}};
  shorter.targets = {{"new", "character varying(3)", "old", ""}};
  link({shorter});
  EXPECT_THROW(db.exec("INSERT INTO people (old) VALUES ('four')"), PgError);
  db.exec("INSERT INTO people (old) VALUES ('abc')");
  EXPECT_EQ(db.value("SELECT new FROM people"), "abc");
}

TEST_F(SyncFunctionPgTest, NamesAreQuoted) {
  db.exec(R"(CREATE SCHEMA "Ä"; CREATE TABLE "Ä"."Order" ("select" text, "O'Brien ""x""" text, "$pgphase$" int))");
  table_.table = {"Ä", "Order"};
  SyncLink odd;
  odd.key = "it's";
  odd.sources = {{"select", "text", R"("Order"."O'Brien ""x""")", ""}};
  odd.targets = {{"O'Brien \"x\"", "text", R"("select")", ""}};
  link({odd});
  db.exec(R"(INSERT INTO "Ä"."Order" ("select") VALUES ('a'))");
  EXPECT_EQ(db.value(R"(SELECT "O'Brien ""x""" FROM "Ä"."Order")"), "a");
  db.exec(R"(UPDATE "Ä"."Order" SET "O'Brien ""x""" = 'b')");
  EXPECT_EQ(db.value(R"(SELECT "select" FROM "Ä"."Order")"), "b");
}

TEST_F(SyncFunctionPgTest, AColumnMayBeCalledAsAVariableIs) {
  db.exec("CREATE TABLE people (id serial PRIMARY KEY, letters text, lead_1 text)");
  SyncLink link_;
  link_.key = "1";
  link_.sources = {{"letters", "text", "lead_1", ""}};
  link_.targets = {{"lead_1", "text", "upper(letters)", ""}};
  link({link_});
  db.exec("INSERT INTO people (letters) VALUES ('a')");
  EXPECT_EQ(db.value("SELECT letters || lead_1 FROM people"), "aA");
}

// A row that moves to another partition is deleted here and inserted there.
TEST_F(SyncFunctionPgTest, RowsOfPartitionsAreInStepTooWhereverTheyMove) {
  db.exec(
      "CREATE TABLE people (id int, email text, address text) PARTITION BY RANGE (id);"
      "CREATE TABLE p1 PARTITION OF people FOR VALUES FROM (0) TO (10);"
      "CREATE TABLE p2 PARTITION OF people FOR VALUES FROM (10) TO (20)");
  link({lower_case()});
  EXPECT_EQ(after("INSERT INTO people (id, email) VALUES (1, 'Ann')"), "Ann|ann");
  EXPECT_EQ(after("UPDATE people SET id = 11"), "Ann|ann");
  EXPECT_EQ(after("UPDATE people SET id = 2, email = 'Bob'"), "Bob|bob");
  EXPECT_EQ(after("INSERT INTO p2 (id, address) VALUES (12, 'cat')"), "cat|cat");
}

TEST_F(SyncFunctionPgTest, OneUpdateWithinAnotherKeepsItsMemoryApart) {
  db.exec(k_people);
  link({lower_case()});
  db.exec("INSERT INTO people (email) VALUES ('Ann'), ('Bob')");
  db.exec(
      "CREATE FUNCTION touch_others() RETURNS trigger LANGUAGE plpgsql AS 'BEGIN IF pg_trigger_depth() = 1 THEN UPDATE "
      "people "
      "SET address = ''via'' WHERE id <> NEW.id; END IF; RETURN NEW; END';"
      "CREATE TRIGGER touch_others BEFORE UPDATE ON people FOR EACH ROW EXECUTE FUNCTION touch_others()");
  db.exec("UPDATE people SET email = 'Cat' WHERE id = 1");
  EXPECT_EQ(db.value("SELECT string_agg(email || '|' || address, ' ' ORDER BY id) FROM people"), "Cat|cat via|via");
}

}  // namespace
}  // namespace pgphase::testing
