// `pgphase split`: ordinary SQL as plans. Needs no database.
#include <fmt/format.h>

#include <CLI/CLI.hpp>
#include <boost/json/array.hpp>
#include <filesystem>

#include "orchestrator/cli/program.hpp"
#include "orchestrator/cli/sql_input.hpp"
#include "orchestrator/project/scaffold.hpp"
#include "plans/base/one_line.hpp"
#include "plans/translate/translate.hpp"

namespace pgphase {
namespace {

namespace fs = std::filesystem;
namespace json = boost::json;

struct SplitOptions {
  std::string path, name;
  bool write = false;
};

struct Source {
  std::string file, text;
};

struct Split {
  json::array plans, left;
  std::size_t written = 0;
};

Result<std::vector<Source>> sources(const std::string& path) {
  PGPHASE_TRY(files, sql_files(path));
  std::vector<Source> out;
  for (const auto& file : files) {
    PGPHASE_TRY(text, sql_text(file));
    out.push_back({file, std::move(text)});
  }
  return out;
}

// "V7__add_orders.sql" is about "v7 add orders"; of "2024_add/up.sql" the folder says what it is about.
std::string about(const std::string& file) {
  if (file == "-") return "split";
  const fs::path path(file);
  const auto stem = path.stem().string();
  const bool says_nothing = stem == "up" || stem == "migration";
  return plan_name_from(says_nothing && path.has_parent_path() ? path.parent_path().filename().string() : stem,
                        "split");
}

std::string sentence(std::string name) {
  for (char& c : name) {
    if (c == '_') c = ' ';
  }
  if (name[0] >= 'a' && name[0] <= 'z') name[0] = static_cast<char>(name[0] - 32);
  return name;
}

Result<void> split_one(Program& program, const SplitOptions& options, const Source& source, Split& out) {
  auto& console = program.console();
  const auto name = options.name.empty() ? about(source.file) : options.name;
  const auto shown = source.file == "-" ? std::string("<stdin>") : source.file;
  const auto translation = translate_script(source.text, {sentence(name)});
  for (const auto& left : translation.left) {
    console.warn(fmt::format("{}:{}:{}: not split: {}", shown, left.at.line, left.at.column, left.why));
    out.left.push_back({{"file", shown},
                        {"line", left.at.line},
                        {"column", left.at.column},
                        {"statement", one_line(left.statement)},
                        {"why", left.why}});
  }
  for (std::size_t i = 0; i < translation.plans.size(); ++i) {
    const auto& plan = translation.plans[i];
    json::object told{{"title", plan.title}, {"entries", plan.entries}, {"toml", plan.toml}};
    if (options.write && plan.entries == 0) {
      // It would stand in everybody's way: a plan that changes nothing is refused.
      console.warn(fmt::format("{}: no plan is written of {}: nothing of it was split", shown,
                               plan.title.empty() ? "it" : plan.title));
    } else if (options.write) {
      const auto& folder = program.settings().plans;
      auto called = plan.title.empty() ? name : plan_name_from(plan.title, "revision_");
      if (plan.title.empty() && i > 0) called += fmt::format("_{}", i + 1);
      PGPHASE_TRY(path, new_plan_of(folder, called, plans_in(folder), plan.toml));
      told["path"] = path;
      console.say(path);
    } else if (!console.json()) {
      if (out.plans.size() + i > 0) console.say("");
      if (translation.plans.size() > 1) console.say(fmt::format("# plan {} of {}", i + 1, translation.plans.size()));
      auto text = plan.toml;
      text.pop_back();
      console.say(text);
    }
    out.plans.push_back(std::move(told));
  }
  return {};
}

ExitCode split(Program& program, const SplitOptions& options) {
  auto& console = program.console();
  const auto all = sources(options.path);
  if (!all) return console.fail(all.error());
  Split out;
  for (const auto& source : *all) {
    if (auto done = split_one(program, options, source, out); !done) return console.fail(done.error());
  }
  const bool incomplete = !out.left.empty();
  if (incomplete) {
    console.warn(
        fmt::format("{} not split: {}",
                    out.left.size() == 1 ? "one statement was" : fmt::format("{} statements were", out.left.size()),
                    "each stands as a comment in the plan, at its place"));
  }
  console.object({{"plans", std::move(out.plans)}, {"left", std::move(out.left)}});
  return incomplete ? ExitCode::plan_rejected : ExitCode::done;
}

}  // namespace

void add_split(Program& program) {
  auto options = std::make_shared<SplitOptions>();
  auto* command = program.add_command("split", "Make phased plans of ordinary migration SQL; needs no database",
                                      "  pgphase split db/migrate/007_orders.sql\n"
                                      "    format = 1\n"
                                      "    description = \"Orders\"\n\n"
                                      "    [[change]]\n"
                                      "    op = \"create_index\"\n"
                                      "    …\n"
                                      "  alembic upgrade a1b2:head --sql | pgphase split - --write",
                                      [&program, options] { return split(program, *options); });
  command->add_option("PATH", options->path, "a file of SQL, a folder of such files, or - for standard input")
      ->required();
  command->add_option("--name", options->name, "what the plan is about; otherwise the file's name says it");
  command->add_flag("--write", options->write, "put the plans into the plans folder, with the next numbers");
}

}  // namespace pgphase
