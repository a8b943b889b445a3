#include "orchestrator/settings/config_file.hpp"

#include "orchestrator/settings/limit_setting.hpp"
#include "orchestrator/settings/resolve.hpp"
#include "plans/toml/parse.hpp"
#include "plans/toml/reader.hpp"

#include <fmt/format.h>

#include <set>

namespace pgphase {
namespace {

std::optional<SettingValue> read_count_or_auto(std::string_view name, TableReader& reader) {
  const Value* value = reader.value(name);
  const auto* text = value ? std::get_if<std::string>(&value->data) : nullptr;
  if (!text) return reader.integer(name);
  if (*text == k_auto) return *text;
  reader.error(name, fmt::format("`{}` takes an integer or \"auto\"", name));
  return std::nullopt;
}

std::optional<SettingValue> read_value(const SettingRow& row, TableReader& reader) {
  const std::string_view name = row.name();
  switch (row.kind) {
    case SettingKind::text:
    case SettingKind::choice:
    case SettingKind::statement:
      return reader.string(name);
    case SettingKind::count_or_auto:
      return read_count_or_auto(name, reader);
    case SettingKind::limit:
      return read_limit(*signal_named(name), reader);
    case SettingKind::duration:
      return reader.duration(name);
    case SettingKind::count:
      return reader.integer(name);
    case SettingKind::boolean:
      return reader.boolean(name);
    case SettingKind::words:
      // One text would be taken for a whole command line, which only a shell could take apart.
      if (!reader.array(name)) return std::nullopt;
      return reader.strings(name);
  }
  return std::nullopt;
}

void read_row(const SettingRow& row, TableReader& reader, FileSettings& out) {
  auto value = read_value(row, reader);
  if (!value) return;
  if (const auto problem = refused(row, *value)) {
    reader.error(row.name(), *problem);
    return;
  }
  out.insert_or_assign(std::string(row.key), FileSetting{std::move(*value), reader.at(row.name())});
}

// The top of the file or one [env.NAME]; `prefix` is "" or "env.NAME.".
FileSettings read_settings(TableReader& reader, const std::string& prefix) {
  FileSettings out;
  std::set<std::string_view> tables;
  for (const SettingRow& row : settings_table()) {
    if (row.table().empty()) {
      read_row(row, reader, out);
    } else {
      tables.insert(row.table());
    }
  }
  for (const std::string_view name : tables) {
    const Table* table = reader.table(name);
    if (!table) continue;
    TableReader inner(*table, fmt::format("[{}{}]", prefix, name), reader.findings());
    for (const SettingRow& row : settings_table()) {
      if (row.table() == name) read_row(row, inner, out);
    }
    for (const LaterKey& later : later_keys()) {
      const std::size_t dot = later.key.find('.');
      if (dot == std::string_view::npos || later.key.substr(0, dot) != name) continue;
      inner.not_built(later.key.substr(dot + 1), std::string(later.instead));
    }
    inner.finish();
  }
  for (const LaterKey& later : later_keys()) {
    if (later.key.find('.') == std::string_view::npos) reader.not_built(later.key, std::string(later.instead));
  }
  return out;
}

void hide_secrets(Diagnostics& diagnostics) {
  for (Diagnostic& found : diagnostics) {
    const std::string& line = found.excerpt;
    const bool secret = line.find("://") != std::string::npos || line.find("password") != std::string::npos ||
                        line.find("database") != std::string::npos;
    if (!secret) continue;
    found.excerpt.clear();
    // The parser's own words may repeat what it stumbled over.
    if (found.message.starts_with("not valid TOML")) {
      found.message = "not valid TOML; the line is not shown, because it may hold a password";
    }
  }
}

}  // namespace

Checked<ConfigFile> parse_config(std::string_view text, const std::string& name) {
  ConfigFile out;
  if (text.find_first_not_of(" \t\r\n") == std::string_view::npos) return out;  // it marks the project's folder
  auto document = parse_toml(text, name);
  if (!document) {
    Diagnostics diagnostics = document.error();
    hide_secrets(diagnostics);
    return diagnostics;
  }
  Findings findings(name, document->text);
  TableReader root(document->root, name, findings);
  out.top = read_settings(root, "");
  if (const Table* environments = root.table("env")) {
    for (const Entry& entry : environments->entries) {
      const auto* table = std::get_if<Table>(&entry.value.data);
      if (!table) {
        findings.add(entry.at, fmt::format("`env.{}` takes a table, not {}", entry.key, entry.value.kind()),
                     "an environment is written as [env.NAME], its settings below it");
        continue;
      }
      TableReader reader(*table, fmt::format("[env.{}]", entry.key), findings);
      out.environments.emplace(entry.key, read_settings(reader, fmt::format("env.{}.", entry.key)));
      reader.finish();
    }
  }
  root.finish();
  if (findings.empty()) return out;
  Diagnostics diagnostics = findings.take();
  hide_secrets(diagnostics);
  return diagnostics;
}

std::optional<std::filesystem::path> find_config(const std::filesystem::path& folder) {
  for (std::filesystem::path at = folder;; at = at.parent_path()) {
    std::error_code unreadable;  // a folder that cannot be looked into has none for us
    if (std::filesystem::exists(at / k_config_name, unreadable)) return at / k_config_name;
    if (at == at.parent_path()) return std::nullopt;
  }
}

}  // namespace pgphase
