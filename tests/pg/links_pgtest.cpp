// The step that adds columns and keeps them in step: what it refuses before it touches anything, and what holds from
// the instant of its commit on.
#include "phases/sync/links.hpp"

#include <atomic>
#include <thread>

#include "tests/pg/retire_fixture.hpp"
#include "tests/support/process.hpp"

namespace pgphase::testing {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::SizeIs;

class LinksPgTest : public RetirePgTest {
 protected:
  LinksPgTest() {
    db_.exec(
        "CREATE TABLE people (id serial PRIMARY KEY, email text, n integer);"
        "INSERT INTO people (email) SELECT 'Person ' || i FROM generate_series(1, 100) i");
  }
  static LinkColumnsBody lower_case(const std::string& up = "lower(email)", const std::string& down = "address") {
    return link("people", "email", "address", "text", up, down);
  }
  std::vector<std::string> faults() { return faults_of_sync(*session_, {"public", "people"}).value(); }
  std::string rows() { return db_.value("SELECT count(*) FROM people WHERE address IS DISTINCT FROM lower(email)"); }
};

TEST_F(LinksPgTest, ATypoInAnExpressionIsFoundBeforeTheTableIsTouched) {
  for (const auto& body : {lower_case("lowr(email)"), lower_case("lower(email)", "upper(adress)"),
                           lower_case("email + 1"), lower_case("lower(email)", "email || address || nobody")}) {
    const auto error = refused_forward(body);
    EXPECT_EQ(error.code, Errc::step_failed);
    EXPECT_THAT(error.message, HasSubstr("an expression of the plan is not possible"));
  }
}

// A function that names a column which is not there fails every write, so that none is ever made.
TEST_F(LinksPgTest, AColumnThatWasRenamedIsNamedAndNoFunctionIsMadeWithoutIt) {
  forward(lower_case());
  db_.exec("ALTER TABLE people RENAME COLUMN email TO mail");
  EXPECT_THAT(columns_out_of_reach(*session_, {"public", "people"}).value(),
              ElementsAre(HasSubstr("column email of table people, which 007_things keeps in step, has been dropped or "
                                    "renamed")));
  EXPECT_THAT(links_must_be_in_order(*session_, PlanId{"007_things"}).error().next, HasSubstr("RENAME COLUMN"));
  EXPECT_THAT(refused_back(lower_case()).message, HasSubstr("column email of table people"));
  db_.exec("ALTER TABLE people RENAME COLUMN mail TO email");
  EXPECT_THAT(columns_out_of_reach(*session_, {"public", "people"}).value(), IsEmpty());
  back(lower_case());
}

// As on_error = "reject" says of columns that somebody sees.
TEST_F(LinksPgTest, ARetiredTargetFailsNoStatement) {
  db_.exec("UPDATE people SET email = id");
  const auto numbers = lower_case("email::integer", "address::text");
  forward(numbers);
  EXPECT_EQ(sqlstate_of("INSERT INTO people (email) VALUES ('no number')"), "22P02");
  back(numbers);
  EXPECT_EQ(sqlstate_of("INSERT INTO people (email) VALUES ('no number')"), "");
}

TEST_F(LinksPgTest, AColumnOfAnotherTypeIsNamed) {
  forward(lower_case());
  db_.exec("ALTER TABLE people ALTER COLUMN email TYPE varchar(80)");
  EXPECT_THAT(columns_out_of_reach(*session_, {"public", "people"}).value(),
              ElementsAre(HasSubstr("is a character varying(80) now and was a text")));
}

TEST_F(LinksPgTest, AGeneratedSourceIsRefusedWithTheWayAround) {
  db_.exec("ALTER TABLE people ADD shout text GENERATED ALWAYS AS (upper(email)) STORED");
  const auto error = refused_forward(link("people", "shout", "quiet", "text", "lower(shout)"));
  EXPECT_EQ(error.code, Errc::refused);
  EXPECT_THAT(error.message, HasSubstr("column shout of table people is generated"));
  EXPECT_THAT(error.next, HasSubstr("derive the new column from what the generated one is made of"));
}

// PostgreSQL refuses it with 0A000 at the first write that moves a row.
TEST_F(LinksPgTest, AWayBackIntoAPartitionKeyIsRefusedWithTheWayAround) {
  db_.exec(
      "CREATE TABLE events (day integer, n integer) PARTITION BY RANGE ((day + 1));"
      "CREATE TABLE events_1 PARTITION OF events FOR VALUES FROM (0) TO (10);"
      "CREATE TABLE events_2 PARTITION OF events FOR VALUES FROM (10) TO (20)");
  for (const auto* table : {"events", "events_1"}) {
    const auto error = refused_forward(link(table, "day", "date", "text", "day::text", "date::integer"));
    EXPECT_EQ(error.code, Errc::refused);
    EXPECT_THAT(error.message, HasSubstr("part of a partition key"));
    EXPECT_THAT(error.next, HasSubstr("leave the way back (`down`) to it away"));
  }
  const auto one_way = link("events", "day", "date", "text", "day::text");
  forward(one_way);
  db_.exec("INSERT INTO events (day) VALUES (3); UPDATE events SET day = 15");
  EXPECT_EQ(db_.value("SELECT date FROM events_2"), "15");
}

TEST_F(LinksPgTest, ADefaultThatIsAnotherOneForEachRowIsRefusedWhereItWouldBeWrittenBack) {
  db_.exec("ALTER TABLE people ALTER email SET DEFAULT gen_random_uuid()::text");
  const auto error = refused_forward(lower_case());
  EXPECT_EQ(error.code, Errc::refused);
  EXPECT_THAT(error.message, HasSubstr("another one for each row ((gen_random_uuid"));
  forward(lower_case("lower(email)", ""));
  db_.exec("INSERT INTO people DEFAULT VALUES");
  EXPECT_EQ(db_.value("SELECT address = email FROM people ORDER BY id DESC LIMIT 1"), "t");
}

// A default would be taken for a value that the writer has given.
TEST_F(LinksPgTest, WhileItIsKeptInStepTheNewColumnHasNoDefault) {
  forward(lower_case());
  EXPECT_EQ(db_.value("SELECT atthasdef FROM pg_attribute WHERE attrelid = 'people'::regclass AND attname = 'address'"),
            "f");
}

TEST_F(LinksPgTest, NoRowIsWrittenBetweenTheColumnAndItsTriggers) {
  std::atomic<bool> stop{false};
  std::atomic<int> written{0}, without{0};
  std::thread writer([&] {
    auto client = db_.client();
    while (!stop) {
      // As a writer of the old schema, who does not know whether the column is there.
      const auto row = client.value(
          "INSERT INTO people (email) VALUES ('Ann') RETURNING coalesce((to_jsonb(people) -> 'address')::text, '-')");
      if (row == "null") ++without;
      ++written;
    }
  });
  for (int round = 0; round < 5; ++round) {
    for (const bool there : {true, false}) {
      const auto so_far = written.load();
      eventually([&] { return written > so_far + 20; });
      there ? forward(lower_case()) : back(lower_case());
    }
  }
  stop = true;
  writer.join();
  EXPECT_EQ(without, 0);
  forward(lower_case());
  fill(lower_case());
  EXPECT_EQ(rows(), "0");
}

TEST_F(LinksPgTest, AnIdentityMayBeASourceButNotBeWrittenBackTo) {
  db_.exec("ALTER TABLE people ADD number integer GENERATED ALWAYS AS IDENTITY");
  const auto error =
      refused_forward(link("people", "number", "code", "text", "'no-' || number", "substr(code, 4)::int"));
  EXPECT_EQ(error.code, Errc::refused);
  EXPECT_THAT(error.message, HasSubstr("another one for each row"));
  const auto one_way = link("people", "number", "code", "text", "'no-' || number");
  forward(one_way);
  EXPECT_EQ(db_.value("INSERT INTO people (email) VALUES ('Ann') RETURNING code"), "no-101");
  EXPECT_EQ(fill(one_way), 100);
}

TEST_F(LinksPgTest, SeveralLinksOfOneTableAreOneFunctionAndTwoTriggers) {
  const auto twice = link("people", "n", "twice", "integer", "n * 2", "twice / 2");
  forward(lower_case());
  forward(twice);
  EXPECT_EQ(db_.value("SELECT count(*) || ' ' || count(DISTINCT tgfoid) FROM pg_trigger WHERE tgname ~ 'pgphase_sync'"),
            "2 1");
  db_.exec("INSERT INTO people (address, twice) VALUES ('bob', 8)");
  EXPECT_EQ(db_.value("SELECT email || n FROM people ORDER BY id DESC LIMIT 1"), "bob4");
  db_.exec("TRUNCATE people");
  EXPECT_EQ(back(twice), "dropped: the table holds no row");
  EXPECT_EQ(back(lower_case()), "dropped: the table holds no row");
  EXPECT_EQ(db_.value("SELECT count(*) FROM pg_trigger WHERE tgname ~ 'pgphase'"), "0");
  EXPECT_EQ(db_.value("SELECT count(*) FROM pg_proc WHERE proname ~ '^sync_'"), "0");
}

TEST_F(LinksPgTest, ATriggerThatSomebodyHasTurnedOffOrDroppedIsFound) {
  forward(lower_case());
  EXPECT_THAT(faults(), IsEmpty());
  db_.exec("ALTER TABLE people DISABLE TRIGGER ALL");
  EXPECT_THAT(faults(), ElementsAre("the trigger !pgphase_sync of people is disabled",
                                    "the trigger ~pgphase_sync of people is disabled"));
  db_.exec("ALTER TABLE people ENABLE TRIGGER ALL");
  EXPECT_THAT(faults(), SizeIs(2)) << "replication's apply does not fire them";
  const auto refused = links_must_be_in_order(*session_, PlanId{"007_things"});
  ASSERT_FALSE(refused);
  EXPECT_EQ(refused.error().code, Errc::refused);
  EXPECT_THAT(refused.error().next, HasSubstr("ENABLE ALWAYS TRIGGER"));
  db_.exec("DROP TRIGGER \"~pgphase_sync\" ON people; ALTER TABLE people ENABLE ALWAYS TRIGGER \"!pgphase_sync\"");
  EXPECT_THAT(faults(), ElementsAre("the trigger ~pgphase_sync of people is gone"));
  // The way back and forward again makes them anew.
  back(lower_case());
  forward(lower_case());
  EXPECT_THAT(faults(), IsEmpty());
  EXPECT_TRUE(links_must_be_in_order(*session_, PlanId{"007_things"}));
}

TEST_F(LinksPgTest, TheStatementThatTheRefusalNamesPutsThemInOrder) {
  forward(lower_case());
  db_.exec("ALTER TABLE people DISABLE TRIGGER ALL");
  const auto next = links_must_be_in_order(*session_, PlanId{"007_things"}).error().next;
  const auto from = next.find('`') + 1;
  db_.exec(next.substr(from, next.find('`', from) - from));
  EXPECT_THAT(faults(), IsEmpty());
}

TEST_F(LinksPgTest, TheRefusalOfAWayBackNamesWhatMendsItAndTheWordForAnIncident) {
  forward(lower_case());
  db_.exec(
      "ALTER TABLE people DISABLE TRIGGER ALL; INSERT INTO people (address) VALUES ('new'); ALTER TABLE people "
      "ENABLE TRIGGER ALL");
  const auto error = links_must_be_in_order(*session_, PlanId{"007_things"}, Direction::back).error();
  EXPECT_EQ(error.code, Errc::refused);
  EXPECT_THAT(error.next, HasSubstr("--lose-data"));
  std::vector<std::string> commands;
  for (auto from = error.next.find('`'); from != std::string::npos; from = error.next.find('`', from + 1)) {
    const auto end = error.next.find('`', from + 1);
    commands.push_back(error.next.substr(from + 1, end - from - 1));
    from = end;
  }
  ASSERT_EQ(commands.size(), 2U);
  db_.exec(commands[0]);
  EXPECT_THAT(faults(), IsEmpty());
  EXPECT_EQ(db_.value("SELECT count(*) FROM (" + commands[1] + ") x WHERE address = 'new'"), "1");
}

// Code that knows nothing of the plan is alone again: what it writes need not mean anything to a column that was
// retired.
TEST_F(LinksPgTest, ARetiredColumnRefusesNothing) {
  db_.exec(
      "UPDATE people SET email = id; CREATE FUNCTION strict(text) RETURNS integer LANGUAGE plpgsql AS "
      "$$BEGIN IF $1 = 'raise' THEN RAISE 'no'; END IF; RETURN $1::integer; END$$");
  const auto number = link("people", "email", "number", "integer", "strict(email)", "number::text");
  const auto write = [this](const std::string& email) {
    db_.exec("INSERT INTO people (email) VALUES (" + email + ")");
    db_.exec("UPDATE people SET email = " + email + " WHERE id = 1");
  };
  forward(number);
  EXPECT_ANY_THROW(write("'xyz'")) << "on_error is to reject";
  for (int round = 0; round < 2; ++round) {
    back(number);
    write("'xyz'");
    write("'raise'");
    write("'17'");
    forward(number);
    EXPECT_ANY_THROW(write("'xyz'")) << "and is again when the column is back";
  }
  EXPECT_EQ(db_.value("SELECT number FROM people WHERE id = 1"), "17") << "it has followed";
  EXPECT_EQ(db_.value("SELECT count(*) FROM people WHERE email = 'xyz' AND number IS NULL"), "2");
}

}  // namespace
}  // namespace pgphase::testing
