#include "plans/base/units.hpp"

#include <fmt/format.h>

#include <charconv>
#include <limits>

namespace pgphase {
namespace {

struct Unit {
  std::string_view name;
  std::uint64_t factor;
};

// Smallest first; formatting walks them backwards.
constexpr Unit k_durations[] = {{"ms", 1}, {"s", 1000}, {"m", 60'000}, {"h", 3'600'000}, {"d", 86'400'000}};
constexpr Unit k_sizes[] = {
    {"B", 1}, {"KiB", 1ULL << 10}, {"MiB", 1ULL << 20}, {"GiB", 1ULL << 30}, {"TiB", 1ULL << 40}};

std::string names_of(const auto& units) {
  std::string out;
  for (const Unit& unit : units) out += (out.empty() ? "" : ", ") + std::string(unit.name);
  return out;
}

Result<std::uint64_t> parse(std::string_view text, const auto& units, std::string_view what, std::string_view example,
                            std::uint64_t limit) {
  const auto refuse = [&](std::string_view why) {
    return make_error(
        Errc::usage, fmt::format("\"{}\" is not a {}: {}", text, what, why),
        fmt::format("write a whole number and a unit ({}), for example \"{}\"", names_of(units), example));
  };
  std::uint64_t number = 0;
  const auto [end, code] = std::from_chars(text.data(), text.data() + text.size(), number);
  if (code == std::errc::result_out_of_range) return refuse("the number is too large");
  if (code != std::errc{}) return refuse("it does not begin with a number");
  auto unit_text = text.substr(static_cast<std::size_t>(end - text.data()));
  while (unit_text.starts_with(' ')) unit_text.remove_prefix(1);
  if (unit_text.empty()) return refuse("the unit is missing");
  for (const Unit& unit : units) {
    if (unit.name != unit_text) continue;
    if (number > limit / unit.factor) return refuse("it is too large");
    return number * unit.factor;
  }
  return refuse(fmt::format("\"{}\" is not a unit", unit_text));
}

std::string format(std::uint64_t value, const auto& units) {
  const Unit* best = &units[0];
  for (const Unit& unit : units) {
    if (value != 0 && value % unit.factor == 0) best = &unit;
  }
  return fmt::format("{}{}", value / best->factor, best->name);
}

}  // namespace

Result<std::chrono::milliseconds> parse_duration(std::string_view text) {
  // A century is beyond every use, and leaves room for adding durations to points in time.
  constexpr std::uint64_t k_limit = 36'500ULL * 86'400'000ULL;
  auto value = parse(text, k_durations, "duration", "30s", k_limit);
  if (!value) return value.error();
  return std::chrono::milliseconds(static_cast<std::int64_t>(*value));
}

std::string format_duration(std::chrono::milliseconds duration) {
  const bool negative = duration.count() < 0;
  const auto size = static_cast<std::uint64_t>(negative ? -duration.count() : duration.count());
  return (negative ? "-" : "") + format(size, k_durations);
}

Result<std::uint64_t> parse_bytes(std::string_view text) {
  constexpr auto k_limit = static_cast<std::uint64_t>(std::numeric_limits<std::int64_t>::max());
  return parse(text, k_sizes, "size", "16MiB", k_limit);
}

std::string format_bytes(std::uint64_t bytes) {
  return format(bytes, k_sizes);
}

std::string human_count(std::int64_t number) {
  auto text = std::to_string(number);
  const std::ptrdiff_t first_digit = number < 0 ? 1 : 0;
  for (auto at = static_cast<std::ptrdiff_t>(text.size()) - 3; at > first_digit; at -= 3) {
    text.insert(static_cast<std::size_t>(at), 1, ',');
  }
  return text;
}

std::string human_bytes(std::int64_t bytes) {
  constexpr std::array k_units{"B", "KiB", "MiB", "GiB", "TiB"};
  if (bytes < 1024) return fmt::format("{} B", bytes);
  auto value = static_cast<double>(bytes);
  std::size_t unit = 0;
  while (value >= 1024 && unit + 1 < k_units.size()) {
    value /= 1024;
    ++unit;
  }
  return fmt::format("{:.1f} {}", value, k_units[unit]);
}

}  // namespace pgphase
