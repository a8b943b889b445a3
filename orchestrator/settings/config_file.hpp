// pgphase.toml as read: for each setting its value and place, at the top and in every [env.NAME]. Used by resolve.cpp.
// Any thread.
#pragma once

#include <filesystem>
#include <map>
#include <optional>
#include <string>

#include "orchestrator/settings/settings_table.hpp"
#include "plans/toml/diagnostic.hpp"

namespace pgphase {

struct FileSetting {
  SettingValue value;
  Position at;
};
using FileSettings = std::map<std::string, FileSetting, std::less<>>;  // by key: "locks.timeout"

struct ConfigFile {
  FileSettings top;
  std::map<std::string, FileSettings, std::less<>> environments;
};

// `name` is how diagnostics call the file. Every table is checked, whichever environment is selected. No diagnostic
// shows a line that may hold a password.
Checked<ConfigFile> parse_config(std::string_view text, const std::string& name);

// pgphase.toml in `folder` or the nearest folder above.
std::optional<std::filesystem::path> find_config(const std::filesystem::path& folder);

}  // namespace pgphase
