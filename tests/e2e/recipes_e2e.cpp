// For every form of statement of the proof that `check` warns of and for which it proposes a plan: the plan is accepted
// by `check`, runs, and ends at the same catalogue as the statement itself.
#include <gmock/gmock.h>

#include <algorithm>
#include <map>

#include "plans/check/check_script.hpp"
#include "plans/translate/translate.hpp"
#include "tests/e2e/fixture.hpp"
#include "tests/support/dump.hpp"
#include "tests/support/proof/form.hpp"
#include "tests/support/server.hpp"

namespace pgphase::testing {
namespace {

using proof::Form;
using proof::State;

std::string sql_of(const Form& form) {
  std::string out;
  for (const auto& part : proof::parts_of(form.before)) out += part + ";\n";
  return out + std::string(form.statement) + ";\n";
}

bool is_warned_of(const std::string& sql) {
  const auto found = check_script(sql, {}).findings;
  return std::any_of(found.begin(), found.end(), [](const auto& one) { return one.severity > Severity::note; });
}

bool becomes_plans(const std::string& sql) {
  const auto translation = translate_script(sql, {"recipe"});
  return translation.left.empty() && !translation.plans.empty();
}

struct Recipe {
  const Form* form;
  const State* state;
};

const std::vector<Recipe>& recipes() {
  static const auto all = [] {
    std::vector<Recipe> out;
    for (const Form& form : proof::all_forms()) {
      const auto sql = sql_of(form);
      if (!is_warned_of(sql) || !becomes_plans(sql)) continue;
      for (const State& state : form.states) out.push_back({&form, &state});
    }
    return out;
  }();
  return all;
}

void make(TestDatabase& db, const State& state) {
  db.exec(std::string(proof::k_base));
  for (const auto& part : proof::parts_of(state.setup)) db.exec(part);
}

// Empty: it went through.
std::string error_of(TestDatabase& db, const std::string& sql) {
  try {
    db.exec(sql);
    return {};
  } catch (const std::exception& problem) {
    return problem.what();
  }
}

// What only the database knows, and what makes `up` refuse the plan before anything has happened: the statement does
// it, with everybody waiting. "form state" → what `up` says.
const std::map<std::string, std::string>& refused_by_the_database() {
  static const std::map<std::string, std::string> all{
      {"add column random, with a child", "other tables inherit from it"},
      {"add column domain, with a check", "a domain with conditions"},
      {"drop column, with a child", "inherits from column a"},
      {"drop column cascade, a view and a key", "view v uses column a"},
      {"set not null again, it is", "is NOT NULL already"},
      {"to timestamptz, in UTC", "depends on settings of the session"},
      {"to timestamptz, in Berlin", "depends on settings of the session"},
      {"to a domain, bare", "is a domain"},
      {"to a domain, with a check", "is a domain"},
      {"int to bigint by an expression, from bigint", "check w_x_check reads column x"},
      {"of a partitioned table, partitions", "belongs to a partitioned table"},
      {"of a partitioned table, already", "belongs to a partitioned table"},
      {"add foreign key of partitioned, partitions", "is partitioned"},
      {"add unique to partitioned, partitions", "is partitioned"},
      {"add primary key, nullable", "may be NULL"},
      {"create index on partitioned, partitions", "is partitioned"},
      {"create index on only, partitioned", "is partitioned"},
      {"rename index as a table, an index", "needs the table t_a"},
      {"drop table, a partition", "is a partition of"},
      {"drop table if exists, a partition", "is a partition of"},
      {"drop a partition, no default", "is a partition of"},
      {"drop a partition, a default", "is a partition of"},
      {"drop a partition, refers", "is a partition of"},
      {"rename column, with a child", "inherits from t"},
      {"drop column of partitioned, refers", "foreign key p_a_fkey uses column a"},
      {"update every row, with a child", "other tables inherit from it"},
  };
  return all;
}

class RecipeE2eTest : public ::testing::TestWithParam<std::size_t> {};

TEST_P(RecipeE2eTest, EndsWhereTheStatementEnds) {
  const auto& [form, state] = recipes()[GetParam()];
  if (test_server_major() < form->from || form->until < test_server_major()) return;
  const auto sql = sql_of(*form);
  SCOPED_TRACE(sql + "in the state \"" + std::string(state->label) + "\"");
  TestDatabase naive;
  make(naive, *state);
  const auto refused = error_of(naive, sql);

  Project project;
  make(project.db(), *state);
  project.file("naive.sql", sql);
  project.file("migrations/.keep", "");
  const auto split = project.run({"split", "naive.sql", "--write"});
  ASSERT_EQ(split.code, 0) << split.out << split.err;
  const auto checked = project.run({"check"});
  ASSERT_EQ(checked.code, 0) << checked.out;
  std::vector<std::string> plans;
  const auto status = project.json({"status"});
  for (const auto& plan : status.at("plans").as_array()) plans.emplace_back(plan.at("id").as_string());
  const auto before = project.schema_dump({"pgphase", "pgphase_retired"});
  for (const auto& plan : plans) {
    const auto up = project.run({"up", plan, "--approve"});
    const auto by_the_database =
        refused_by_the_database().find(std::string(form->name) + ", " + std::string(state->label));
    if (up.code != 0 && by_the_database != refused_by_the_database().end()) {
      EXPECT_THAT(up.out + up.err, ::testing::HasSubstr(by_the_database->second));
      EXPECT_THAT(up.err, ::testing::ContainsRegex("[Nn]othing was changed"));
      EXPECT_EQ(schema_difference(before, project.schema_dump({"pgphase", "pgphase_retired"})), "");
      return;
    }
    // What the server refuses a plan may not be able to do either.
    if (up.code != 0 && !refused.empty()) return;
    ASSERT_EQ(up.code, 0) << up.out << up.err << split.out;
  }
  if (!refused.empty()) return;  // the plan gets by what the statement fails at: a table with rows
  for (const auto& plan : plans) project.run({"purge", plan, "--retain-for", "0ms", "--yes"});
  EXPECT_EQ(schema_difference(schema_dump(naive.url(), {"pgphase", "pgphase_retired"}),
                              project.schema_dump({"pgphase", "pgphase_retired"})),
            "");
}

std::string test_name(const ::testing::TestParamInfo<std::size_t>& one) {
  const auto& recipe = recipes()[one.param];
  std::string out;
  for (const char c : std::string(recipe.form->name) + " " + std::string(recipe.state->label)) {
    out += std::isalnum(static_cast<unsigned char>(c)) != 0 ? c : '_';
  }
  return out;
}

INSTANTIATE_TEST_SUITE_P(Forms, RecipeE2eTest, ::testing::Range<std::size_t>(0, recipes().size()), test_name);

TEST(RecipesE2eTest, ThereAreManyOfThem) {
  EXPECT_GE(recipes().size(), refused_by_the_database().size() + 100);
}

}  // namespace
}  // namespace pgphase::testing
