// docs/settings.md says what the settings table says. When this fails, put the table that it prints into the page.
#include "orchestrator/settings/settings_table.hpp"
#include "phases/postgres/conninfo_keys.hpp"
#include "tests/support/paths.hpp"

#include <fmt/format.h>
#include <gtest/gtest.h>

#include <fstream>
#include <sstream>

namespace pgphase {
namespace {

std::string page() {
  std::ifstream in(testing::source_folder() / "docs" / "settings.md");
  EXPECT_TRUE(in);
  std::ostringstream out;
  out << in.rdbuf();
  return out.str();
}

std::string code(std::string_view text) {
  return text.empty() ? "" : fmt::format("`{}`", text);
}

std::string expected_table() {
  std::string out = "| setting | kind | default | variable | flag | |\n| --- | --- | --- | --- | --- | --- |\n";
  for (const SettingRow& row : settings_table()) {
    const std::string key = row.table().empty() ? code(row.key) : fmt::format("`[{}]` `{}`", row.table(), row.name());
    out += fmt::format("| {} | {} | {} | {} | {} | {} |\n", key, row.kind_in_words(), code(row.default_in_toml()),
                       code(row.env), code(row.flag), row.description);
  }
  return out;
}

TEST(SettingsPage, HasTheTableOfTheCode) {
  const std::string text = page();
  const std::size_t begin = text.find("| setting | kind |");
  ASSERT_NE(begin, std::string::npos);
  const std::size_t end = text.find("\n\n", begin);
  EXPECT_EQ(text.substr(begin, end + 1 - begin), expected_table());
}

TEST(SettingsPage, SaysWhatFollowsWhenASignalCannotBeRead) {
  const std::string text = page();
  for (const SettingRow& row : settings_table()) {
    if (row.kind != SettingKind::limit) continue;
    EXPECT_NE(text.find(fmt::format("| `{}` |", row.name())), std::string::npos) << row.key;
  }
}

TEST(SettingsPage, NamesEveryKeyThatIsNotBuilt) {
  const std::string text = page();
  for (const LaterKey& later : later_keys()) {
    const std::size_t dot = later.key.find('.');
    const std::string_view name = dot == std::string_view::npos ? later.key : later.key.substr(dot + 1);
    EXPECT_NE(text.find(std::string(name)), std::string::npos) << later.key;
  }
}

TEST(SettingsPage, SaysWhatBecomesOfEveryKeyThatLibpqDoesNotKnow) {
  using conninfo::KeyUse;
  const std::string text = page();
  for (const conninfo::Key& key : conninfo::all_keys()) {
    if (key.use == KeyUse::pass) continue;
    EXPECT_NE(text.find(fmt::format("`{}", key.name)), std::string::npos) << key.name;
  }
}

}  // namespace
}  // namespace pgphase
