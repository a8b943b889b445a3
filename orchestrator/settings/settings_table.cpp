#include "orchestrator/settings/settings_table.hpp"

#include "plans/base/units.hpp"

#include <fmt/format.h>
#include <boost/json.hpp>

#include <charconv>
#include <limits>
#include <utility>

namespace pgphase {
namespace {

using std::chrono::milliseconds;

constexpr std::int64_t k_second = 1000;
constexpr std::int64_t k_minute = 60 * k_second;
constexpr std::int64_t k_hour = 60 * k_minute;
constexpr std::int64_t k_day = 24 * k_hour;

template <class T>
T as(SettingValue&& value) {
  return std::get<T>(std::move(value));
}

constexpr SettingRow k_table[] = {
    {"database", SettingKind::text, "", "postgresql://app@localhost:5432/app", "PGPHASE_DATABASE", "--database", 0, 0,
     "The database to change: a libpq URI or key=value string, or a Python project's URL. "
     "When not set: `DATABASE_URL`, of the environment or `.env`.",
     [](Settings& s, SettingValue v) { s.database = as<std::string>(std::move(v)); }},

    {"password_command", SettingKind::words, "", R"(["pass", "show", "app-db"])", "PGPHASE_PASSWORD_COMMAND",
     "--password-command", 0, 0,
     "A command that prints the password; run without a shell at every connect, for at most 30 s. An empty list: none.",
     [](Settings& s, SettingValue v) { s.password_command = as<std::vector<std::string>>(std::move(v)); }},

    {"role", SettingKind::text, "", "app_owner", "PGPHASE_ROLE", "--role", 0, 0,
     "`SET ROLE` after connecting, so that what is created belongs to this role.",
     [](Settings& s, SettingValue v) { s.role = as<std::string>(std::move(v)); }},

    {"connect_timeout", SettingKind::duration, "10s", "", "PGPHASE_CONNECT_TIMEOUT", "--connect-timeout", 2 * k_second,
     10 * k_minute, "How long to try each host of a connection string that has no `connect_timeout` of its own.",
     [](Settings& s, SettingValue v) { s.connect_timeout = as<milliseconds>(std::move(v)); }},

    {"protected", SettingKind::boolean, "false", "", "", "", 0, 0,
     "Ask for the database's name before a rollback on it. "
     "Only a file can say it: a protection that a flag lifts protects nothing.",
     [](Settings& s, SettingValue v) { s.protected_database = as<bool>(std::move(v)); }},

    {"plans", SettingKind::text, "migrations", "", "PGPHASE_PLANS", "--plans", 0, 0,
     "The folder of the plans, relative to `pgphase.toml`; from a variable or a flag, to the working folder.",
     [](Settings& s, SettingValue v) { s.plans = as<std::string>(std::move(v)); }},

    {"locks.timeout", SettingKind::duration, "500ms", "", "PGPHASE_LOCK_TIMEOUT", "--lock-timeout", 1, k_minute,
     "How long one attempt may wait in the queue for a lock, and make others wait behind it.",
     [](Settings& s, SettingValue v) { s.locks.timeout = as<milliseconds>(std::move(v)); }},

    {"locks.hold", SettingKind::duration, "1s", "", "PGPHASE_LOCK_HOLD", "--lock-hold", 10, k_minute,
     "How long a lock that stops readers or writers may be held.",
     [](Settings& s, SettingValue v) { s.locks.hold = as<milliseconds>(std::move(v)); }},

    {"locks.pause", SettingKind::duration, "1s", "", "PGPHASE_LOCK_PAUSE", "--lock-pause", 10, k_hour,
     "Base of the pause between two attempts; jittered, and never shorter than three times the attempt.",
     [](Settings& s, SettingValue v) { s.locks.pause = as<milliseconds>(std::move(v)); }},

    {"locks.attempts", SettingKind::count, "30", "", "PGPHASE_LOCK_ATTEMPTS", "--lock-attempts", 1, 1'000'000,
     "How often a step tries to get its locks before it gives up (exit code 30).",
     [](Settings& s, SettingValue v) { s.locks.attempts = static_cast<int>(as<std::int64_t>(std::move(v))); }},

    {"locks.budget", SettingKind::duration, "10m", "", "PGPHASE_LOCK_BUDGET", "--lock-budget", 1, 7 * k_day,
     "How long all attempts of a step may take together, pauses included.",
     [](Settings& s, SettingValue v) { s.locks.budget = as<milliseconds>(std::move(v)); }},

    {"backfill.batch_time", SettingKind::duration, "100ms", "", "PGPHASE_BATCH_TIME", "--batch-time", 1, k_minute,
     "How long one batch of a backfill should take; its size follows.",
     [](Settings& s, SettingValue v) { s.backfill.batch_time = as<milliseconds>(std::move(v)); }},

    {"retain.for", SettingKind::duration, "7d", "", "PGPHASE_RETAIN_FOR", "--retain-for", 0, 3650 * k_day,
     "How long what a phase retired is kept before a purge may drop it.",
     [](Settings& s, SettingValue v) { s.retain.keep = as<milliseconds>(std::move(v)); }},
};

constexpr LaterKey k_later[] = {
    {"throttle", "A backfill keeps to [backfill] batch_time until then."},
    {"gate", "Gates are written in the plan, as [gate.PHASE]."},
    {"backfill.workers", "A backfill has one worker until then."},
    {"backfill.scan", "A backfill reads the table in physical order until then."},
    {"backfill.stripes", "A backfill has one worker until then."},
    {"backfill.max_bad_rows", "A row that cannot be filled stops the backfill until then."},
};

Result<SettingValue> parse_words(std::string_view text) {
  boost::system::error_code failed;
  const boost::json::value parsed = boost::json::parse({text.data(), text.size()}, failed);
  const Error wrong =
      make_error(Errc::usage, "not a JSON list of texts", R"(Write it like ["pass", "show", "app-db"].)");
  if (failed || !parsed.is_array()) return wrong;
  std::vector<std::string> words;
  for (const boost::json::value& word : parsed.get_array()) {
    if (!word.is_string()) return wrong;
    words.emplace_back(word.get_string().c_str());
  }
  return SettingValue(std::move(words));
}

Result<SettingValue> parse_count(std::string_view text) {
  std::int64_t count = 0;
  const auto [end, code] = std::from_chars(text.data(), text.data() + text.size(), count);
  if (code != std::errc{} || end != text.data() + text.size()) {
    return make_error(Errc::usage, fmt::format("\"{}\" is not a whole number", text));
  }
  return SettingValue(count);
}

}  // namespace

const char* to_string(SettingKind kind) {
  switch (kind) {
    case SettingKind::text:
      return "text";
    case SettingKind::words:
      return "list of texts";
    case SettingKind::duration:
      return "duration";
    case SettingKind::count:
      return "whole number";
    case SettingKind::boolean:
      return "true or false";
  }
  return "?";
}

std::string_view SettingRow::table() const {
  const std::size_t dot = key.find('.');
  return dot == std::string_view::npos ? std::string_view{} : key.substr(0, dot);
}

std::string_view SettingRow::name() const {
  const std::size_t dot = key.find('.');
  return dot == std::string_view::npos ? key : key.substr(dot + 1);
}

std::span<const SettingRow> settings_table() {
  return k_table;
}

std::span<const LaterKey> later_keys() {
  return k_later;
}

Result<SettingValue> parse_setting(const SettingRow& row, std::string_view text) {
  switch (row.kind) {
    case SettingKind::text:
      return SettingValue(std::string(text));
    case SettingKind::words:
      return parse_words(text);
    case SettingKind::count:
      return parse_count(text);
    case SettingKind::duration: {
      PGPHASE_TRY(duration, parse_duration(text));
      return SettingValue(duration);
    }
    case SettingKind::boolean:
      if (text == "true") return SettingValue(true);
      if (text == "false") return SettingValue(false);
      return make_error(Errc::usage, fmt::format("\"{}\" is neither true nor false", text));
  }
  return make_error(Errc::bug, "a setting of no kind");
}

std::optional<std::string> out_of_range(const SettingRow& row, const SettingValue& value) {
  if (const auto* words = std::get_if<std::vector<std::string>>(&value)) {
    if (!words->empty() && words->front().empty()) return "the command's name is empty";
  }
  if (const auto* count = std::get_if<std::int64_t>(&value)) {
    if (*count < row.least || *count > row.most) return fmt::format("not between {} and {}", row.least, row.most);
  }
  if (const auto* duration = std::get_if<milliseconds>(&value)) {
    if (duration->count() < row.least || duration->count() > row.most) {
      return fmt::format("not between {} and {}", format_duration(milliseconds(row.least)),
                         format_duration(milliseconds(row.most)));
    }
  }
  return std::nullopt;
}

}  // namespace pgphase
