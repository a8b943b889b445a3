#include "orchestrator/settings/resolve.hpp"

#include "orchestrator/settings/config_file.hpp"
#include "orchestrator/settings/settings_table.hpp"
#include "plans/toml/parse.hpp"
#include "plans/toml/reader.hpp"

#include <fmt/format.h>
#include <unistd.h>

#include <algorithm>

namespace pgphase {
namespace {

namespace fs = std::filesystem;

struct Chosen {
  SettingValue value;
  Source source = Source::unset;
  std::string place;
};

class Resolver {
 public:
  Resolver(const Flags& flags, const Environment& environment, const fs::path& cwd)
      : flags_(flags), environment_(environment), cwd_(cwd) {}

  Result<Settings> run() {
    read_file();
    select_environment();
    look_for_misspelt_variables();
    for (const SettingRow& row : settings_table()) take(row);
    if (!problems_.empty()) return to_error(problems_, Errc::usage);
    finish_plans();
    if (settings_.database.empty()) settings_.database_source = Source::unset;
    return std::move(settings_);
  }

 private:
  void problem(std::string where, std::string message, std::string suggestion = {}) {
    Diagnostic found;
    found.file = std::move(where);
    found.message = std::move(message);
    found.suggestion = std::move(suggestion);
    problems_.push_back(std::move(found));
  }

  // Nothing for a variable that is not set or empty.
  const std::string* variable(std::string_view name) const {
    const auto at = environment_.find(name);
    return at == environment_.end() || at->second.empty() ? nullptr : &at->second;
  }

  void read_file() {
    std::optional<fs::path> path;
    if (flags_.config) {
      path = (cwd_ / *flags_.config).lexically_normal();
    } else {
      path = find_config(cwd_);
    }
    settings_.project = path ? path->parent_path() : cwd_;
    if (!path) return;
    settings_.config_file = *path;
    file_name_ = path->lexically_relative(cwd_).string();
    if (file_name_.empty() || file_name_.starts_with("../..")) file_name_ = path->string();

    auto text = read_text_file(*path);
    if (!text) {
      for (Diagnostic found : text.error()) {
        found.file = file_name_;
        problems_.push_back(std::move(found));
      }
      return;
    }
    auto parsed = parse_config(*text, file_name_);
    if (parsed) {
      file_ = std::move(*parsed);
      return;
    }
    file_is_broken_ = true;
    for (Diagnostic found : parsed.error()) problems_.push_back(std::move(found));
  }

  void select_environment() {
    const std::string* from_variable = variable("PGPHASE_ENV");
    if (flags_.environment) {
      settings_.environment = *flags_.environment;
    } else if (from_variable) {
      settings_.environment = *from_variable;
    } else {
      return;
    }
    const auto found = file_.environments.find(settings_.environment);
    if (found != file_.environments.end()) {
      selected_ = &found->second;
      return;
    }
    if (file_is_broken_) return;  // it may well be in there
    std::string known;
    for (const auto& [name, unused] : file_.environments) known += (known.empty() ? "" : ", ") + name;
    const char* where = flags_.environment ? "--env" : "PGPHASE_ENV";
    const std::string file = file_name_.empty() ? k_config_name : file_name_;
    problem(where, fmt::format("there is no [env.{}] in {}", settings_.environment, file),
            known.empty() ? "" : fmt::format("there is: {}", known));
  }

  // Ignored without a word, PGPHASE_LOCKS_TIMEOUT would be a limit that is not kept.
  void look_for_misspelt_variables() {
    std::vector<std::string> known = {"PGPHASE_ENV", "PGPHASE_PGBIN", "PGPHASE_REHEARSE_ON"};
    for (const SettingRow& row : settings_table()) {
      if (!row.env.empty()) known.emplace_back(row.env);
    }
    for (const auto& [name, unused] : environment_) {
      if (!name.starts_with("PGPHASE_") || std::find(known.begin(), known.end(), name) != known.end()) continue;
      const std::string meant = nearest(name, known);
      if (meant.empty()) continue;
      settings_.warnings.push_back(fmt::format("the variable {} is not known; is {} meant?", name, meant));
    }
  }

  std::optional<Chosen> from_text(const SettingRow& row, std::string_view text, Source source, std::string_view place) {
    auto value = parse_setting(row, text);
    if (!value) {
      problem(std::string(place), value.error().message, value.error().next);
      return std::nullopt;
    }
    if (const auto wrong = refused(row, *value)) {
      problem(std::string(place), *wrong);
      return std::nullopt;
    }
    return Chosen{std::move(*value), source, std::string(place)};
  }

  std::optional<Chosen> from_file(const SettingRow& row, const FileSettings& settings, Source source) const {
    const auto found = settings.find(row.key);
    if (found == settings.end()) return std::nullopt;
    const auto& [value, at] = found->second;
    return Chosen{value, source, fmt::format("{}:{}:{}", file_name_, at.line, at.column)};
  }

  // The order of precedence, in one place.
  std::optional<Chosen> choose(const SettingRow& row) {
    if (const auto flag = flags_.values.find(row.key); flag != flags_.values.end()) {
      return from_text(row, flag->second, Source::flag, row.flag);
    }
    if (const std::string* text = row.env.empty() ? nullptr : variable(row.env)) {
      return from_text(row, *text, Source::environment_variable, row.env);
    }
    if (row.key == "database") {
      if (auto chosen = database_url()) return chosen;
    }
    if (selected_) {
      if (auto chosen = from_file(row, *selected_, Source::environment_table)) return chosen;
    }
    if (auto chosen = from_file(row, file_.top, Source::file)) return chosen;
    if (row.key == "database") return dotenv_url();
    if (row.preset.empty()) return std::nullopt;
    return from_text(row, row.preset, Source::by_default, "default");
  }

  // With an environment selected, whatever DATABASE_URL the shell has left over must not retarget it.
  std::optional<Chosen> database_url() {
    const std::string* url = variable("DATABASE_URL");
    if (!url) return std::nullopt;
    if (settings_.environment.empty()) return Chosen{*url, Source::environment_variable, "DATABASE_URL"};
    settings_.database_url_passed_over = true;
    return std::nullopt;
  }

  std::optional<Chosen> dotenv_url() {
    const fs::path path = settings_.project / ".env";
    std::error_code missing;
    if (!fs::exists(path, missing)) return std::nullopt;
    const auto text = read_text_file(path);
    if (!text) {
      settings_.warnings.push_back(fmt::format("{} {}", path.string(), text.error().front().message));
      return std::nullopt;
    }
    const Environment lines = read_dotenv(*text, environment_);
    const auto url = lines.find("DATABASE_URL");
    if (url == lines.end() || url->second.empty()) return std::nullopt;
    if (settings_.environment.empty()) return Chosen{url->second, Source::dotenv, "DATABASE_URL in " + path.string()};
    settings_.database_url_passed_over = true;
    return std::nullopt;
  }

  void take(const SettingRow& row) {
    auto chosen = choose(row);
    if (!chosen) return;
    row.store(settings_, std::move(chosen->value));
    if (row.key == "database") {
      settings_.database_source = chosen->source;
      settings_.database_place = chosen->place;
    }
    if (row.key == "plans") plans_source_ = chosen->source;
  }

  // What is typed into a shell is relative to where the shell is.
  void finish_plans() {
    const bool typed = plans_source_ == Source::flag || plans_source_ == Source::environment_variable;
    settings_.plans = ((typed ? cwd_ : settings_.project) / settings_.plans).lexically_normal();
  }

  const Flags& flags_;
  const Environment& environment_;
  const fs::path& cwd_;
  Settings settings_;
  ConfigFile file_;
  std::string file_name_;
  bool file_is_broken_ = false;
  const FileSettings* selected_ = nullptr;
  Source plans_source_ = Source::unset;
  Diagnostics problems_;
};

}  // namespace

Result<Settings> resolve_settings(const Flags& flags, const Environment& environment, const fs::path& cwd) {
  return Resolver(flags, environment, cwd).run();
}

Environment process_environment() {
  Environment out;
  for (char** entry = environ; entry != nullptr && *entry != nullptr; ++entry) {
    const std::string_view text = *entry;
    const std::size_t equals = text.find('=');
    if (equals != std::string_view::npos) out.emplace(text.substr(0, equals), text.substr(equals + 1));
  }
  return out;
}

}  // namespace pgphase
