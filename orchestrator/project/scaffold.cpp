#include "orchestrator/project/scaffold.hpp"

#include "orchestrator/settings/resolve.hpp"
#include "orchestrator/settings/settings_table.hpp"

#include <fcntl.h>
#include <fmt/format.h>
#include <unistd.h>

#include <algorithm>
#include <cctype>
#include <cerrno>
#include <charconv>
#include <cstring>

namespace pgphase {
namespace {

namespace fs = std::filesystem;

constexpr std::size_t k_longest_name = 60;

// Fails when the file exists, so that two people who run `new` at once do not write into one file.
Result<void> create_file(const fs::path& path, std::string_view text) {
  const int fd = ::open(path.c_str(), O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0644);
  if (fd < 0) {
    if (errno == EEXIST) {
      return make_error(Errc::refused, fmt::format("{} exists already, and is left as it is", path.string()));
    }
    return make_error(Errc::refused, fmt::format("{} cannot be made: {}", path.string(), std::strerror(errno)));
  }
  std::string problem;
  while (!text.empty() && problem.empty()) {
    const ssize_t written = ::write(fd, text.data(), text.size());
    if (written > 0) text.remove_prefix(static_cast<std::size_t>(written));
    if (written < 0 && errno != EINTR) problem = std::strerror(errno);
  }
  if (::close(fd) != 0 && problem.empty()) problem = std::strerror(errno);
  if (problem.empty()) return {};
  ::unlink(path.c_str());
  return make_error(Errc::refused, fmt::format("{} cannot be written: {}", path.string(), problem),
                    "Nothing was left behind.");
}

// As a line of TOML: `timeout = "500ms"`.
std::string assignment(const SettingRow& row) {
  if (!row.preset.empty()) return fmt::format("{} = {}", row.name(), row.default_in_toml());
  const bool quoted = row.kind == SettingKind::text || row.kind == SettingKind::statement;
  const std::string_view quote = quoted ? "\"" : "";
  return fmt::format("{} = {}{}{}", row.name(), quote, row.example, quote);
}

// The number in front of a plan's name, or 0.
std::uint64_t number_of(std::string_view id) {
  std::uint64_t number = 0;
  const auto [end, code] = std::from_chars(id.data(), id.data() + id.size(), number);
  return code == std::errc{} && end != id.data() ? number : 0;
}

Result<std::string> file_name_part(std::string_view name) {
  const auto refuse = [&](std::string_view why) {
    return make_error(Errc::usage, fmt::format("\"{}\" cannot be a plan's name: {}", name, why),
                      "Use letters, digits and _, for example: pgphase new add_task_priority");
  };
  std::string out;
  for (const char c : name) {
    const auto byte = static_cast<unsigned char>(c);
    if (byte < 0x80 && std::isalnum(byte) != 0) {
      out += static_cast<char>(std::tolower(byte));
    } else if (c == ' ' || c == '-' || c == '_') {
      if (!out.empty() && out.back() != '_') out += '_';
    } else if (byte < 0x20 || byte == 0x7f) {
      return make_error(Errc::usage, "a plan's name cannot hold control characters");
    } else {
      return refuse(byte < 0x80 ? fmt::format("it holds {}", c) : "it holds a character outside ASCII");
    }
  }
  while (out.ends_with('_')) out.pop_back();
  if (out.empty()) return refuse("there is no letter in it");
  if (out.size() > k_longest_name) return refuse(fmt::format("it has more than {} characters", k_longest_name));
  const std::size_t digits = std::min(out.find_first_not_of("0123456789"), out.size());
  if (digits > 0 && (digits == out.size() || out[digits] == '_')) {
    return refuse("it begins with a number, which pgphase gives itself");
  }
  return out;
}

// "add_task_priority" as a sentence's beginning; TOML needs nothing escaped in it.
std::string describe(std::string name) {
  std::replace(name.begin(), name.end(), '_', ' ');
  name[0] = static_cast<char>(std::toupper(static_cast<unsigned char>(name[0])));
  return name;
}

}  // namespace

std::string settings_template() {
  std::string out =
      "## Settings of pgphase. Take the # from a line to set it: it shows the default, or an example.\n"
      "## A flag wins over an environment variable, that over [env.NAME], that over the rest of this file.\n";
  std::string_view table;
  for (const SettingRow& row : settings_table()) {
    if (row.table() != table) {
      table = row.table();
      out += fmt::format("\n# [{}]\n", table);
    } else if (table.empty()) {
      out += '\n';
    }
    out += fmt::format("## {}\n# {}\n", row.description, assignment(row));
  }
  out +=
      "\n## An environment, selected by --env production or PGPHASE_ENV: it may override every setting above.\n"
      "## While one is selected, DATABASE_URL does not count.\n"
      "# [env.production]\n"
      "# protected = true\n"
      "# [env.production.locks]\n"
      "# timeout = \"200ms\"\n";
  return out;
}

std::string plan_template(std::string_view description, const std::vector<PlanId>& required) {
  std::string list;
  for (const PlanId& id : required) list += fmt::format("{}\"{}\"", list.empty() ? "" : ", ", id.value);
  return fmt::format(R"(format      = 1
description = "{}"
requires    = [{}]

# A change, which pgphase splits into the phases additive, backfill and constraint:
#
# [[change]]
# op     = "add_column"
# table  = "tasks"
# column = "priority"
# type   = "smallint"
#
# [[change]]
# op      = "create_index"
# name    = "idx_tasks_priority"
# table   = "tasks"
# columns = ["priority"]
#
# Or the steps of the phases by hand, each with its way back:
#
# [[backfill]]
# name  = "priority"
# table = "tasks"
# set   = {{ priority = "CASE WHEN completed THEN 9 ELSE 3 END" }}
#
# [[constraint]]
# name     = "required"
# sql      = ["ALTER TABLE tasks ADD CONSTRAINT tasks_priority_nn CHECK (priority IS NOT NULL) NOT VALID",
#             "ALTER TABLE tasks VALIDATE CONSTRAINT tasks_priority_nn"]
# rollback = "ALTER TABLE tasks DROP CONSTRAINT tasks_priority_nn"
#
# What must be true before a phase starts (constraint waits for `pgphase approve` unless this says otherwise):
#
# [gate.constraint]
# approve = true
# wait    = "30m"
)",
                     description, list);
}

Result<std::vector<std::string>> init_project(const fs::path& folder) {
  const fs::path plans = folder / "migrations";
  std::error_code problem;
  const bool had_plans = fs::exists(plans, problem);
  if (had_plans && !fs::is_directory(plans, problem)) {
    return make_error(Errc::refused, fmt::format("{} exists and is not a folder", plans.string()),
                      "Nothing was made. Move it away, or write a pgphase.toml with another `plans` by hand.");
  }
  if (!fs::create_directories(folder, problem) && problem) {
    return make_error(Errc::refused, fmt::format("{} cannot be made: {}", folder.string(), problem.message()),
                      "Nothing was made.");
  }
  if (auto made = create_file(folder / k_config_name, settings_template()); !made) {
    Error error = made.error();
    if (error.next.empty()) error.next = "Nothing was made.";
    return error;
  }
  std::vector<std::string> out = {k_config_name};
  if (had_plans) return out;
  if (!fs::create_directory(plans, problem)) {
    return make_error(Errc::refused, fmt::format("{} cannot be made: {}", plans.string(), problem.message()),
                      fmt::format("{} was made.", (folder / k_config_name).string()));
  }
  out.emplace_back("migrations/");
  return out;
}

namespace {

struct Place {
  fs::path path;
  std::string name;
  std::vector<PlanId> required;
};

Result<Place> next_place(const fs::path& plans_folder, std::string_view name, const std::vector<PlanId>& existing) {
  PGPHASE_TRY(part, file_name_part(name));
  std::error_code problem;
  if (!fs::is_directory(plans_folder, problem)) {
    return make_error(Errc::refused, fmt::format("there is no folder {}", plans_folder.string()),
                      "`pgphase init` makes a project; --plans names another folder.");
  }
  const auto last = std::max_element(existing.begin(), existing.end(), [](const PlanId& a, const PlanId& b) {
    return std::pair(number_of(a.value), a.value) < std::pair(number_of(b.value), b.value);
  });
  const std::uint64_t number = last == existing.end() ? 1 : number_of(last->value) + 1;
  Place out{plans_folder / fmt::format("{:03}_{}.toml", number, part), part, {}};
  if (last != existing.end()) out.required.push_back(*last);
  return out;
}

}  // namespace

Result<std::string> new_plan(const fs::path& plans_folder, std::string_view name, const std::vector<PlanId>& existing) {
  PGPHASE_TRY(place, next_place(plans_folder, name, existing));
  PGPHASE_CHECK(create_file(place.path, plan_template(describe(place.name), place.required)));
  return place.path.string();
}

Result<std::string> new_plan_of(const fs::path& plans_folder, std::string_view name,
                                const std::vector<PlanId>& existing, std::string_view text) {
  PGPHASE_TRY(place, next_place(plans_folder, name, existing));
  std::string whole(text);
  for (const PlanId& id : place.required) {
    whole.insert(whole.find('\n') + 1, fmt::format("requires = [\"{}\"]\n", id.value));
  }
  PGPHASE_CHECK(create_file(place.path, whole));
  return place.path.string();
}

std::vector<PlanId> plans_in(const fs::path& folder) {
  std::vector<PlanId> ids;
  std::error_code problem;  // a folder that is not there: new_plan says what to do
  for (fs::directory_iterator entry(folder, problem), end; !problem && entry != end; entry.increment(problem)) {
    const auto& path = entry->path();
    if (path.extension() == ".toml" && !path.filename().string().starts_with('.'))
      ids.push_back({path.stem().string()});
  }
  return ids;
}

std::string plan_name_from(std::string_view text, std::string_view otherwise) {
  std::string out;
  for (const char c : text) {
    const auto byte = static_cast<unsigned char>(c);
    const bool kept = byte < 0x80 && std::isalnum(byte) != 0;
    if (kept) {
      out += static_cast<char>(std::tolower(byte));
    } else if (!out.empty() && out.back() != '_') {
      out += '_';
    }
  }
  // pgphase gives the number itself.
  if (const auto digits = out.find_first_not_of("0123456789"); digits != 0 && digits != std::string::npos) {
    if (out[digits] == '_') out.erase(0, digits + 1);
  }
  if (out.size() > k_longest_name) out.resize(k_longest_name);
  while (out.ends_with('_')) out.pop_back();
  if (out.empty() || out.find_first_not_of("0123456789") == std::string::npos) return std::string(otherwise) + out;
  return out;
}

}  // namespace pgphase
