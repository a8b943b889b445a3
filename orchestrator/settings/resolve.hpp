// Puts the settings together: a flag wins over an environment variable, that over [env.NAME], that over the rest of
// pgphase.toml, that over the default. Reads files and nothing else: flags and environment come in as values. Any
// thread.
#pragma once

#include <filesystem>
#include <map>
#include <optional>
#include <string>

#include "orchestrator/settings/dotenv.hpp"
#include "orchestrator/settings/settings.hpp"

namespace pgphase {

inline constexpr const char* k_config_name = "pgphase.toml";

struct Flags {
  std::optional<std::string> config;       // --config: the file, else pgphase.toml here or in a folder above
  std::optional<std::string> environment;  // --env, else PGPHASE_ENV
  // By the setting's key ("locks.timeout"), as written on the command line. settings_table() has key and flag of each.
  std::map<std::string, std::string, std::less<>> values;
};

// `cwd` is absolute. Errc::usage, with everything that is wrong in files, variables and flags at once. No error shows
// a connection string. That no database is set is no error here: not every command needs one (connection_of).
Result<Settings> resolve_settings(const Flags& flags, const Environment& environment, const std::filesystem::path& cwd);

// This process's environment, for main.
Environment process_environment();

}  // namespace pgphase
