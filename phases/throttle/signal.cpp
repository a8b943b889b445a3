#include "phases/throttle/signal.hpp"

#include <fmt/format.h>

#include "plans/base/units.hpp"

namespace pgphase {
namespace {

// One decimal, and none where it would be a zero: "12.3", "10".
std::string short_number(double value) {
  auto text = fmt::format("{:.1f}", value);
  if (text.ends_with(".0")) text.resize(text.size() - 2);
  return text;
}

std::string time_in_words(double ms) {
  if (ms < 1000) return fmt::format("{} ms", short_number(ms));
  if (ms < 120'000) return fmt::format("{} s", short_number(ms / 1000));
  if (ms < 7'200'000) return fmt::format("{} min", short_number(ms / 60'000));
  return fmt::format("{} h", short_number(ms / 3'600'000));
}

std::string counted(double value, std::string_view one, std::string_view many) {
  return fmt::format("{} {}", short_number(value), value == 1 ? one : many);
}

}  // namespace

const char* to_string(Signal signal) {
  switch (signal) {
    case Signal::replica_lag:
      return "replica_lag";
    case Signal::slot_wal:
      return "slot_wal";
    case Signal::archive_backlog:
      return "archive_backlog";
    case Signal::blocked_by_us:
      return "blocked_by_us";
    case Signal::active_sessions:
      return "active_sessions";
    case Signal::dead_tuples:
      return "dead_tuples";
    case Signal::free_space_query:
      return "free_space_query";
    case Signal::custom:
      return "custom";
    case Signal::probe_p95:
      return "probe_p95";
  }
  return "?";
}

Unit unit_of(Signal signal) {
  switch (signal) {
    case Signal::replica_lag:
    case Signal::blocked_by_us:
    case Signal::probe_p95:
      return Unit::milliseconds;
    case Signal::slot_wal:
    case Signal::free_space_query:
      return Unit::bytes;
    case Signal::archive_backlog:
      return Unit::files;
    case Signal::active_sessions:
      return Unit::sessions;
    case Signal::dead_tuples:
      return Unit::share;
    case Signal::custom:
      return Unit::number;
  }
  return Unit::number;
}

std::string in_words(Unit unit, double value) {
  switch (unit) {
    case Unit::milliseconds:
      return time_in_words(value);
    case Unit::bytes:
      return human_bytes(static_cast<std::int64_t>(value));
    case Unit::files:
      return counted(value, "file", "files");
    case Unit::sessions:
      return counted(value, "session", "sessions");
    case Unit::share:
      return fmt::format("{:.0f} %", value * 100);
    case Unit::number:
      return fmt::format("{:.6g}", value);
  }
  return "?";
}

Reading unreadable(Signal signal, std::string_view why) {
  return {signal, std::nullopt, fmt::format("cannot be read, because {}", why)};
}

}  // namespace pgphase
