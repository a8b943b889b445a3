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
  count_or_auto,  // "auto", or a count
  choice,         // one of the row's choices
  boolean,
  statement,  // one SQL statement
  limit,      // of a signal of the throttle (limit_setting.hpp), which the row's name names
};

using SettingValue =
    std::variant<std::string, std::vector<std::string>, std::chrono::milliseconds, std::int64_t, bool, SignalLimit>;

struct SettingRow {
  std::string_view key;  // "locks.timeout" is `timeout` in [locks]
  SettingKind kind;
  std::string_view preset;   // the default, spelt as for an environment variable; empty: not set
  std::string_view example;  // for the scaffold, where there is no default
  std::string_view env;      // empty: none
  std::string_view flag;     // empty: none
  std::int64_t least;        // of counts, and of durations in milliseconds; of limits in the signal's unit, or percent
  std::int64_t most;
  std::string_view description;  // one line of Markdown without | in it
  void (*store)(Settings&, SettingValue);
  std::string_view choices = {};  // of a choice, separated by blanks

  std::string_view table() const;       // "locks", or empty
  std::string_view name() const;        // "timeout"
  std::string default_in_toml() const;  // as it is written in pgphase.toml: `"500ms"`, `30`; empty: not set
  std::string kind_in_words() const;    // "duration", "auto, physical or index"
};
std::span<const SettingRow> settings_table();

inline constexpr std::string_view k_auto = "auto";  // what count_or_auto takes beside counts

// Keys that the design names and that are not built: whoever writes one is told so.
struct LaterKey {
  std::string_view key;
  std::string_view instead;
};
std::span<const LaterKey> later_keys();

// What an environment variable or a flag says. The error's message does not repeat texts, which may be secret.
Result<SettingValue> parse_setting(const SettingRow& row, std::string_view text);

// What is wrong with a value of the right kind: out of the row's range, none of its choices, no statement to run.
std::optional<std::string> refused(const SettingRow& row, const SettingValue& value);

}  // namespace pgphase
