#include "orchestrator/cli/explain_view.hpp"
#include "orchestrator/cli/deploy_contract.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <boost/json.hpp>

#include "plans/split/split.hpp"
#include "tests/unit/engine/plan_records.hpp"

namespace pgphase {
namespace {

using namespace testing;
using ::testing::AllOf;
using ::testing::HasSubstr;
using ::testing::Not;

// Every statement that a run would execute, from the plan itself.
std::vector<std::string> sql_of(const PhasedPlan& plan) {
  std::vector<std::string> all;
  for (const auto phase : k_phases) {
    for (const auto& step : plan[phase].steps) {
      if (const auto* body = std::get_if<SqlBody>(&step.body)) {
        for (const auto& statement : body->forward) all.push_back(statement.sql);
        for (const auto& statement : body->undo) all.push_back(statement.sql);
      }
      if (const auto* body = std::get_if<CreateTableBody>(&step.body)) all.push_back(body->sql);
      if (const auto* body = std::get_if<AddColumnBody>(&step.body)) all.push_back(body->sql);
    }
  }
  return all;
}

std::string without_blanks(std::string text) {
  std::erase_if(text, [](char c) { return c == ' ' || c == '\n'; });
  return text;
}

PhasedPlan read(const char* text) {
  return read_phased_plan({"001_plan"}, text, "001_plan.toml").value();
}

constexpr const char* k_plan = R"(
format      = 1
description = "Tasks"

[[change]]
op          = "create_table"
table       = "tasks"
primary_key = ["id"]
columns = [{ name = "id", type = "integer", identity = "always" }, { name = "title", type = "text" }]

[[change]]
op      = "create_index"
name    = "idx_tasks_title"
table   = "tasks"
columns = ["title"]

[[constraint]]
name     = "titles"
sql      = ["ALTER TABLE tasks ADD CONSTRAINT titled CHECK (title IS NOT NULL) NOT VALID",
            "ALTER TABLE tasks VALIDATE CONSTRAINT titled"]
rollback = "ALTER TABLE tasks DROP CONSTRAINT titled"
verify   = "SELECT true"
)";

TEST(ExplainText, WithSqlPrintsEveryStatementThatARunExecutes) {
  const auto plan = read(k_plan);
  ExplainInput input;
  input.plans = {{&plan, nullptr}};
  const auto text = without_blanks(explain_text(input, SqlShown::all));
  const auto statements = sql_of(plan);
  ASSERT_EQ(statements.size(), 6u);
  for (const auto& sql : statements) EXPECT_THAT(text, HasSubstr(without_blanks(sql)));
}

TEST(ExplainText, ShowsTheFirstLineOfEachStatement) {
  const auto plan = read(k_plan);
  ExplainInput input;
  input.plans = {{&plan, nullptr}};
  const auto text = explain_text(input, SqlShown::first_line);
  EXPECT_THAT(text, AllOf(HasSubstr("CREATE TABLE public.tasks ( …"), Not(HasSubstr("PRIMARY KEY"))));
}

TEST(ExplainText, SaysLockGateUndoAndVerificationOfEachStep) {
  const auto plan = read(k_plan);
  ExplainInput input;
  input.plans = {{&plan, nullptr}};
  EXPECT_THAT(explain_text(input, SqlShown::first_line),
              AllOf(HasSubstr("tasks: SHARE UPDATE EXCLUSIVE (reads and writes go on)"),
                    HasSubstr("constraint: starts when somebody says `pgphase approve 001_plan --phase constraint`"),
                    HasSubstr("hides it with its rows"), HasSubstr("verify  SELECT true"),
                    HasSubstr("deploy: new code may ship after additive; old code must be gone before constraint")));
}

TEST(ExplainText, WithoutADatabaseSaysWhatItAssumes) {
  const auto plan = read(k_plan);
  ExplainInput input;
  input.plans = {{&plan, nullptr}};
  EXPECT_THAT(explain_text(input, SqlShown::first_line),
              ::testing::EndsWith("assumes PostgreSQL 15 grammar; no database: sizes unknown\n"));
}

TEST(ExplainText, WithADatabaseTellsSizesAndWhatIsDone) {
  const auto ledger = ledger_of({at_the_gate()});
  ExplainInput input;
  input.plans = {{&ledger.plans[0].plan, &ledger.plans[0]}};
  input.target = "app on db:5432 as alice";
  input.server_version = 160004;
  input.tables = {{{"public", "tasks"}, 3 * 1024 * 1024}};
  input.ledger = &ledger;
  EXPECT_THAT(explain_text(input, SqlShown::first_line),
              AllOf(HasSubstr("tasks 3.0 MiB"), HasSubstr("the split that the ledger keeps"),
                    HasSubstr("add_column tasks.priority  [done]"), HasSubstr("constraint [waiting]"),
                    HasSubstr("sizes from app on db:5432 as alice, PostgreSQL 16.4")));
}

TEST(ExplainText, SaysWhatIsWorkedThroughAndForHowLong) {
  const auto plan = read(R"toml(
format = 1
[[change]]
op      = "create_index"
name    = "idx_tasks_title"
table   = "tasks"
columns = ["title"]
[[change]]
op      = "create_table"
table   = "notes"
columns = [{ name = "id", type = "integer" }]
[[additive]]
name     = "index of a new table"
sql      = "CREATE INDEX notes_id ON notes (id)"
rollback = "DROP INDEX notes_id"
[[backfill]]
name  = "fill"
table = "tasks"
set   = { title = "lower(title)" }
irreversible = "x"
[[constraint]]
name     = "longer"
sql      = "ALTER TABLE tasks ALTER COLUMN id TYPE bigint"
rollback = "ALTER TABLE tasks ALTER COLUMN id TYPE integer"
)toml");
  ExplainInput input;
  input.plans = {{&plan, nullptr}};
  EXPECT_THAT(explain_text(input, SqlShown::all),
              AllOf(HasSubstr("work    builds an index of tasks\n"), Not(HasSubstr("of notes\n")),
                    HasSubstr("work    sets rows of tasks\n"), HasSubstr("work    perhaps writes every row again of tasks\n")));
  input.target = "app on db:5432 as alice";
  input.known.catalogue = true;
  input.tables = {{{"public", "tasks"}, 12'000'000'000}};
  EXPECT_THAT(explain_text(input, SqlShown::all),
              AllOf(HasSubstr("sets rows of tasks (11.2 GiB, some 6 min if nothing holds it up)"), HasSubstr("builds an index of tasks (11.2 GiB, some 114 s if nothing holds it up)"),
                    Not(HasSubstr("index of notes ("))));
  const auto json = explain_json(input);
  const auto& work = json.at("plans").at(0).at("phases").at(1).at("steps").at(1).at("statements").at(0).at("work").at(0);
  EXPECT_EQ(work.at("does"), "builds_index");
  EXPECT_EQ(work.at("bytes"), 12'000'000'000);
  EXPECT_EQ(work.at("certain"), true);
}

TEST(ExplainText, NamesAtItsStepWhatIsInTheWayAndWhatDeservesAWarning) {
  const auto plan = read(k_plan);
  ExplainInput input;
  input.plans = {{&plan, nullptr}};
  EXPECT_THAT(explain_text(input, SqlShown::first_line), Not(HasSubstr("in the way")));
  input.plans[0].foreseen[{Phase::additive, 1}] = {{"view v is there", "so is w"}, {}};
  input.plans[0].foreseen[{Phase::constraint, 0}] = {{}, {"somebody may not like it"}};
  const auto text = explain_text(input, SqlShown::first_line);
  EXPECT_THAT(text,
              AllOf(HasSubstr("\nin the way: 2 things, named at their steps, which are refused until they are gone\n"),
                    HasSubstr("     in the way: view v is there\n     in the way: so is w\n"),
                    HasSubstr("     warning somebody may not like it\n")));
  EXPECT_GT(text.find("view v is there"), text.find("2. "));
  EXPECT_LT(text.find("view v is there"), text.find("constraint: "));
  EXPECT_GT(text.find("somebody may not like it"), text.find("constraint: "));
}

TEST(ExplainText, OfAnIrreversibleStepShowsNoUndo) {
  auto plan = priority_plan();
  plan[Phase::constraint].steps[0].irreversible = "nobody reads it";
  ExplainInput input;
  input.plans = {{&plan, nullptr}};
  EXPECT_THAT(explain_text(input, SqlShown::all),
              AllOf(HasSubstr("cannot be undone: nobody reads it"), Not(HasSubstr("back required"))));
}

TEST(ExplainText, DoesNotPretendToKnowALock) {
  auto plan = priority_plan();
  std::get<SqlBody>(plan[Phase::constraint].steps[0].body).forward[0].locks_known = false;
  ExplainInput input;
  input.plans = {{&plan, nullptr}};
  EXPECT_THAT(explain_text(input, SqlShown::all), HasSubstr("not known"));
}

TEST(DeployContract, FitsThePhasesThatThePlanHas) {
  auto plan = priority_plan();
  EXPECT_EQ(deploy_contract(plan), "new code may ship after additive; old code must be gone before constraint");
  plan[Phase::constraint] = {};
  EXPECT_EQ(deploy_contract(plan),
            "new code may ship after additive; old code may stay, because there is no constraint phase");
  plan[Phase::additive] = {};
  EXPECT_THAT(deploy_contract(plan), HasSubstr("at any time"));
}

TEST(ExplainJson, CarriesStepsWithLocksAndUndo) {
  const auto plan = read(k_plan);
  ExplainInput input;
  input.plans = {{&plan, nullptr}};
  const auto json = explain_json(input);
  const auto& first = json.at("plans").at(0);
  EXPECT_EQ(first.at("from"), "folder");
  EXPECT_TRUE(first.at("phases").at(0).at("gate").is_null());
  EXPECT_EQ(first.at("phases").at(2).at("gate").at("approve"), true);
  const auto& index = first.at("phases").at(0).at("steps").at(1);
  EXPECT_EQ(index.at("statements").at(0).at("kind"), "create_index_concurrently");
  EXPECT_EQ(index.at("statements").at(0).at("locks").at(0).at("mode"), "SHARE UPDATE EXCLUSIVE");
  EXPECT_EQ(index.at("undo").at("possible"), true);
  EXPECT_TRUE(first.at("tables").at(0).at("bytes").is_null());
  EXPECT_TRUE(json.at("database").is_null());
}

TEST(ExplainJson, TellsWhatIsForeseenOfEachStepThatWasLookedAt) {
  const auto plan = read(k_plan);
  ExplainInput input;
  input.plans = {{&plan, nullptr}};
  input.plans[0].foreseen[{Phase::additive, 1}] = {{"view v is there"}, {}};
  const auto json = explain_json(input);
  const auto& steps = json.at("plans").at(0).at("phases").at(0).at("steps");
  EXPECT_TRUE(steps.at(0).at("in_the_way").is_null());
  EXPECT_TRUE(steps.at(0).at("warnings").is_null());
  EXPECT_EQ(steps.at(1).at("in_the_way").at(0), "view v is there");
  EXPECT_TRUE(steps.at(1).at("warnings").as_array().empty());
}

TEST(ExplainJson, HasTheContractClauseByClause) {
  const auto plan = read(k_plan);
  ExplainInput input;
  input.plans = {{&plan, nullptr}};
  const auto json = explain_json(input);
  const auto& contract = json.at("plans").at(0).at("contract").as_array();
  ASSERT_EQ(contract.size(), 1U);
  EXPECT_EQ(contract[0].at("about"), "table tasks");
  EXPECT_EQ(contract[0].at("old_code"), "");
  EXPECT_EQ(contract[0].at("new_code"), "works from additive on");
}

}  // namespace
}  // namespace pgphase
