// Plans that cannot be right: a pointed error and exit code 20, and the database is what it was.
#include "tests/e2e/fixture.hpp"

namespace pgphase::testing {
namespace {

const std::string k_good = R"(format = 1
[[change]]
op = "create_table"
table = "tasks"
primary_key = "id"
columns = [{ name = "id", type = "integer" }]
)";

struct BadPlan {
  const char* name;
  std::map<std::string, std::string> files;  // id -> text
  std::vector<std::string> says;             // all of it is on stderr
};

void PrintTo(const BadPlan& plan, std::ostream* out) {
  *out << plan.name;
}

std::string requires_plan(const std::string& id) {
  return "requires = [\"" + id + "\"]\n" + k_good;
}

std::string adds_column(const std::string& required, const std::string& column) {
  return "format = 1\nrequires = [\"" + required +
         "\"]\n[[change]]\nop = \"add_column\"\ntable = \"tasks\"\ntype = \"text\"\ncolumn = \"" + column + "\"\n";
}

std::string by_hand(const std::string& sql) {
  return "format = 1\n[[additive]]\nname = \"s\"\nsql = \"" + sql + "\"\nrollback = \"SELECT 1\"\n";
}

std::vector<BadPlan> bad_plans() {
  return {
      {"MisspeltKey",
       {{"001_a",
         "format = 1\n[[change]]\nop = \"add_column\"\ntable = \"t\"\ncolumn = \"c\"\ntype = \"text\"\nnulable = "
         "false\n"}},
       {"001_a.toml:7:1", "nulable", "`nullable`"}},
      {"MisspeltOp", {{"001_a", "format = 1\n[[change]]\nop = \"add_colum\"\n"}}, {"001_a.toml:3:", "add_column"}},
      {"WrongType",
       {{"001_a",
         "format = 1\n[[change]]\nop = \"add_column\"\ntable = \"t\"\ncolumn = \"c\"\ntype = \"text\"\nnullable = "
         "\"yes\"\n"}},
       {"001_a.toml:7:", "nullable"}},
      {"MissingTable",
       {{"001_a", "format = 1\n[[change]]\nop = \"add_column\"\ncolumn = \"c\"\ntype = \"text\"\n"}},
       {"001_a.toml:2:", "table"}},
      {"NoToml", {{"001_a", "format = 1\n[[change]\nop = 3\n"}}, {"001_a.toml:2:"}},
      {"SqlThatDoesNotParse", {{"001_a", by_hand("ALTER TABEL tasks ADD x int")}}, {"001_a.toml:4:", "TABEL"}},
      {"TwoStatementsInOne", {{"001_a", by_hand("SELECT 1; SELECT 2")}}, {"001_a.toml:4:"}},
      {"ExpressionThatDoesNotParse",
       {{"001_a", "format = 1\n[[backfill]]\nname = \"b\"\ntable = \"t\"\nset = { a = \"lower(\" }\n"}},
       {"001_a.toml:5:"}},
      {"StepInTheWrongPhase", {{"001_a", by_hand("DROP TABLE tasks")}}, {"001_a.toml:4:", "constraint"}},
      {"IndexThatBlocksWriters",
       {{"001_a", by_hand("CREATE INDEX i ON tasks (id)")}},
       {"001_a.toml:4:", "CONCURRENTLY"}},
      {"NoUndo",
       {{"001_a", "format = 1\n[[additive]]\nname = \"s\"\nsql = \"ALTER TABLE t ADD COLUMN a int\"\n"}},
       {"001_a.toml:2:", "rollback"}},
      {"UnknownGate", {{"001_a", k_good + "[gate.additive]\naprove = true\n"}}, {"001_a.toml:8:", "approve"}},
      {"NotBuiltYet",
       {{"001_a", "format = 1\n[[change]]\nop = \"create_enum\"\nname = \"mood\"\n"}},
       {"001_a.toml:3:", "create_enum"}},
      {"CycleInRequires", {{"001_a", requires_plan("002_b")}, {"002_b", requires_plan("001_a")}}, {"001_a", "002_b"}},
      {"RequiresWhatIsNotThere", {{"001_a", requires_plan("000_nowhere")}}, {"001_a.toml:1:", "000_nowhere"}},
      {"TwoHeads",
       {{"001_a", k_good}, {"002_b", adds_column("001_a", "b")}, {"003_c", adds_column("001_a", "c")}},
       {"002_b", "003_c"}},
      {"NotUtf8", {{"001_a", std::string("format = 1\ndescription = \"\xff\xfe\"\n")}}, {"001_a.toml:2:", "UTF-8"}},
      {"Empty", {{"001_a", ""}}, {"001_a.toml", "empty"}},
      {"TenMegabytes", {{"001_a", k_good + "# " + std::string(10 << 20, 'x') + "\n"}}, {"001_a.toml"}},
      {"ANewerFormat", {{"001_a", "format = 2\n"}}, {"001_a.toml:1:", "format"}},
      {"OurOwnSchema", {{"001_a", by_hand("ALTER TABLE pgphase.plan ADD COLUMN x int")}}, {"001_a.toml:4:", "pgphase"}},
  };
}

class BadPlansE2eTest : public ::testing::TestWithParam<BadPlan> {
 protected:
  BadPlansE2eTest() {
    project.db().exec("CREATE TABLE kept (id integer PRIMARY KEY); INSERT INTO kept VALUES (1)");
    for (const auto& [id, text] : GetParam().files) project.plan(id, text);
  }
  Project project;
};

TEST_P(BadPlansE2eTest, IsRejectedWithAPointedErrorAndTheDatabaseIsUntouched) {
  const auto before = project.full_dump();
  for (const std::vector<std::string>& command :
       {std::vector<std::string>{"up"}, std::vector<std::string>{"stamp", "001_a"},
        std::vector<std::string>{"explain"}}) {
    const auto output = project.run(command);
    EXPECT_EQ(output.code, 20) << command[0] << ": " << output.out << output.err.substr(0, 2000);
    for (const auto& text : GetParam().says) {
      EXPECT_NE(output.err.find(text), std::string::npos)
          << command[0] << ": " << text << " in " << output.err.substr(0, 2000);
    }
    EXPECT_LT(output.err.size(), 4000U) << "too long to read";
  }
  const auto json = project.json({"up"});
  EXPECT_EQ(json.at("error").at("code").as_string(), "plan_rejected");
  EXPECT_EQ(project.full_dump(), before);
  EXPECT_EQ(project.run({"status"}).code, 0) << "an incident needs status, whatever the folder holds";
}

INSTANTIATE_TEST_SUITE_P(Plans, BadPlansE2eTest, ::testing::ValuesIn(bad_plans()),
                         [](const auto& instance) { return std::string(instance.param.name); });

class PlanFolderE2eTest : public ::testing::Test {
 protected:
  Project project;
};

TEST_F(PlanFolderE2eTest, AllErrorsOfAllFilesComeAtOnce) {
  project.plan("001_a", "format = 1\nfrmat = 2\n[[change]]\nop = \"nothing\"\n");
  project.plan("002_b", "format = \"one\"\n");
  const auto output = project.run({"up"});
  EXPECT_EQ(output.code, 20);
  for (const auto* place : {"001_a.toml:2:", "001_a.toml:4:", "002_b.toml:1:"}) {
    EXPECT_NE(output.err.find(place), std::string::npos) << place << " in " << output.err;
  }
}

TEST_F(PlanFolderE2eTest, APlanEditedAfterItFinishedIsRefusedWithWhatDiffers) {
  project.plan("001_a", k_good);
  ASSERT_EQ(project.run({"up"}).code, 0);
  auto edited = k_good;
  edited.replace(edited.find("integer"), 7, "bigint");
  project.plan("001_a", edited);
  const auto before = project.schema_dump({});
  for (const std::vector<std::string>& command :
       {std::vector<std::string>{"up"}, std::vector<std::string>{"up", "001_a", "--accept-edit"}}) {
    const auto output = project.run(command);
    EXPECT_EQ(output.code, 20) << output.out << output.err;
    EXPECT_NE(output.err.find("001_a.toml was edited"), std::string::npos) << output.err;
    EXPECT_NE(output.err.find("create_table tasks"), std::string::npos) << output.err;
  }
  EXPECT_EQ(project.schema_dump({}), before);
  EXPECT_EQ(project.run({"current"}).out, "001_a\n");
}

TEST_F(PlanFolderE2eTest, ACommentOrALineBreakIsNoEdit) {
  project.plan("001_a", k_good);
  ASSERT_EQ(project.run({"up"}).code, 0);
  project.plan("001_a", "# said better\n\n" + k_good);
  const auto output = project.run({"up"});
  EXPECT_EQ(output.code, 0) << output.out << output.err;
}

TEST_F(PlanFolderE2eTest, AMissingFolderIsSaidToBeThat) {
  EXPECT_EQ(project.run({"up"}).code, 0);
  std::filesystem::remove_all(project.folder() / "migrations");
  const auto missing = project.run({"up"});
  EXPECT_EQ(missing.code, 20) << missing.out;
  EXPECT_NE(missing.err.find("migrations"), std::string::npos) << missing.err;
}

// --- what only the server can know
// ------------------------------------------------------------------------------------------

class ServerRejectsE2eTest : public ::testing::Test {
 protected:
  // The step fails, nothing of it is done, and a correction goes through.
  void expect_step_fails(const std::string& bad, const std::string& names, const std::string& corrected) {
    project.plan("001_a", bad);
    const auto before = project.schema_dump();
    const auto output = project.run({"up"});
    EXPECT_EQ(output.code, 41) << output.out << output.err;
    EXPECT_NE(output.err.find(names), std::string::npos) << output.err;
    EXPECT_NE(output.err.find("001_a"), std::string::npos) << output.err;
    EXPECT_EQ(project.schema_dump(), before);
    EXPECT_EQ(project.plan_state("001_a"), "failed");
    EXPECT_EQ(project.run({"up"}).code, 41) << "the same again";

    project.plan("001_a", corrected);
    EXPECT_EQ(project.run({"up"}).code, 20) << "an edit must be accepted";
    const auto fixed = project.run({"up", "001_a", "--accept-edit"});
    EXPECT_EQ(fixed.code, 0) << fixed.out << fixed.err;
  }
  Project project;
};

TEST_F(ServerRejectsE2eTest, AFunctionThatDoesNotExist) {
  expect_step_fails(by_hand("CREATE VIEW v AS SELECT no_such_function(1)"), "no_such_function",
                    by_hand("CREATE VIEW v AS SELECT abs(1)"));
}

// Seen before anything is done, whatever comes before it in the order.
TEST_F(ServerRejectsE2eTest, ATableThatDoesNotExist) {
  const std::string index = "[[change]]\nop = \"create_index\"\nname = \"i\"\ncolumns = [\"c\"]\n";
  project.plan("001_a", k_good);
  project.plan("002_b", adds_column("001_a", "fine") +
                            "[[change]]\nop = \"add_column\"\ncolumn = \"c\"\ntype = \"text\"\n"
                            "table = \"nowhere\"\n" +
                            index + "table = \"elsewhere\"\n");
  const auto before = project.full_dump();
  const auto output = project.run({"up"});
  EXPECT_EQ(output.code, 20) << output.out << output.err;
  for (const auto* text : {"002_b.toml:8:", "nowhere", "002_b.toml:13:", "elsewhere"}) {
    EXPECT_NE(output.err.find(text), std::string::npos) << text << " in " << output.err;
  }
  EXPECT_EQ(output.err.find("tasks"), std::string::npos) << "001_a makes it: " << output.err;
  EXPECT_EQ(project.full_dump(), before);

  project.db().exec("CREATE TABLE nowhere (id integer); CREATE TABLE elsewhere (c integer)");
  const auto corrected = project.run({"up"});
  EXPECT_EQ(corrected.code, 0) << corrected.out << corrected.err;
}

TEST_F(ServerRejectsE2eTest, ATableThatAnEarlierStepMayHaveMadeIsNotAccused) {
  project.plan("001_a", by_hand("DO $$BEGIN CREATE TABLE made (id integer); END$$"));
  project.plan("002_b",
               "format = 1\n[[change]]\nop = \"add_column\"\ncolumn = \"c\"\ntype = \"text\"\ntable = \"made\"\n");
  const auto output = project.run({"up"});
  EXPECT_EQ(output.code, 0) << output.out << output.err;
}

// Seen before anything is done, and so nothing has begun whose edit would have to be accepted.
TEST_F(ServerRejectsE2eTest, ATypeThatDoesNotExist) {
  const std::string change = "format = 1\n[[change]]\nop = \"add_column\"\ntable = \"here\"\ncolumn = \"c\"\n";
  project.db().exec("CREATE TABLE here (id integer)");
  project.plan("001_a", change + "type = \"no_such_type\"\n");
  const auto before = project.full_dump();
  const auto output = project.run({"up"});
  EXPECT_EQ(output.code, 21) << output.out << output.err;
  for (const auto* text : {"001_a", "no_such_type", "Nothing was changed."}) {
    EXPECT_NE(output.err.find(text), std::string::npos) << text << " in " << output.err;
  }
  EXPECT_EQ(project.full_dump(), before);
  project.plan("001_a", change + "type = \"text\"\n");
  const auto corrected = project.run({"up"});
  EXPECT_EQ(corrected.code, 0) << corrected.out << corrected.err;
}

TEST_F(ServerRejectsE2eTest, AVerificationThatIsNotTrueEndsWith40) {
  project.plan("001_a",
               "format = 1\n[[additive]]\nname = \"s\"\nsql = \"CREATE VIEW v AS SELECT 1 AS one\"\n"
               "rollback = \"DROP VIEW v\"\nverify = \"SELECT one = 2 FROM v\"\n");
  const auto output = project.run({"up"});
  EXPECT_EQ(output.code, 40) << output.out << output.err;
  EXPECT_EQ(project.plan_state("001_a"), "failed");
  EXPECT_EQ(project.run({"rollback", "001_a"}).code, 0);
  EXPECT_EQ(project.db().value("SELECT to_regclass('v') IS NULL"), "t");
}

}  // namespace
}  // namespace pgphase::testing
