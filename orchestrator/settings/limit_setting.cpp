#include "orchestrator/settings/limit_setting.hpp"

#include <fmt/format.h>

#include <charconv>
#include <cmath>

#include "phases/throttle/user_sql.hpp"
#include "plans/base/units.hpp"

namespace pgphase {
namespace {

constexpr double k_least_times = 1.2;  // below, the noise of the probe alone would be too much
constexpr double k_most_times = 100;

bool is_query(Signal signal) {
  return signal == Signal::free_space_query || signal == Signal::custom;
}

// What somebody has written a query for must not be passed over in silence when the query fails; what any server has or
// has not, and any role may read or not, must not stop a backfill out of the box.
SignalLimit switched_on(Signal signal) {
  SignalLimit out;
  out.on = true;
  out.unreadable = is_query(signal) ? WhenUnreadable::hold : WhenUnreadable::go_on;
  return out;
}

std::optional<double> number_in(std::string_view text) {
  double value = 0;
  const auto [end, code] = std::from_chars(text.data(), text.data() + text.size(), value);
  if (code != std::errc{} || end != text.data() + text.size() || !std::isfinite(value)) return std::nullopt;
  return value;
}

Error not_like(std::string_view text, std::string_view example) {
  return make_error(Errc::usage, fmt::format("\"{}\" is not a limit for it", text),
                    fmt::format("write it like {}, or \"off\"", example));
}

std::string example_of(Signal signal) {
  switch (unit_of(signal)) {
    case Unit::milliseconds:
      return signal == Signal::probe_p95 ? "\"20ms\" or \"2x\"" : "\"10s\"";
    case Unit::bytes:
      return "\"10GiB\"";
    case Unit::share:
      return "\"30%\"";
    case Unit::files:
    case Unit::sessions:
    case Unit::number:
      return "64";
  }
  return {};
}

// The limit alone, without a policy.
Result<SignalLimit> parse_figure(Signal signal, std::string_view text) {
  SignalLimit out = switched_on(signal);
  const auto number = [&](std::string_view digits) -> Result<double> {
    if (const auto value = number_in(digits)) return *value;
    return not_like(text, example_of(signal));
  };
  if (signal == Signal::probe_p95 && text.ends_with('x')) {
    PGPHASE_TRY(times, number(text.substr(0, text.size() - 1)));
    out.times_rest = times;
    return out;
  }
  switch (unit_of(signal)) {
    case Unit::milliseconds: {
      PGPHASE_TRY(duration, parse_duration(text));
      out.limit = static_cast<double>(duration.count());
      return out;
    }
    case Unit::bytes: {
      PGPHASE_TRY(bytes, parse_bytes(text));
      out.limit = static_cast<double>(bytes);
      return out;
    }
    case Unit::share: {
      if (!text.ends_with('%')) return not_like(text, example_of(signal));
      PGPHASE_TRY(percent, number(text.substr(0, text.size() - 1)));
      out.limit = percent / 100;
      return out;
    }
    case Unit::files:
    case Unit::sessions:
    case Unit::number: {
      PGPHASE_TRY(value, number(text));
      out.limit = value;
      return out;
    }
  }
  return make_error(Errc::bug, "a signal of no unit");
}

std::optional<WhenUnreadable> policy_named(std::string_view text) {
  if (text == "hold") return WhenUnreadable::hold;
  if (text == "continue") return WhenUnreadable::go_on;
  return std::nullopt;
}

// `key` is the limit's own name, or `limit` inside a table.
std::optional<SignalLimit> read_figure(Signal signal, TableReader& reader, std::string_view key) {
  const Value* value = reader.value(key);
  if (!value) return std::nullopt;
  const Unit unit = unit_of(signal);
  const bool takes_number = unit == Unit::files || unit == Unit::sessions || unit == Unit::number;
  if (const auto* text = std::get_if<std::string>(&value->data); text && !takes_number) {
    auto parsed = parse_figure(signal, *text);
    if (parsed) return *parsed;
    reader.error(key, parsed.error().message, parsed.error().next);
    return std::nullopt;
  }
  SignalLimit out = switched_on(signal);
  if (const auto* whole = std::get_if<std::int64_t>(&value->data); whole && takes_number) {
    out.limit = static_cast<double>(*whole);
    return out;
  }
  if (const auto* number = std::get_if<double>(&value->data); number && unit == Unit::number) {
    out.limit = *number;
    return out;
  }
  reader.error(key, fmt::format("`{}` takes a {}, not {}", key, limit_in_words(signal), value->kind()),
               fmt::format("write it like {}, or \"off\"", example_of(signal)));
  return std::nullopt;
}

std::optional<SignalLimit> read_table(Signal signal, const Table& table, Findings& findings) {
  TableReader reader(table, fmt::format("`{}`", to_string(signal)), findings);
  const std::size_t before = findings.size();
  if (!reader.has("limit")) reader.missing("limit");
  auto out = read_figure(signal, reader, "limit").value_or(switched_on(signal));
  if (const auto word = reader.string("unreadable")) {
    const auto policy = policy_named(*word);
    if (!policy) reader.error("unreadable", R"(`unreadable` takes "hold" or "continue")");
    out.unreadable = policy.value_or(out.unreadable);
  }
  if (is_query(signal)) {
    out.sql = reader.required_string("sql").value_or("");
    const auto checked = must_only_read(out.sql);
    if (!out.sql.empty() && !checked) reader.error("sql", checked.error().message);
  }
  reader.finish();
  return findings.size() == before ? std::optional(out) : std::nullopt;
}

}  // namespace

std::optional<Signal> signal_named(std::string_view name) {
  for (const Signal signal : k_signals) {
    if (name == to_string(signal)) return signal;
  }
  return std::nullopt;
}

std::string limit_in_words(Signal signal) {
  switch (unit_of(signal)) {
    case Unit::milliseconds:
      return signal == Signal::probe_p95 ? "duration or multiple" : "duration";
    case Unit::bytes:
      return "size";
    case Unit::share:
      return "percentage";
    case Unit::files:
    case Unit::sessions:
      return "whole number";
    case Unit::number:
      return "number";
  }
  return "?";
}

Result<SignalLimit> parse_limit(Signal signal, std::string_view text) {
  if (text == "off") return SignalLimit{};
  const std::size_t blank = text.rfind(' ');
  const auto policy = blank == std::string_view::npos ? std::nullopt : policy_named(text.substr(blank + 1));
  if (policy) text = text.substr(0, blank);
  PGPHASE_TRY(out, parse_figure(signal, text));
  if (policy) out.unreadable = *policy;
  return out;
}

std::optional<SignalLimit> read_limit(Signal signal, TableReader& reader) {
  const char* key = to_string(signal);
  const Value* value = reader.value(key);
  if (!value) return std::nullopt;
  if (const auto* text = std::get_if<std::string>(&value->data); text && *text == "off") return SignalLimit{};
  if (const auto* table = std::get_if<Table>(&value->data)) return read_table(signal, *table, reader.findings());
  if (!is_query(signal)) return read_figure(signal, reader, key);
  reader.error(key, fmt::format("`{}` takes a table, not {}", key, value->kind()),
               fmt::format("write it like {{ sql = \"SELECT …\", limit = {} }}, or \"off\"", example_of(signal)));
  return std::nullopt;
}

std::optional<std::string> limit_out_of_range(Signal signal, const SignalLimit& limit, std::int64_t least,
                                              std::int64_t most) {
  if (!limit.on) return std::nullopt;
  if (limit.times_rest > 0 || (signal == Signal::probe_p95 && limit.limit == 0)) {
    if (limit.times_rest >= k_least_times && limit.times_rest <= k_most_times) return std::nullopt;
    return fmt::format("not between {}x and {}x", k_least_times, k_most_times);
  }
  if (least == most) return std::nullopt;
  const Unit unit = unit_of(signal);
  const double scale = unit == Unit::share ? 0.01 : 1;
  const double low = static_cast<double>(least) * scale, high = static_cast<double>(most) * scale;
  if (limit.limit >= low && limit.limit <= high) return std::nullopt;
  return fmt::format("not between {} and {}", in_words(unit, low), in_words(unit, high));
}

}  // namespace pgphase
