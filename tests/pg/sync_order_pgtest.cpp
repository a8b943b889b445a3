// A trigger of the user's that fires outside the pair that keeps columns in step is named, before the pair is made and
// again before each phase.
#include "phases/sync/order.hpp"

#include "phases/sync/links.hpp"
#include "phases/sync/new_columns.hpp"
#include "tests/pg/retire_fixture.hpp"

namespace pgphase::testing {
namespace {

using ::testing::Contains;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::SizeIs;

class SyncOrderPgTest : public RetirePgTest {
 protected:
  SyncOrderPgTest() {
    db_.exec(
        "CREATE TABLE people (id serial PRIMARY KEY, email text);"
        "CREATE FUNCTION f() RETURNS trigger LANGUAGE plpgsql AS 'BEGIN NEW := jsonb_populate_record(NEW, "
        "jsonb_build_object(''email'', upper(NEW.email))); RETURN NEW; END'");
  }
  void trigger(const std::string& name, const std::string& when = "BEFORE INSERT OR UPDATE",
               const std::string& row = "FOR EACH ROW", const std::string& table = "people") {
    db_.exec("CREATE TRIGGER \"" + name + "\" " + when + " ON " + table + " " + row + " EXECUTE FUNCTION f()");
  }
  std::vector<StrayTrigger> strays(const std::string& table = "people") {
    return stray_triggers(*session_, {"public", table}).value();
  }
  static LinkColumnsBody k_link() { return link("people", "email", "address", "text", "email", "address"); }
  std::string rows() { return db_.value("SELECT count(*) FROM people WHERE address IS DISTINCT FROM email"); }
};

TEST_F(SyncOrderPgTest, WhatSortsBetweenThemIsNone) {
  for (const auto* name : {"a", "Z", "_x", "zzz", "0", "#", "!q", "~a", "{}"}) trigger(name);
  EXPECT_THAT(strays(), IsEmpty());
  forward(k_link());
  EXPECT_THAT(strays(), IsEmpty()) << "nor are the two themselves";
  db_.exec("INSERT INTO people (email) VALUES ('ann'); INSERT INTO people (address) VALUES ('bob')");
  EXPECT_EQ(rows(), "0");
}

TEST_F(SyncOrderPgTest, WhatNeverChangesARowBeforeItIsWrittenIsNone) {
  trigger("ä1", "AFTER INSERT OR UPDATE");
  trigger("ä2", "BEFORE DELETE");
  trigger("ä3", "BEFORE INSERT", "FOR EACH STATEMENT");
  trigger("ä4");
  db_.exec("ALTER TABLE people DISABLE TRIGGER \"ä4\"");
  EXPECT_THAT(strays(), IsEmpty());
}

TEST_F(SyncOrderPgTest, WhatSortsOutsideIsRefusedAndTheStatementThatItNamesPutsItBetween) {
  for (const std::string name : {"ändern", "жук", "~zz", "!aa", " first", "触发"}) {
    trigger(name);
    ASSERT_THAT(strays(), SizeIs(1)) << name;
    EXPECT_THAT(obstacles_to_linking(*session_, k_link()).value(), Contains(HasSubstr("trigger \"" + name + "\" of")));
    const auto error = refused_forward(k_link());
    EXPECT_EQ(error.code, Errc::refused);
    EXPECT_THAT(error.message, HasSubstr("byte order of their names"));
    db_.exec(strays()[0].rename);
    EXPECT_THAT(strays(), IsEmpty()) << name;
  }
  forward(k_link());
  db_.exec("INSERT INTO people (email) VALUES ('ann'); INSERT INTO people (address) VALUES ('bob')");
  EXPECT_EQ(rows(), "0");
}

TEST_F(SyncOrderPgTest, ATriggerOfAPartitionAloneIsFoundAndItsCopiesAreNot) {
  db_.exec(
      "CREATE TABLE events (day integer, email text) PARTITION BY RANGE (day);"
      "CREATE TABLE events_1 PARTITION OF events FOR VALUES FROM (0) TO (10)");
  trigger("ä", "BEFORE INSERT", "FOR EACH ROW", "events");
  EXPECT_THAT(strays("events"), SizeIs(1));
  trigger("ö", "BEFORE INSERT", "FOR EACH ROW", "events_1");
  ASSERT_THAT(strays("events"), SizeIs(2));
  EXPECT_THAT(strays("events")[1].rename, HasSubstr("ALTER TRIGGER \"ö\" ON public.events_1 RENAME TO \"z_ö\""));
}

TEST_F(SyncOrderPgTest, OneThatSomebodyMakesMeanwhileHoldsUpTheNextPhase) {
  forward(k_link());
  ASSERT_TRUE(links_must_be_in_order(*session_, PlanId{"007_things"}));
  trigger("ändern");
  db_.exec("INSERT INTO people (email) VALUES ('ann')");
  EXPECT_EQ(rows(), "1") << "it fires behind the pair";
  const auto refused = links_must_be_in_order(*session_, PlanId{"007_things"});
  ASSERT_FALSE(refused);
  EXPECT_EQ(refused.error().code, Errc::refused);
  EXPECT_THAT(refused.error().message, HasSubstr("trigger \"ändern\" of people fires behind"));
  const auto next = refused.error().next;
  const auto from = next.find('`') + 1;
  db_.exec(next.substr(from, next.find('`', from) - from));
  EXPECT_TRUE(links_must_be_in_order(*session_, PlanId{"007_things"}));
}

}  // namespace
}  // namespace pgphase::testing
