#include <gmock/gmock.h>

#include "plans/plan.hpp"
#include "plans/split/phased_plan_json.hpp"
#include "tests/unit/plans/plan_text.hpp"

namespace pgphase {
namespace {

using ::testing::HasSubstr;
using testing::plan_of;
using testing::problems_of;

std::string step(const std::string& phase, const std::string& name) {
  return "[[" + phase + "]]\nname = \"" + name + "\"\nsql = \"COMMENT ON TABLE t IS 'x'\"\nirreversible = \"a test\"\n";
}

TEST(PlanTest, StepsRunInTheOrderOfTheFileWhateverTheirForm) {
  const std::string index = "[[change]]\nop = \"create_index\"\nname = \"i\"\ntable = \"t\"\ncolumns = [\"a\"]\n";
  const auto plan = plan_of(step("additive", "one") + step("constraint", "other") + index + step("additive", "three"));
  std::vector<std::string> names;
  for (const auto& made : plan[Phase::additive].steps) names.push_back(made.name);
  EXPECT_THAT(names, ::testing::ElementsAre("one", "create_index i", "three"));
}

TEST(PlanTest, NamesAreUniqueWithinAPhase) {
  EXPECT_EQ(problems_of(step("additive", "a") + step("constraint", "a")), "");
  const std::string twice = problems_of(step("additive", "a") + step("additive", "a"));
  EXPECT_THAT(twice, HasSubstr("001_test.toml:6:1: error: the additive phase has two steps called \"a\""));
  EXPECT_THAT(twice, HasSubstr("in line 2"));
  EXPECT_THAT(problems_of(step("additive", "a/b")), HasSubstr("no slash"));
}

TEST(PlanTest, TellsOfEverythingAtOnceAndNothingThatIsOnlyAConsequence) {
  const std::string found = problems_of(
      "descripton = \"x\"\nrequires = [\"001_test\", 3]\n"
      "[[additive]]\nname = \"column\"\nsql = \"ALTER TABLE t ADD COLUM a int x\"\nirreversible = \"x\"\n"
      "[[backfill]]\nname = \"fill\"\ntable = \"t\"\nset = { a = 1 }\n"
      "[gate.contraint]\napprove = true\n");
  EXPECT_THAT(found, HasSubstr("did you mean `description`?"));
  EXPECT_THAT(found, HasSubstr("not an integer in it"));
  EXPECT_THAT(found, HasSubstr("syntax error"));
  EXPECT_THAT(found, HasSubstr("did you mean `constraint`?"));
  EXPECT_THAT(found, ::testing::Not(HasSubstr("old values"))) << "the column may be the one that could not be read";
}

TEST(PlanTest, RefusesFormatsAndPlansThatItCannotCarryOut) {
  const auto why = [](const std::string& text) { return render(read_phased_plan({"p"}, text, "p.toml").error()); };
  EXPECT_THAT(why("description = \"x\"\n"), HasSubstr("begin the file with format = 1"));
  EXPECT_THAT(why("format = 2\n"), HasSubstr("format 2 is not known"));
  EXPECT_THAT(why("format = 1\n"), HasSubstr("the plan changes nothing"));
  EXPECT_THAT(problems_of("requires = [\"001_test\"]\n" + step("additive", "a")), HasSubstr("cannot require itself"));
}

TEST(GateTest, ConstraintWantsAnApprovalUnlessThePlanSaysOtherwise) {
  EXPECT_TRUE(plan_of(step("constraint", "a"))[Phase::constraint].gate.approve);
  EXPECT_TRUE(plan_of(step("constraint", "a") + "[gate.constraint]\nwait = \"30m\"\n")[Phase::constraint].gate.approve);
  EXPECT_TRUE(
      plan_of(step("constraint", "a") + "[gate.constraint]\napprove = false\n")[Phase::constraint].gate.always_open());
  EXPECT_TRUE(plan_of(step("additive", "a"))[Phase::additive].gate.always_open());
  EXPECT_TRUE(plan_of(step("additive", "a"))[Phase::constraint].gate.always_open()) << "no step, no gate";
  EXPECT_TRUE(plan_of(step("backfill", "a") + "[gate.backfill]\napprove = true\n")[Phase::backfill].gate.approve);
}

TEST(GateTest, ReadsEveryKind) {
  const Gate gate = plan_of(step("constraint", "a") +
                            "[gate.constraint]\nwait = \"30m\"\ncheck = \"SELECT true\"\ncommand = [\"x\", \"-y\"]\n"
                            "window = \"Mon-Fri 22:00-06:00 Europe/Berlin\"\n")[Phase::constraint]
                        .gate;
  EXPECT_EQ(gate.wait, std::chrono::minutes(30));
  EXPECT_EQ(gate.check, "SELECT true");
  EXPECT_THAT(gate.command, ::testing::ElementsAre("x", "-y"));
  EXPECT_EQ(gate.window->zone, "Europe/Berlin");
}

TEST(GateTest, AnUnknownKindIsAnErrorNeverIgnored) {
  const auto why = [](const std::string& gate) {
    return problems_of(step("constraint", "a") + "[gate.constraint]\n" + gate);
  };
  EXPECT_THAT(why("aprove = false\n"), HasSubstr("did you mean `approve`?"));
  EXPECT_THAT(why("within = \"2h\"\n"), HasSubstr("not built yet"));
  EXPECT_THAT(why("wait = 30\n"), HasSubstr("a duration in quotes"));
  EXPECT_THAT(why("check = \"DELETE FROM t\"\n"), HasSubstr("one SELECT"));
  EXPECT_THAT(why("command = \"true\"\n"), HasSubstr("`command` takes a list"));
  EXPECT_THAT(why("command = []\n"), HasSubstr("names no program"));
  EXPECT_THAT(why("window = \"at night\"\n"), HasSubstr("is not a window"));
  EXPECT_THAT(problems_of(step("constraint", "a") + "[gate.backfill]\napprove = true\n"),
              HasSubstr("nothing to guard"));
  EXPECT_THAT(problems_of(step("additive", "a") + "[gate.additive]\nwait = \"1h\"\n"), HasSubstr("additive has none"));
}

TEST(WindowTest, ReadsDaysHoursAndZone) {
  const auto window = parse_window("Mon-Fri 22:00-06:00 Europe/Berlin");
  ASSERT_TRUE(window);
  EXPECT_EQ(window->days, 0b0011111U);
  EXPECT_EQ(window->from, std::chrono::hours(22));
  EXPECT_EQ(window->to, std::chrono::hours(6));
  EXPECT_EQ(parse_window("22:00-06:00")->days, 0x7fU);
  EXPECT_EQ(parse_window("22:00-06:00")->zone, "UTC");
  EXPECT_EQ(parse_window("Sat,Sun 00:00-24:00 UTC")->days, 0b1100000U);
  EXPECT_EQ(parse_window("Sat,Sun 00:00-24:00 UTC")->to, std::chrono::hours(24));
  EXPECT_EQ(parse_window("Fri-Mon 00:00-01:30")->days, 0b1110001U);
  for (const char* bad :
       {"", "Mon", "Moon 10:00-11:00", "10:00", "10:00-25:00", "10:00-10:00", "24:00-01:00", "10:60-11:00", "1:00-2:00",
        "10:00-11:00 UTC x", "10:00-11:00 a;b", "Mon-Tue-Wed 10:00-11:00"}) {
    EXPECT_FALSE(parse_window(bad)) << bad;
  }
}

const std::string k_everything = R"toml(description = "ä \"quoted\""
requires = ["000_before"]
[[change]]
op = "create_table"
table = "u"
columns = [{ name = "id", type = "int" }]
[[change]]
op = "add_column"
table = "t"
column = "c"
type = "int"
[[additive]]
name = "default"
sql = "ALTER TABLE t ALTER c SET DEFAULT 1"
rollback = ["ALTER TABLE t ALTER c DROP DEFAULT"]
verify = "SELECT true"
[[backfill]]
name = "fill"
table = "t"
set = { c = "lower(x)" }
[[change]]
op = "drop_index"
name = "i"
[[constraint]]
name = "gone"
sql = "DROP TABLE v"
irreversible = "nobody needs it"
[gate.constraint]
wait = "30m"
check = "SELECT true"
command = ["true"]
window = "Sat 22:00-06:00 UTC"
)toml";

TEST(PhasedPlanJsonTest, GoesToJsonAndBackWithoutLoss) {
  const auto plan = plan_of(k_everything);
  const auto json = to_json(plan);
  // As the ledger keeps it: through text.
  const auto back = phased_plan_from_json(boost::json::parse(boost::json::serialize(json)));
  ASSERT_TRUE(back) << back.error().text();
  EXPECT_EQ(to_json(*back), json);
  EXPECT_EQ(back->text, plan.text);
  EXPECT_EQ(split_hash(*back), plan.split_sha256);
  EXPECT_EQ((*back)[Phase::constraint].steps[1].irreversible, "nobody needs it");
  EXPECT_EQ((*back)[Phase::constraint].gate.wait, std::chrono::minutes(30));
}

TEST(PhasedPlanJsonTest, RefusesANewerFormatAndSaysWhatIsBroken) {
  auto json = to_json(plan_of(k_everything));
  json.as_object()["format"] = 99;
  EXPECT_EQ(phased_plan_from_json(json).error().code, Errc::refused);
  json.as_object()["format"] = k_split_format;
  json.at("phases").at("additive").at("steps").as_array()[0].at("body").as_object()["type"] = "magic";
  EXPECT_THAT(phased_plan_from_json(json).error().message, HasSubstr("\"magic\" is not a kind of step"));
  EXPECT_EQ(phased_plan_from_json(boost::json::array{}).error().code, Errc::bug);
}

TEST(PhasedPlanJsonTest, TheSplitsHashFollowsWhatThePlanDoesAndNotHowItIsWritten) {
  const auto plan = plan_of(k_everything);
  const auto commented = plan_of("# a remark\n" + k_everything);
  EXPECT_NE(plan.text_sha256, commented.text_sha256);
  EXPECT_EQ(plan.split_sha256, commented.split_sha256);
  EXPECT_NE(plan.split_sha256, plan_of(k_everything + "approve = false\n").split_sha256);
}

}  // namespace
}  // namespace pgphase
