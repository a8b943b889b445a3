// docs/rules has a page a family, and each says what the rules say. When this fails, put the table that it prints into
// the page.
#include <fmt/format.h>
#include <gtest/gtest.h>

#include <fstream>
#include <set>
#include <sstream>

#include "plans/check/script_rules.hpp"
#include "plans/effects/rule.hpp"
#include "tests/support/paths.hpp"

namespace pgphase {
namespace {

std::vector<Rule> every_rule() {
  std::vector<Rule> out(all_rules().begin(), all_rules().end());
  out.insert(out.end(), script_rules().begin(), script_rules().end());
  return out;
}

std::string table_of(std::string_view family) {
  std::string out = "| rule | what happens | instead |\n| --- | --- | --- |\n";
  for (const Rule& rule : every_rule()) {
    if (rule.family != family) continue;
    std::string instead(rule.recipe);
    if (!rule.change.empty()) {
      instead += fmt::format("{}[{}](../changes/{}.md)", instead.empty() ? "" : "; ", rule.change, rule.change);
    }
    out += fmt::format("| <a id=\"{0}\"></a>`{0}` | {1}{2} | {3} |\n", rule.id, rule.what,
                       rule.versions.empty() ? "" : fmt::format(". {}", rule.versions), instead);
  }
  return out;
}

TEST(RulesPageTest, EachFamilyHasAPageThatSaysWhatTheRulesSay) {
  std::set<std::string_view> families;
  for (const Rule& rule : every_rule()) families.insert(rule.family);
  for (const auto family : families) {
    const auto path = testing::source_folder() / "docs/rules" / (std::string(family) + ".md");
    std::ifstream file(path);
    std::stringstream text;
    text << file.rdbuf();
    EXPECT_NE(text.str().find(table_of(family)), std::string::npos) << path << " lacks this table:\n\n"
                                                                    << table_of(family);
  }
}

TEST(RulesTest, AnIdStandsForOneRule) {
  std::set<std::string_view> ids;
  for (const Rule& rule : every_rule()) EXPECT_TRUE(ids.insert(rule.id).second) << rule.id;
  EXPECT_THROW(rule("no-such-rule"), std::logic_error);
}

TEST(RulesTest, AChangeThatARuleNamesHasAPage) {
  for (const Rule& rule : all_rules()) {
    if (rule.change.empty()) continue;
    const auto path = testing::source_folder() / "docs/changes" / (std::string(rule.change) + ".md");
    EXPECT_TRUE(std::ifstream(path).good()) << rule.id << " names " << path;
  }
}

}  // namespace
}  // namespace pgphase
