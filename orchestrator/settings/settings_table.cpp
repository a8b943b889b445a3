#include "orchestrator/settings/settings_table.hpp"

#include "orchestrator/settings/limit_setting.hpp"
#include "phases/throttle/user_sql.hpp"
#include "plans/base/units.hpp"

#include <fmt/format.h>
#include <fmt/ranges.h>
#include <boost/json.hpp>

#include <algorithm>
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
constexpr std::int64_t k_mib = 1LL << 20;
constexpr std::int64_t k_pib = 1LL << 50;

template <class T>
T as(SettingValue&& value) {
  return std::get<T>(std::move(value));
}

template <Signal signal>
void store_limit(Settings& settings, SettingValue value) {
  settings.throttle[signal] = as<SignalLimit>(std::move(value));
}

Settings::Backfill::Scan scan_of(std::string_view text) {
  using Scan = Settings::Backfill::Scan;
  return text == "physical" ? Scan::physical : text == "index" ? Scan::index : Scan::automatic;
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

    {"backfill.workers", SettingKind::count, "1", "", "PGPHASE_WORKERS", "--workers", 1, 64,
     "How many sessions fill a table at once.",
     [](Settings& s, SettingValue v) { s.backfill.workers = static_cast<int>(as<std::int64_t>(std::move(v))); }},

    {"backfill.scan", SettingKind::choice, "auto", "", "PGPHASE_SCAN", "--scan", 0, 0,
     "How the rows to be set are found: page by page, or by an index that finds them. "
     "`auto`: by the index where few rows of a large table are to be set.",
     [](Settings& s, SettingValue v) { s.backfill.scan = scan_of(as<std::string>(std::move(v))); },
     "auto physical index"},

    {"backfill.stripes", SettingKind::count_or_auto, "auto", "", "PGPHASE_STRIPES", "--stripes", 1, 16,
     "In how many visits the rows of a page are set, so that new versions find room on it. "
     "`auto`: as many as turn out to help.",
     [](Settings& s, SettingValue v) {
       const auto* count = std::get_if<std::int64_t>(&v);
       s.backfill.stripes = count ? std::optional(static_cast<int>(*count)) : std::nullopt;
     }},

    {"backfill.max_bad_rows", SettingKind::count, "0", "", "PGPHASE_MAX_BAD_ROWS", "--max-bad-rows", 0, 1'000'000,
     "How many rows that cannot be set (a cast, a check) are recorded and passed over before a backfill stops.",
     [](Settings& s, SettingValue v) { s.backfill.max_bad_rows = as<std::int64_t>(std::move(v)); }},

    {"throttle.replica_lag", SettingKind::limit, "10s", "", "PGPHASE_THROTTLE_REPLICA_LAG", "--throttle-replica-lag",
     100, k_day, "How far the worst standby may replay behind.", store_limit<Signal::replica_lag>},

    {"throttle.slot_wal", SettingKind::limit, "10GiB", "", "PGPHASE_THROTTLE_SLOT_WAL", "--throttle-slot-wal", k_mib,
     k_pib, "How much WAL the worst replication slot may keep.", store_limit<Signal::slot_wal>},

    {"throttle.archive_backlog", SettingKind::limit, "64", "", "PGPHASE_THROTTLE_ARCHIVE_BACKLOG",
     "--throttle-archive-backlog", 1, 1'000'000, "How many WAL files may wait for the archiver.",
     store_limit<Signal::archive_backlog>},

    {"throttle.blocked_by_us", SettingKind::limit, "500ms", "", "PGPHASE_THROTTLE_BLOCKED_BY_US",
     "--throttle-blocked-by-us", 10, k_hour, "How long any session may have waited for a lock of ours.",
     store_limit<Signal::blocked_by_us>},

    {"throttle.active_sessions", SettingKind::limit, "off", "", "PGPHASE_THROTTLE_ACTIVE_SESSIONS",
     "--throttle-active-sessions", 1, 100'000,
     "How many client sessions, without ours, may be at work. What is much depends on the server's cores.",
     store_limit<Signal::active_sessions>},

    {"throttle.dead_tuples", SettingKind::limit, "off", "", "PGPHASE_THROTTLE_DEAD_TUPLES", "--throttle-dead-tuples", 1,
     1000,
     "How many dead rows, in percent of the live ones, a table that is filled may have while autovacuum is behind.",
     store_limit<Signal::dead_tuples>},

    {"throttle.free_space_query", SettingKind::limit, "",
     R"({ sql = "SELECT free_bytes FROM monitoring.disk", limit = "20GiB" })", "", "", 0, k_pib,
     "A query that returns the bytes that are free; `limit` is the least.", store_limit<Signal::free_space_query>},

    {"throttle.custom", SettingKind::limit, "", R"({ sql = "SELECT count(*) FROM jobs WHERE NOT done", limit = 1000 })",
     "", "", 0, 0, "A query that returns one number; `limit` is the most.", store_limit<Signal::custom>},

    {"throttle.probe", SettingKind::statement, "", "SELECT id FROM tasks WHERE id = 1", "PGPHASE_THROTTLE_PROBE",
     "--throttle-probe", 0, 0,
     "The statement whose time is the service level, run ten times a second; one that writes is committed. "
     "When not set: a row of pgphase's own is read and updated.",
     [](Settings& s, SettingValue v) { s.throttle.probe = as<std::string>(std::move(v)); }},

    {"throttle.probe_p95", SettingKind::limit, "2x", "", "PGPHASE_THROTTLE_PROBE_P95", "--throttle-probe-p95", 1,
     5 * k_second,
     "What 95 of 100 probes may take at most, as a duration or in multiples of what they took before the work began "
     "(then never below 5 ms).",
     store_limit<Signal::probe_p95>},

    {"retain.for", SettingKind::duration, "7d", "", "PGPHASE_RETAIN_FOR", "--retain-for", 0, 3650 * k_day,
     "How long what a phase retired is kept before a purge may drop it.",
     [](Settings& s, SettingValue v) { s.retain.keep = as<milliseconds>(std::move(v)); }},
};

constexpr LaterKey k_later[] = {
    {"gate", "Gates are written in the plan, as [gate.PHASE]."},
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

std::vector<std::string_view> words_of(std::string_view text) {
  std::vector<std::string_view> words;
  while (!text.empty()) {
    const std::size_t blank = std::min(text.find(' '), text.size());
    if (blank > 0) words.push_back(text.substr(0, blank));
    text.remove_prefix(std::min(blank + 1, text.size()));
  }
  return words;
}

bool is_whole_number(std::string_view text) {
  return !text.empty() && text.find_first_not_of("0123456789") == std::string_view::npos;
}

Result<SettingValue> parse_count(std::string_view text) {
  std::int64_t count = 0;
  const auto [end, code] = std::from_chars(text.data(), text.data() + text.size(), count);
  if (code != std::errc{} || end != text.data() + text.size()) {
    return make_error(Errc::usage, fmt::format("\"{}\" is not a whole number", text));
  }
  return SettingValue(count);
}

std::optional<std::string> out_of_range(const SettingRow& row, const SettingValue& value) {
  if (const auto* words = std::get_if<std::vector<std::string>>(&value)) {
    if (!words->empty() && words->front().empty()) return "the command's name is empty";
  }
  if (const auto* limit = std::get_if<SignalLimit>(&value)) {
    return limit_out_of_range(*signal_named(row.name()), *limit, row.least, row.most);
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

}  // namespace

std::string SettingRow::kind_in_words() const {
  switch (kind) {
    case SettingKind::text:
      return "text";
    case SettingKind::words:
      return "list of texts";
    case SettingKind::duration:
      return "duration";
    case SettingKind::count:
      return "whole number";
    case SettingKind::count_or_auto:
      return "`\"auto\"` or whole number";
    case SettingKind::choice: {
      std::string all;
      for (const auto one : words_of(choices)) all += fmt::format("{}`\"{}\"`", all.empty() ? "" : ", ", one);
      return all;
    }
    case SettingKind::boolean:
      return "true or false";
    case SettingKind::statement:
      return "SQL";
    case SettingKind::limit:
      return fmt::format("limit: {}", limit_in_words(*signal_named(name())));
  }
  return "?";
}

std::string SettingRow::default_in_toml() const {
  if (preset.empty()) return {};
  const bool number = kind == SettingKind::count || kind == SettingKind::count_or_auto || kind == SettingKind::limit;
  const bool bare = kind == SettingKind::words || kind == SettingKind::boolean || (number && is_whole_number(preset));
  return bare ? std::string(preset) : fmt::format("\"{}\"", preset);
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
    case SettingKind::choice:
    case SettingKind::statement:
      return SettingValue(std::string(text));
    case SettingKind::words:
      return parse_words(text);
    case SettingKind::count_or_auto:
      if (text == k_auto) return SettingValue(std::string(text));
      return parse_count(text);
    case SettingKind::count:
      return parse_count(text);
    case SettingKind::limit: {
      PGPHASE_TRY(limit, parse_limit(*signal_named(row.name()), text));
      return SettingValue(limit);
    }
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

std::optional<std::string> refused(const SettingRow& row, const SettingValue& value) {
  if (const auto* text = std::get_if<std::string>(&value)) {
    const auto choices = words_of(row.choices);
    if (row.kind == SettingKind::choice && std::find(choices.begin(), choices.end(), *text) == choices.end()) {
      return fmt::format("`{}` is none of {}", row.key, fmt::join(choices, ", "));
    }
    if (row.kind == SettingKind::statement && !text->empty()) {
      const auto checked = use_of_statement(*text);
      if (!checked) return fmt::format("`{}`: {}", row.key, checked.error().message);
    }
    return std::nullopt;
  }
  const auto problem = out_of_range(row, value);
  return problem ? std::optional(fmt::format("`{}` is out of range: {}", row.key, *problem)) : std::nullopt;
}

}  // namespace pgphase
