#include "phases/catalogue/compare.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <boost/json.hpp>

#include "phases/catalogue/snapshot_json.hpp"

namespace pgphase {
namespace {

using Kind = Difference::Kind;
using ::testing::ElementsAre;
using ::testing::IsEmpty;

// A table with two columns, an index and a primary key, and a sequence of its own.
Snapshot tasks() {
  Snapshot snapshot;
  snapshot.objects = {
      {{"table", "public.tasks"}, {{"owner", "app"}}},
      {{"column", "public.tasks.id"}, {{"table", "public.tasks"}, {"type", "integer"}, {"place", "1"}}},
      {{"column", "public.tasks.priority"},
       {{"table", "public.tasks"}, {"type", "smallint"}, {"default", "5"}, {"place", "2"}}},
      {{"constraint", "public.tasks.tasks_pkey"}, {{"table", "public.tasks"}, {"definition", "PRIMARY KEY (id)"}}},
      {{"index", "public.tasks_pkey"}, {{"table", "public.tasks"}, {"definition", "…"}}},
      {{"index", "public.idx_x"}, {{"table", "public.tasks"}, {"definition", "…"}}},
      {{"sequence", "public.tasks_id_seq"}, {{"table", "public.tasks"}, {"owned by", "public.tasks.id"}}},
  };
  return snapshot;
}

std::vector<std::string> words(const Snapshot& before, const Snapshot& after) {
  std::vector<std::string> all;
  for (const auto& difference : compare(before, after)) all.push_back(in_words(difference));
  return all;
}

TEST(Compare, FindsNothingBetweenASnapshotAndItself) {
  EXPECT_THAT(compare(tasks(), tasks()), IsEmpty());
}

TEST(Compare, NamesTheFactThatChanged) {
  auto after = tasks();
  after.objects[{"column", "public.tasks.priority"}]["default"] = "6";
  EXPECT_THAT(
      compare(tasks(), after),
      ElementsAre(Difference{Kind::changed, {"column", "public.tasks.priority"}, "default", "5", "6", "public.tasks"}));
  EXPECT_THAT(words(tasks(), after), ElementsAre("column tasks.priority: default was 5, is 6"));
}

TEST(Compare, AFactThatCameOrWent) {
  auto after = tasks();
  after.objects[{"column", "public.tasks.priority"}].erase("default");
  EXPECT_THAT(words(tasks(), after), ElementsAre("column tasks.priority: default was 5, is none"));
  EXPECT_THAT(words(after, tasks()), ElementsAre("column tasks.priority: default was none, is 5"));
}

TEST(Compare, AnObjectThatCameOrWent) {
  auto after = tasks();
  after.objects.erase({"index", "public.idx_x"});
  EXPECT_THAT(words(tasks(), after), ElementsAre("index idx_x on tasks is missing"));
  EXPECT_THAT(words(after, tasks()), ElementsAre("index idx_x on tasks was not there before"));
}

// As numbers are given out for good, only going back is a difference.
TEST(Compare, ASequenceMayGoOnButNotBack) {
  const auto at = [](std::int64_t last, bool called, bool ascends = true) {
    auto snapshot = tasks();
    snapshot.sequences[{"public", "tasks_id_seq"}] = {last, called, ascends};
    return snapshot;
  };
  EXPECT_THAT(words(at(10, true), at(10, true)), IsEmpty());
  EXPECT_THAT(words(at(10, true), at(500, true)), IsEmpty());
  EXPECT_THAT(words(at(10, true), at(11, false)), IsEmpty());
  EXPECT_THAT(words(at(10, false), at(3, true)), IsEmpty());  // had given out none
  EXPECT_THAT(words(at(-3, true, false), at(-9, true, false)), IsEmpty());
  EXPECT_THAT(words(at(10, true), tasks()), IsEmpty());  // may not be read any more
  EXPECT_THAT(
      words(at(10, true), at(9, true)),
      ElementsAre("sequence tasks_id_seq on tasks has gone back from 10 to 9: it would give out numbers again"));
  EXPECT_THAT(
      words(at(10, true), at(10, false)),
      ElementsAre("sequence tasks_id_seq on tasks has gone back from 10 to its start: it would give out numbers "
                  "again"));
  EXPECT_THAT(
      words(at(-9, true, false), at(-3, true, false)),
      ElementsAre("sequence tasks_id_seq on tasks has gone back from -9 to -3: it would give out numbers again"));
}

TEST(Compare, SchemasOtherThanPublicAreNamed) {
  Snapshot after;
  after.objects = {{{"index", "app.idx_x"}, {{"table", "app.tasks"}}}, {{"enum", "app.mood"}, {}}};
  EXPECT_THAT(words({}, after),
              ElementsAre("enum app.mood was not there before", "index app.idx_x on app.tasks was not there before"));
}

TEST(Compare, OfATableThatWentOnlyTheTableIsTold) {
  EXPECT_THAT(words(tasks(), {}), ElementsAre("table tasks is missing"));
  EXPECT_THAT(words({}, tasks()), ElementsAre("table tasks was not there before"));
}

TEST(Compare, AConstraintTakesItsIndexAlongAndAColumnItsSequence) {
  auto after = tasks();
  after.objects.erase({"constraint", "public.tasks.tasks_pkey"});
  after.objects.erase({"index", "public.tasks_pkey"});
  after.objects.erase({"sequence", "public.tasks_id_seq"});
  after.objects.erase({"column", "public.tasks.id"});
  EXPECT_THAT(words(tasks(), after),
              ElementsAre("column tasks.id is missing", "constraint tasks_pkey on tasks is missing"));
}

// It became the index of a constraint: that alone is told.
TEST(Compare, AnIndexThatStaysWhenItsConstraintGoesIsNotTold) {
  auto after = tasks();
  after.objects.erase({"constraint", "public.tasks.tasks_pkey"});
  EXPECT_THAT(words(tasks(), after), ElementsAre("constraint tasks_pkey on tasks is missing"));
}

TEST(Compare, ADroppedColumnMovesTheOthersAndThatIsNotTold) {
  auto after = tasks();
  after.objects.erase({"column", "public.tasks.id"});
  after.objects.erase({"sequence", "public.tasks_id_seq"});
  after.objects[{"column", "public.tasks.priority"}]["place"] = "1";
  EXPECT_THAT(words(tasks(), after), ElementsAre("column tasks.id is missing"));
}

TEST(Compare, ColumnsThatChangedPlaces) {
  auto after = tasks();
  after.objects[{"column", "public.tasks.priority"}]["place"] = "1";
  after.objects[{"column", "public.tasks.id"}]["place"] = "2";
  EXPECT_THAT(words(tasks(), after), ElementsAre("table tasks: order of columns was id, priority, is priority, id"));
}

Snapshot partitioned(const std::string& type) {
  Snapshot snapshot;
  for (const std::string table : {"public.events", "public.events_1", "public.events_2"}) {
    snapshot.objects[{"table", table}] = {};
    if (table != "public.events") snapshot.objects[{"table", table}]["partition of"] = "public.events";
    if (!type.empty()) snapshot.objects[{"column", table + ".what"}] = {{"table", table}, {"type", type}};
  }
  return snapshot;
}

TEST(Compare, WhatHappensInEveryPartitionIsToldOnce) {
  EXPECT_THAT(words(partitioned("text"), partitioned("date")),
              ElementsAre("column events.what: type was text, is date"));
  EXPECT_THAT(words(partitioned("text"), partitioned("")), ElementsAre("column events.what is missing"));
}

TEST(Compare, WhatHappensInOnePartitionIsTold) {
  auto after = partitioned("text");
  after.objects[{"column", "public.events_2.what"}]["default"] = "''::text";
  EXPECT_THAT(words(partitioned("text"), after), ElementsAre("column events_2.what: default was none, is ''::text"));
}

TEST(Compare, RowsThatDiffer) {
  auto before = tasks(), after = tasks();
  before.rows[{"public", "tasks"}] = {10, "123"};
  after.rows[{"public", "tasks"}] = {9, "122"};
  EXPECT_THAT(words(before, after), ElementsAre("rows of tasks differ: 10 rows before, 9 now"));
  after.rows[{"public", "tasks"}] = {10, "124"};
  EXPECT_THAT(words(before, after),
              ElementsAre("rows of tasks differ: as many as before, but not with the same values"));
  after.rows[{"public", "tasks"}] = {10, "123"};
  EXPECT_THAT(words(before, after), IsEmpty());
}

TEST(Compare, RowsThatOnlyOneSideHasReadAreNotCompared) {
  auto before = tasks();
  before.rows[{"public", "tasks"}] = {10, "123"};
  EXPECT_THAT(words(before, tasks()), IsEmpty());
}

TEST(Compare, TellsDifferencesTableByTable) {
  Snapshot after;
  after.objects = {{{"column", "public.b.x"}, {{"table", "public.b"}}},
                   {{"index", "public.a_idx"}, {{"table", "public.a"}}},
                   {{"index", "public.b_idx"}, {{"table", "public.b"}}},
                   {{"column", "public.a.x"}, {{"table", "public.a"}}}};
  EXPECT_THAT(words({}, after),
              ElementsAre("column a.x was not there before", "index a_idx on a was not there before",
                          "column b.x was not there before", "index b_idx on b was not there before"));
}

TEST(InWords, ALongTextIsShownWhereItDiffers) {
  const std::string front(200, 'a'), back(200, 'z');
  const Difference difference{Kind::changed,      {"view", "public.v"}, "definition",
                              front + "1" + back, front + "2" + back,   "public.v"};
  const auto words = in_words(difference);
  EXPECT_NE(words.find("was …aaaaaaaaaaaaaaaaaaaa1zz"), std::string::npos) << words;
  EXPECT_NE(words.find("is …aaaaaaaaaaaaaaaaaaaa2zz"), std::string::npos) << words;
  EXPECT_LT(words.size(), 250U);
}

TEST(InWords, ALongTextIsCutBetweenCharacters) {
  std::string umlauts;
  for (int i = 0; i < 200; ++i) umlauts += "ü";
  const Difference difference{Kind::changed, {"table", "public.t"}, "comment", umlauts, "x" + umlauts, "public.t"};
  for (const auto& part : {in_words(difference)}) {
    // Every byte that goes on with a character comes after one that begins it, or it is no UTF-8.
    EXPECT_EQ(part.find("…\xBC"), std::string::npos) << part;
    EXPECT_EQ(part.find("\xC3…"), std::string::npos) << part;
  }
}

TEST(InWords, IsOneLine) {
  const Difference difference{Kind::changed, {"function", "public.f()"}, "body", "a\n  b", "a\n  c", ""};
  EXPECT_EQ(in_words(difference), "function f(): body was a b, is a c");
  const Difference blanks{Kind::changed, {"function", "public.f()"}, "body", "a\n  b", "a b", ""};
  EXPECT_EQ(in_words(blanks), "function f(): body differs in its white space");
}

TEST(InWords, WhatItMeansThatAGrantIsNotThere) {
  Difference difference{Kind::changed, {"function", "public.f()"}, "grants to PUBLIC", "", "none", ""};
  EXPECT_EQ(in_words(difference), "function f(): grants to PUBLIC was the default, is none");
  difference.fact = "grants to reader";
  difference.is = "EXECUTE";
  EXPECT_EQ(in_words(difference), "function f(): grants to reader was none, is EXECUTE");
}

TEST(ToJson, HasWordsAndParts) {
  auto after = tasks();
  after.objects.erase({"index", "public.idx_x"});
  EXPECT_EQ(
      to_json(compare(tasks(), after)),
      boost::json::parse(R"([{"difference": "missing", "kind": "index", "name": "public.idx_x", "table": "public.tasks",
                                    "fact": null, "was": null, "is": null, "words": "index idx_x on tasks is missing"}])"));
}

TEST(SnapshotJson, ComesBackWithoutRows) {
  auto snapshot = tasks();
  snapshot.rows[{"public", "tasks"}] = {10, "123"};
  const auto read = snapshot_from_json(to_json_text(snapshot));
  ASSERT_TRUE(read) << read.error().text();
  EXPECT_EQ(*read, tasks());
}

TEST(SnapshotJson, RefusesWhatItDoesNotKnow) {
  for (const auto* text :
       {"", "[]", "{}", R"({"format": 2, "objects": {}})", R"({"format": 1})",
        R"({"format": 1, "objects": {"table": 1}})", R"({"format": 1, "objects": {"table": {"t": {"a": 1}}}})"}) {
    const auto read = snapshot_from_json(text);
    ASSERT_FALSE(read) << text;
    EXPECT_EQ(read.error().code, Errc::refused);
  }
  EXPECT_TRUE(snapshot_from_json(R"({"format": 1, "objects": {"table": {"t": {"a": "1"}}}})"));
}

}  // namespace
}  // namespace pgphase
