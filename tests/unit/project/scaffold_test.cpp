#include "orchestrator/project/scaffold.hpp"

#include "orchestrator/settings/config_file.hpp"
#include "orchestrator/settings/resolve.hpp"
#include "plans/toml/parse.hpp"

#include <gtest/gtest.h>
#include <unistd.h>

#include <fstream>
#include <sstream>

namespace pgphase {
namespace {

namespace fs = std::filesystem;

class ScaffoldTest : public testing::Test {
 protected:
  ScaffoldTest() {
    std::string name = (fs::temp_directory_path() / "pgphase-scaffold-XXXXXX").string();
    folder_ = ::mkdtemp(name.data());
  }
  ~ScaffoldTest() override { fs::remove_all(folder_); }

  static std::string read(const fs::path& path) {
    std::ostringstream out;
    out << std::ifstream(path).rdbuf();
    return out.str();
  }

  fs::path folder_;
};

std::string uncommented(const std::string& text) {
  std::istringstream in(text);
  std::string out;
  for (std::string line; std::getline(in, line);) out += (line.starts_with("# ") ? line.substr(2) : line) + "\n";
  return out;
}

TEST_F(ScaffoldTest, InitMakesTheSettingsAndTheFolderAndNothingElse) {
  const auto made = init_project(folder_);
  ASSERT_TRUE(made) << made.error().text();
  EXPECT_EQ(*made, (std::vector<std::string>{"pgphase.toml", "migrations/"}));
  EXPECT_EQ(std::distance(fs::directory_iterator(folder_), fs::directory_iterator()), 2);
  EXPECT_TRUE(fs::is_empty(folder_ / "migrations"));
  EXPECT_EQ(read(folder_ / "pgphase.toml"), settings_template());
  const auto settings = resolve_settings({}, {}, folder_);
  ASSERT_TRUE(settings) << settings.error().text();
  EXPECT_EQ(settings->plans, folder_ / "migrations");
}

TEST_F(ScaffoldTest, InitLeavesWhatIsThere) {
  std::ofstream(folder_ / "pgphase.toml") << "role = 'mine'\n";
  const auto made = init_project(folder_);
  ASSERT_FALSE(made);
  EXPECT_EQ(made.error().code, Errc::refused);
  EXPECT_NE(made.error().message.find("pgphase.toml exists already"), std::string::npos);
  EXPECT_EQ(read(folder_ / "pgphase.toml"), "role = 'mine'\n");
  EXPECT_FALSE(fs::exists(folder_ / "migrations"));
}

TEST_F(ScaffoldTest, InitUsesAPlansFolderThatIsThere) {
  fs::create_directory(folder_ / "migrations");
  std::ofstream(folder_ / "migrations/001_a.toml") << "kept";
  EXPECT_EQ(init_project(folder_).value(), std::vector<std::string>{"pgphase.toml"});
  EXPECT_EQ(read(folder_ / "migrations/001_a.toml"), "kept");
}

TEST_F(ScaffoldTest, InitRefusesWhenMigrationsIsAFile) {
  std::ofstream(folder_ / "migrations") << "x";
  EXPECT_FALSE(init_project(folder_));
  EXPECT_FALSE(fs::exists(folder_ / "pgphase.toml"));
}

TEST_F(ScaffoldTest, InitMakesTheFolderThatItIsGiven) {
  ASSERT_TRUE(init_project(folder_ / "new" / "project"));
  EXPECT_TRUE(fs::is_directory(folder_ / "new/project/migrations"));
  std::ofstream(folder_ / "file") << "x";
  EXPECT_FALSE(init_project(folder_ / "file" / "project"));
}

// What the comments offer is what the table says: taken in, it is valid, and each default is the default.
TEST_F(ScaffoldTest, TheCommentedSettingsAreValidAndAreTheDefaults) {
  std::ofstream(folder_ / "pgphase.toml") << uncommented(settings_template());
  const auto offered = resolve_settings({}, {}, folder_);
  ASSERT_TRUE(offered) << offered.error().text();
  const auto config = parse_config(uncommented(settings_template()), "pgphase.toml");
  ASSERT_TRUE(config);
  for (const SettingRow& row : settings_table()) {
    const auto found = config->top.find(row.key);
    ASSERT_NE(found, config->top.end()) << row.key;
    if (row.preset.empty()) continue;  // an example is shown
    EXPECT_EQ(found->second.value, parse_setting(row, row.preset).value()) << row.key;
  }
  EXPECT_TRUE(config->environments.contains("production"));
  EXPECT_TRUE(connection_of(*offered));
}

TEST_F(ScaffoldTest, NewNumbersPlansAndRequiresTheLast) {
  const auto first = new_plan(folder_, "Initial", {});
  ASSERT_TRUE(first) << first.error().text();
  EXPECT_EQ(*first, (folder_ / "001_initial.toml").string());
  EXPECT_NE(read(*first).find("requires    = []"), std::string::npos);

  const auto next = new_plan(folder_, "add task-priority", {{"009_b"}, {"010_a"}, {"001_initial"}});
  EXPECT_EQ(next.value(), (folder_ / "011_add_task_priority.toml").string());
  EXPECT_NE(read(*next).find("requires    = [\"010_a\"]"), std::string::npos);
  EXPECT_NE(read(*next).find("description = \"Add task priority\""), std::string::npos);

  EXPECT_EQ(new_plan(folder_, "x", {{"999_a"}}).value(), (folder_ / "1000_x.toml").string());
  EXPECT_EQ(new_plan(folder_, "x", {{"no_number"}}).value(), (folder_ / "001_x.toml").string());
}

TEST_F(ScaffoldTest, NewOverwritesNothing) {
  std::ofstream(folder_ / "001_x.toml") << "kept";
  const auto made = new_plan(folder_, "x", {});
  ASSERT_FALSE(made);
  EXPECT_EQ(made.error().code, Errc::refused);
  EXPECT_EQ(read(folder_ / "001_x.toml"), "kept");
  EXPECT_FALSE(new_plan(folder_ / "missing", "x", {}));
}

TEST_F(ScaffoldTest, NewRefusesNamesThatAreNoFileNames) {
  for (const char* name : {"", "  ", "--", "../x", "a/b", "a.toml", "naïve", "003_x", "42", "a\nb", "a\"b"}) {
    const auto made = new_plan(folder_, name, {});
    ASSERT_FALSE(made) << name;
    EXPECT_EQ(made.error().code, Errc::usage) << name;
  }
  EXPECT_FALSE(new_plan(folder_, std::string(61, 'x'), {}));
  EXPECT_TRUE(fs::is_empty(folder_));
  EXPECT_EQ(new_plan(folder_, "2fa", {}).value(), (folder_ / "001_2fa.toml").string());
}

TEST_F(ScaffoldTest, TheTemplateIsTomlWithNoStepsAndItsCommentsAreTomlToo) {
  const std::string text = plan_template("Add it", {{"001_a"}});
  const auto plain = parse_toml(text, "plan");
  ASSERT_TRUE(plain) << render(plain.error());
  EXPECT_EQ(plain->root.entries.size(), 3U);
  // The example sentences between the examples end in a colon.
  std::istringstream in(text);
  std::string examples;
  for (std::string line; std::getline(in, line);) {
    if (!line.ends_with(':')) examples += (line.starts_with("# ") ? line.substr(2) : line) + "\n";
  }
  const auto all = parse_toml(examples, "plan");
  ASSERT_TRUE(all) << render(all.error());
  for (const char* key : {"change", "backfill", "constraint", "gate"}) EXPECT_NE(all->root.find(key), nullptr) << key;
}

}  // namespace
}  // namespace pgphase
