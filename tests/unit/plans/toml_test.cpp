#include <gmock/gmock.h>

#include <fstream>

#include "plans/toml/parse.hpp"
#include "plans/toml/reader.hpp"
#include "tests/support/temp_dir.hpp"

namespace pgphase {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;

std::string why_not(std::string_view text) {
  const auto document = parse_toml(text, "p.toml");
  return document ? "" : render(document.error());
}

TEST(TomlTest, KeepsTheOrderOfTheFileAndThePlaceOfEachKeyAndValue) {
  const auto document = parse_toml("# é\nb = 1\na = \"x\"\n[[t]]\nk = [true, 2.5]\n", "p.toml");
  ASSERT_TRUE(document);
  const auto& entries = document->root.entries;
  ASSERT_EQ(entries.size(), 3U);
  EXPECT_EQ(entries[0].key, "b");
  EXPECT_EQ(entries[1].key, "a");
  EXPECT_EQ(entries[1].at, (Position{3, 1}));
  EXPECT_EQ(entries[1].value.at, (Position{3, 5}));
  const auto& items = std::get<std::vector<Value>>(entries[2].value.data);
  EXPECT_EQ(std::get<Table>(items[0].data).at.line, 4);
}

TEST(TomlTest, PointsAtWhatIsNotToml) {
  EXPECT_EQ(why_not("a = 1\nb = = 2\n").substr(0, 16), "p.toml:2:5: erro");
  EXPECT_THAT(why_not("a = \"x"), HasSubstr("p.toml:1:"));
  EXPECT_THAT(why_not("a = 1\na = 2"), HasSubstr("cannot redefine"));
}

TEST(TomlTest, RefusesFilesThatAreNoPlans) {
  EXPECT_THAT(why_not(""), HasSubstr("p.toml: error: the file is empty"));
  EXPECT_THAT(why_not(" \n\t\n"), HasSubstr("the file is empty"));
  EXPECT_THAT(why_not("a = 1\nb = \"\xff\"\n"), HasSubstr("p.toml:2:5: error: the file is not UTF-8 here"));
  EXPECT_THAT(why_not(std::string_view("a = 1\n\0b = 2", 13)),
              HasSubstr("p.toml:2:1: error: the line holds a NUL byte"));
  EXPECT_THAT(why_not("a = [\"x\\u0000y\"]"), HasSubstr("holds a NUL character"));
  EXPECT_THAT(why_not(std::string(10 << 20, 'a')), HasSubstr("has 10485760 bytes; more than 1MiB is refused"));
  EXPECT_THAT(why_not("a = " + std::string(100'000, '[')), HasSubstr("not valid TOML"));
}

std::string dotted(std::string_view part, int parts) {
  std::string key(part);
  for (int i = 1; i < parts; ++i) key += "." + std::string(part);
  return key;
}

TEST(TomlTest, RefusesKeysThatNestDeeperThanTheStackMay) {
  const std::string why = "error: the key has more than 16 parts";
  EXPECT_THAT(why_not("x = 1\n" + dotted("a", 20'000) + " = 1\n"), HasSubstr("p.toml:2:1: " + why));
  EXPECT_THAT(why_not("[" + dotted("a", 20'000) + "]\n"), HasSubstr("p.toml:1:2: " + why));
  EXPECT_THAT(why_not("x = { " + dotted("'a b'", 17) + " = 1 }"), HasSubstr("p.toml:1:7: " + why));
  EXPECT_THAT(why_not("x = \"\"\"\n\"\"\"\"\"\n" + dotted("a", 17) + " = 1"), HasSubstr("p.toml:3:1: " + why));
}

TEST(TomlTest, AllowsAnyNumberOfDotsElsewhere) {
  EXPECT_EQ(why_not(dotted("a", 16) + " = 1\n"), "");
  const std::string many = dotted("a", 200);
  EXPECT_EQ(why_not("# " + many + "\nx = \"" + many + "\"\ny = '''\n" + many + " = 1\n'''\n"), "");
}

TEST(TomlTest, SaysWhyAFileCannotBeRead) {
  const testing::TempDir folder;
  EXPECT_THAT(render(read_text_file(folder / "none").error()), HasSubstr("No such file"));
  EXPECT_THAT(render(read_text_file(folder.path()).error()), HasSubstr("is a directory"));
  EXPECT_THAT(render(read_text_file("/dev/null").error()), HasSubstr("not a regular file"));
  const auto large = folder.write("large", std::string((1 << 20) + 1, ' '));
  EXPECT_THAT(render(read_text_file(large).error()), HasSubstr("more than 1MiB"));
  EXPECT_EQ(*read_text_file(folder.write("small", "a = 1\n")), "a = 1\n");
}

struct Read {
  explicit Read(std::string source) : text(std::move(source)), document(*parse_toml(text, "p.toml")) {}
  std::string text;
  Document document;
  Findings findings{"p.toml", text};
  TableReader reader{document.root, "the settings", findings};
};

TEST(TableReaderTest, ReadsEachType) {
  Read in("s = \"x\"\ni = 3\nf = 2.5\nb = true\nl = [\"p\", \"q\"]\nd = \"30m\"\nz = \"16MiB\"\n[t]\nk = 1\n");
  EXPECT_EQ(in.reader.string("s"), "x");
  EXPECT_EQ(in.reader.integer("i"), 3);
  EXPECT_EQ(in.reader.number("i"), 3.0);
  EXPECT_EQ(in.reader.number("f"), 2.5);
  EXPECT_EQ(in.reader.boolean("b"), true);
  EXPECT_THAT(*in.reader.strings("l"), ElementsAre("p", "q"));
  EXPECT_THAT(*in.reader.strings("s"), ElementsAre("x"));
  EXPECT_EQ(in.reader.duration("d"), std::chrono::minutes(30));
  EXPECT_EQ(in.reader.bytes("z"), 16U << 20);
  EXPECT_NE(in.reader.table("t"), nullptr);
  EXPECT_FALSE(in.reader.string("absent"));
  in.reader.finish();
  EXPECT_TRUE(in.findings.empty());
}

TEST(TableReaderTest, CollectsEveryErrorInTheOrderOfTheFile) {
  Read in("i = \"x\"\nd = \"30\"\nl = [1]\nw = 1979-05-27\nstrnig = 1\nxyzzy = 1\n");
  in.reader.string("w");
  in.reader.strings("l");
  in.reader.duration("d");
  in.reader.integer("i");
  in.reader.string("string");
  in.reader.required_string("name");
  in.reader.finish();
  const Diagnostics found = in.findings.take();
  ASSERT_EQ(found.size(), 7U);
  EXPECT_EQ(found[1].message, "`i` takes an integer, not a string");
  EXPECT_EQ(found[0].message, "`name` is missing in the settings");
  EXPECT_THAT(found[2].message, HasSubstr("the unit is missing"));
  EXPECT_THAT(found[3].message, HasSubstr("not an integer in it"));
  EXPECT_EQ(found[4].message, "`w` takes a string, not a date or time");
  EXPECT_EQ(found[5].message, "`strnig` is not a key of the settings");
  EXPECT_EQ(found[5].suggestion, "did you mean `string`?");
  EXPECT_THAT(found[6].suggestion, HasSubstr("known keys: "));
}

TEST(TableReaderTest, AKeyThatIsNotBuiltIsNamedAndNeverSuggested) {
  Read in("sync = true\nsyncs = 1\n");
  in.reader.not_built("sync", "do it so");
  in.reader.finish();
  const Diagnostics found = in.findings.take();
  ASSERT_EQ(found.size(), 2U);
  EXPECT_THAT(found[0].message, HasSubstr("not built yet"));
  EXPECT_EQ(found[0].suggestion, "do it so");
  EXPECT_THAT(found[1].suggestion, ::testing::Not(HasSubstr("sync")));
}

TEST(NearestTest, FindsMisspeltWordsOnly) {
  const std::vector<std::string> keys = {"table", "columns", "primary_key"};
  EXPECT_EQ(nearest("tabel", keys), "table");
  EXPECT_EQ(nearest("colums", keys), "columns");
  EXPECT_EQ(nearest("primarykey", keys), "primary_key");
  EXPECT_EQ(nearest("zebra", keys), "");
}

TEST(DiagnosticTest, ShowsTheLineWithACaretBelowThePlace) {
  Read in("a = 1\n\"kö\" = \"é\" # x\n");
  in.findings.add({2, 8}, "bad", "write good");
  EXPECT_EQ(render(in.findings.take()),
            "p.toml:2:8: error: bad\n"
            "    \"kö\" = \"é\" # x\n"
            "           ^\n"
            "    write good\n");
}

TEST(DiagnosticTest, CutsLongLinesAroundThePlaceAndKeepsControlCharactersFromTheTerminal) {
  Read in("a = 1\n");
  const std::string text = std::string(500, 'x') + "\x1b[31m" + std::string(500, 'y');
  Findings findings("p.toml", text);
  findings.add({1, 501}, "bad");
  const std::string out = render(findings.take());
  EXPECT_LT(out.size(), 450U);
  EXPECT_EQ(out.find('\x1b'), std::string::npos);
  EXPECT_THAT(out, HasSubstr("xx [31myy"));
}

TEST(DiagnosticTest, PointsInsideAStringWhereItStandsAsItIs) {
  Read in("a = \"\"\"\none\ntwo three\"\"\"\nb = \"tab\\tx\"\n");
  in.findings.add_inside(*in.reader.text("a"), 8, "three");
  in.findings.add_inside(*in.reader.text("b"), 4, "escaped");
  const Diagnostics found = in.findings.take();
  EXPECT_EQ(found[0].line, 3);
  EXPECT_EQ(found[0].column, 5);
  EXPECT_EQ(found[1].line, 4);
  EXPECT_EQ(found[1].column, 5) << "with escapes only the string's beginning is known";
}

}  // namespace
}  // namespace pgphase
