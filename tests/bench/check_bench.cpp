#include <fmt/format.h>

#include <algorithm>
#include <cstdlib>
#include <filesystem>
#include <functional>
#include <set>

#include "tests/bench/benches.hpp"
#include "tests/bench/figures.hpp"
#include "tests/bench/pgphase.hpp"
#include "tests/bench/stage.hpp"
#include "tests/support/paths.hpp"
#include "tests/support/process.hpp"
#include "tests/support/proof/form.hpp"
#include "tests/support/proof/label.hpp"
#include "tests/support/temp_dir.hpp"

namespace pgphase::bench {
namespace {

namespace json = boost::json;
using std::chrono::steady_clock;
using testing::proof::Form;

constexpr auto k_limit = std::chrono::minutes(5);

struct File {
  std::string name;
  bool harmful = false;
};

// What a tool complains about beside harm: style, and timeouts that a runner sets.
constexpr const char* k_squawk_without =
    "require-lock-timeout,require-statement-timeout,prefer-robust-stmts,prefer-bigint-over-int,"
    "prefer-bigint-over-smallint,prefer-identity,prefer-text-field,prefer-timestamptz,ban-char-field";

struct Tool {
  std::string title;
  std::vector<std::string> command;  // the files follow
  std::function<std::set<std::string>(const std::string& out)> flagged;
};

std::string text(const json::value& value) {
  return {value.as_string().data(), value.as_string().size()};
}

std::set<std::string> by_pgphase(const std::string& out) {
  std::set<std::string> files;
  const auto answer = json::parse(out);
  for (const auto& one : answer.at("findings").as_array()) {
    if (text(one.at("severity")) != "note") files.insert(text(one.at("file")));
  }
  return files;
}

std::set<std::string> by_squawk(const std::string& out) {
  std::set<std::string> files;
  const auto answer = json::parse(out);
  for (const auto& one : answer.as_array()) files.insert(text(one.at("file")));
  return files;
}

std::set<std::string> by_pgfence(const std::string& out) {
  std::set<std::string> files;
  const auto answer = json::parse(out);
  for (const auto& file : answer.at("results").as_array()) {
    const auto risk = text(file.at("maxRisk"));
    if (risk != "SAFE" && risk != "LOW") files.insert(text(file.at("filePath")));
  }
  return files;
}

std::string file_name(std::size_t number, std::string_view form) {
  std::string out = fmt::format("{:03}_", number);
  for (const char c : form) out += std::isalnum(static_cast<unsigned char>(c)) != 0 ? c : '_';
  return out + ".sql";
}

std::string migration(const Form& form) {
  std::string before(form.before);
  for (std::size_t at = 0; (at = before.find(";;", at)) != std::string::npos;) before.replace(at, 2, ";\n");
  if (!before.empty()) before += ";\n";
  return fmt::format("-- {}\n{}{};\n", form.name, before, form.statement);
}

std::vector<File> write_corpus(const testing::TempDir& folder) {
  const auto labels = testing::proof::read_labels();
  std::vector<File> out;
  for (const Form& form : testing::proof::all_forms()) {
    const auto label = labels.find(std::string(form.name));
    if (label == labels.end()) continue;
    File file{file_name(out.size() + 1, form.name), label->second != "harmless"};
    folder.write(file.name, migration(form));
    out.push_back(std::move(file));
  }
  return out;
}

// From the registry, into a folder that goes with the bench. Nothing where there is no npm, or no registry.
bool install(const testing::TempDir& folder) {
  testing::ProcessOptions options;
  options.folder = folder.path().string();
  try {
    testing::Process npm(
        {"npm", "install", "--no-audit", "--no-fund", "--prefix", options.folder, "squawk-cli", "@flvmnt/pgfence"},
        options);
    return npm.wait(k_limit) == 0;
  } catch (const std::runtime_error&) {
    return false;
  }
}

std::string version_of(const std::string& program, const testing::TempDir& folder) {
  testing::ProcessOptions options;
  options.folder = folder.path().string();
  testing::Process process({program, "--version"}, options);
  process.wait(k_limit);
  auto out = process.out();
  out.erase(out.find_last_not_of(" \n") + 1);
  return out;
}

struct Result {
  std::size_t found = 0, missed = 0, false_alarms = 0;
  double seconds = 0;
  std::vector<std::string> missed_files, alarmed_files;
};

Result run(const Tool& tool, const std::vector<File>& files, const testing::TempDir& folder) {
  auto args = tool.command;
  for (const auto& file : files) args.push_back(file.name);
  testing::ProcessOptions options;
  options.folder = folder.path().string();
  const auto begin = steady_clock::now();
  testing::Process process(args, options);
  if (!process.wait(k_limit)) throw std::runtime_error(tool.title + " did not end");
  Result out;
  out.seconds = std::chrono::duration<double>(steady_clock::now() - begin).count();
  std::set<std::string> flagged;
  try {
    flagged = tool.flagged(process.out());
  } catch (const std::exception& problem) {
    throw std::runtime_error(
        fmt::format("{} said something else: {}\n{}", tool.title, problem.what(), process.err().substr(0, 500)));
  }
  for (const auto& file : files) {
    const bool warned = flagged.contains(file.name);
    if (file.harmful && warned) ++out.found;
    if (file.harmful && !warned) {
      ++out.missed;
      out.missed_files.push_back(file.name);
    }
    if (!file.harmful && warned) {
      ++out.false_alarms;
      out.alarmed_files.push_back(file.name);
    }
  }
  return out;
}

json::array as_array(const std::vector<std::string>& texts) {
  json::array out;
  for (const auto& one : texts) out.emplace_back(one);
  return out;
}

}  // namespace

Report bench_check(const CommonOptions& options) {
  const testing::TempDir corpus;
  const testing::TempDir tools;
  const auto files = write_corpus(corpus);
  const auto harmful =
      static_cast<std::size_t>(std::count_if(files.begin(), files.end(), [](const File& one) { return one.harmful; }));
  std::vector<Tool> all = {{"pgphase " + pgphase_version(), {testing::pgphase_binary().string(), "check", "--json"}, by_pgphase}};
  Report out;
  if (install(tools)) {
    const auto bin = (tools.path() / "node_modules/.bin").string();
    all.push_back({version_of(bin + "/squawk", tools),
                   {bin + "/squawk", "--reporter", "Json", "--exclude", k_squawk_without},
                   by_squawk});
    all.push_back({"pgfence " + version_of(bin + "/pgfence", tools),
                   {bin + "/pgfence", "analyze", "--output", "json", "--no-lock-timeout", "--no-statement-timeout"},
                   by_pgfence});
  } else {
    out.notes.emplace_back("npm could not install squawk-cli and @flvmnt/pgfence: nothing to compare with");
  }
  out.name = "check";
  out.title = fmt::format("{} migration files, {} harmful and {} harmless by what servers were seen to do",
                          files.size(), harmful, files.size() - harmful);
  out.machine = this_machine();
  out.machine.commit = options.commit;
  out.machine.pgphase = pgphase_version();
  out.figures.heads = {"", "harmful, found", "harmful, missed", "harmless, warned of", "time"};
  std::optional<double> ours;
  std::optional<double> least_of_others;
  for (const auto& tool : all) {
    tell(tool.title);
    const auto result = run(tool, files, corpus);
    out.figures.rows.push_back({tool.title, std::to_string(result.found), std::to_string(result.missed),
                                std::to_string(result.false_alarms), as_seconds({result.seconds})});
    out.details[tool.title] = json::object{{"found", result.found},
                                           {"missed", as_array(result.missed_files)},
                                           {"false_alarms", as_array(result.alarmed_files)},
                                           {"seconds", result.seconds}};
    const auto alarms = static_cast<double>(result.false_alarms);
    if (!ours) {
      out.bars.push_back(
          {"harmful files that pgphase misses", Wanted::at_most, 0, Unit::count, static_cast<double>(result.missed)});
      ours = alarms;
    } else {
      least_of_others = std::min(least_of_others.value_or(alarms), alarms);
    }
  }
  if (least_of_others) {
    out.bars.push_back({"harmless files that pgphase warns of, beside the better of the others", Wanted::at_most,
                        *least_of_others - 1, Unit::count, ours});
  }
  return out;
}

}  // namespace pgphase::bench
