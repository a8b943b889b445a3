// The house's rules that a compiler or a look at the files can prove: arrows point one way (orchestrator → phases →
// plans), third-party headers stay in their rooms, and the top folder holds the rooms and nothing else.
#include <gtest/gtest.h>

#include <boost/json.hpp>
#include <filesystem>
#include <regex>
#include <set>
#include <sstream>

#include "tests/support/paths.hpp"
#include "tests/support/process.hpp"
#include "tests/support/temp_dir.hpp"

namespace pgphase::testing {
namespace {

namespace fs = std::filesystem;
namespace json = boost::json;

// The command that compiles some file of the room, without the file, its output and the precompiled header.
std::vector<std::string> compile_command(const std::string& room) {
  const json::value all = json::parse(read_file(build_folder() / "compile_commands.json"));
  const std::string prefix = (source_folder() / room).string() + "/";
  for (const json::value& entry : all.as_array()) {
    const std::string file(entry.at("file").as_string());
    if (!file.starts_with(prefix) || file.ends_with("/main.cpp")) continue;
    // No argument of ours holds a space; quotes and backslashes are the generator's.
    std::istringstream words(
        std::regex_replace(std::string(entry.at("command").as_string()), std::regex(R"([\\"])"), ""));
    std::vector<std::string> out;
    for (std::string word; words >> word;) {
      if (word == "-o" || word == "-include") {
        words >> word;  // the object, and the precompiled header
      } else if (word != "-c" && word != file) {
        out.push_back(word);
      }
    }
    return out;
  }
  throw std::runtime_error("no file of " + room + " in compile_commands.json");
}

// Preprocesses a file that holds one include with the command for the room's own files: what is not found there does
// not compile either, and it takes a tenth of the time.
Output preprocess(const std::string& room, const std::string& include) {
  const TempDir folder;
  const auto probe = folder.write("probe.cpp", "#include \"" + include + "\"\n");
  auto args = compile_command(room);
  args.insert(args.end(), {"-E", "-o", "/dev/null", probe.string()});
  return run(args);
}

void expect_found(const std::string& room, const std::string& include) {
  const Output output = preprocess(room, include);
  EXPECT_EQ(output.code, 0) << room << " cannot include " << include << ":\n" << output.err;
}

void expect_not_found(const std::string& room, const std::string& include) {
  ASSERT_TRUE(fs::exists(source_folder() / include)) << "the probe must name a file that exists: " << include;
  const Output output = preprocess(room, include);
  EXPECT_NE(output.code, 0) << room << " can include " << include;
  EXPECT_NE(output.err.find("No such file or directory"), std::string::npos) << output.err;
}

TEST(ArrowsTest, PlansSeeOnlyThemselves) {
  expect_found("plans", "plans/precompiled.hpp");
  expect_not_found("plans", "phases/precompiled.hpp");
  expect_not_found("plans", "orchestrator/precompiled.hpp");
  expect_not_found("plans", "tests/precompiled.hpp");
}

TEST(ArrowsTest, PhasesSeePlans) {
  expect_found("phases", "plans/precompiled.hpp");
  expect_found("phases", "phases/precompiled.hpp");
  expect_not_found("phases", "orchestrator/precompiled.hpp");
  expect_not_found("phases", "tests/precompiled.hpp");
}

TEST(ArrowsTest, TheOrchestratorSeesPhasesAndPlansButNoTests) {
  expect_found("orchestrator", "plans/precompiled.hpp");
  expect_found("orchestrator", "phases/precompiled.hpp");
  expect_found("orchestrator", "orchestrator/precompiled.hpp");
  expect_not_found("orchestrator", "tests/precompiled.hpp");
}

// Where a header may be included: in files whose path, from the repository's top, matches.
struct Room {
  std::regex header;
  std::regex files;
  std::string rule;
};

const std::vector<Room>& rooms() {
  static const std::vector<Room> all = [] {
    std::vector<Room> out;
    out.push_back({std::regex("pqxx/.*|libpq-fe\\.h|libpq/.*"), std::regex("phases/postgres/[^/]*\\.cpp"),
                   "libpqxx and libpq only in phases/postgres/*.cpp"});
    out.push_back({std::regex("toml\\+\\+/.*|toml\\.hpp"), std::regex("plans/toml/[^/]*\\.cpp"),
                   "toml++ only in plans/toml/*.cpp"});
    out.push_back({std::regex("(pg_query|protobuf/pg_query).*"), std::regex("plans/sql/[^/]*\\.cpp"),
                   "libpg_query only in plans/sql/*.cpp"});
    return out;
  }();
  return all;
}

// The broken rules of one file, one a line; empty when it keeps them all.
std::string broken_rules(const std::string& path, const std::string& text) {
  static const std::regex include(R"(^\s*#\s*include\s*["<]([^">]+)[">])");
  std::string out;
  std::istringstream lines(text);
  int number = 0;
  for (std::string line; std::getline(lines, line);) {
    ++number;
    std::smatch match;
    if (!std::regex_search(line, match, include)) continue;
    const std::string header = match[1];
    const std::string where = path + ":" + std::to_string(number) + ": " + header + ": ";
    if (header.find("../") != std::string::npos) out += where + "includes start at a room, not at ../\n";
    for (const Room& room : rooms()) {
      if (std::regex_match(header, room.header) && !std::regex_match(path, room.files)) out += where + room.rule + "\n";
    }
  }
  return out;
}

TEST(IncludesTest, BrokenRulesAreFound) {
  EXPECT_NE(broken_rules("plans/split.cpp", "#include \"../phases/run.hpp\"\n"), "");
  EXPECT_NE(broken_rules("orchestrator/engine/runner.cpp", "\n  # include <pqxx/pqxx>\n"), "");
  EXPECT_NE(broken_rules("phases/postgres/session.hpp", "#include <pqxx/connection>\n"), "") << "a header spreads it";
  EXPECT_NE(broken_rules("plans/split.cpp", "#include <toml++/toml.h>\n"), "");
  EXPECT_NE(broken_rules("phases/backfill/window.cpp", "#include <pg_query.h>\n"), "");
}

TEST(IncludesTest, KeptRulesAreNotReported) {
  EXPECT_EQ(broken_rules("phases/postgres/session.cpp", "#include <pqxx/pqxx>\n#include <libpq-fe.h>\n"), "");
  EXPECT_EQ(broken_rules("plans/toml/parse.cpp", "#include <toml++/toml.h>\n#include \"plans/plan.hpp\"\n"), "");
  EXPECT_EQ(broken_rules("plans/sql/parse.cpp", "#include <pg_query.h>\n"), "");
  EXPECT_EQ(broken_rules("plans/split.cpp", "// see ../phases and <pqxx/pqxx>\n"), "");
}

TEST(IncludesTest, EveryFileOfTheRoomsKeepsTheRules) {
  std::string broken;
  int looked_at = 0;
  for (const char* room : {"plans", "phases", "orchestrator"}) {
    for (const auto& entry : fs::recursive_directory_iterator(source_folder() / room)) {
      const auto extension = entry.path().extension();
      if (extension != ".cpp" && extension != ".hpp") continue;
      broken += broken_rules(fs::relative(entry.path(), source_folder()).string(), read_file(entry.path()));
      ++looked_at;
    }
  }
  EXPECT_EQ(broken, "");
  EXPECT_GT(looked_at, 20) << "the folders were not found";
}

// What lies at the top: what git tracks, or, in an unpacked source archive, what is there.
std::set<std::string> top_level() {
  std::set<std::string> out;
  if (!fs::exists(source_folder() / ".git")) {
    for (const auto& entry : fs::directory_iterator(source_folder())) out.insert(entry.path().filename());
    out.erase("build");
    return out;
  }
  const Output listed = run({"git", "-c", "safe.directory=*", "-C", source_folder().string(), "ls-files"});
  if (listed.code != 0) throw std::runtime_error("git ls-files: " + listed.err);
  std::istringstream paths(listed.out);
  for (std::string path; std::getline(paths, path);) out.insert(path.substr(0, path.find('/')));
  return out;
}

TEST(HouseTest, TheTopFolderHoldsTheRoomsAndNothingElse) {
  const std::set<std::string> house = {"CMakeLists.txt", "CMakePresets.json", "LICENSE", "README.md", "dev",  "docs",
                                       "migrations",     "orchestrator",      "phases",  "plans",     "tests"};
  std::set<std::string> found = top_level();
  std::erase_if(found, [](const std::string& name) { return name.starts_with('.'); });
  EXPECT_EQ(found, house);
}

}  // namespace
}  // namespace pgphase::testing
