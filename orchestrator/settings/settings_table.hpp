// The one table of settings. A new setting is a row here and a member in Settings: nothing else. Constant data; any
// thread.
#pragma once

#include <chrono>
#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

#include "orchestrator/settings/settings.hpp"

namespace pgphase {

enum class SettingKind {
  text,
  words,     // a list of texts; in an environment variable or a flag, as JSON
  duration,  // "500ms"
  count,
  boolean,
};
const char* to_string(SettingKind kind);  // for people: "duration"

using SettingValue = std::variant<std::string, std::vector<std::string>, std::chrono::milliseconds, std::int64_t, bool>;

struct SettingRow {
  std::string_view key;  // "locks.timeout" is `timeout` in [locks]
  SettingKind kind;
  std::string_view preset;   // the default, spelt as for an environment variable; empty: not set
  std::string_view example;  // for the scaffold, where there is no default
  std::string_view env;      // empty: none
  std::string_view flag;     // empty: none
  std::int64_t least;        // of counts, and of durations in milliseconds
  std::int64_t most;
  std::string_view description;  // one line of Markdown without | in it
  void (*store)(Settings&, SettingValue);

  std::string_view table() const;  // "locks", or empty
  std::string_view name() const;   // "timeout"
};
std::span<const SettingRow> settings_table();

// Keys that the design names and that are not built: whoever writes one is told so.
struct LaterKey {
  std::string_view key;
  std::string_view instead;
};
std::span<const LaterKey> later_keys();

// What an environment variable or a flag says. The error's message does not repeat texts, which may be secret.
Result<SettingValue> parse_setting(const SettingRow& row, std::string_view text);

// What is wrong with the value, if it is out of the row's range.
std::optional<std::string> out_of_range(const SettingRow& row, const SettingValue& value);

}  // namespace pgphase
