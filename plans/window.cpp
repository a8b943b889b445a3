#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <charconv>

#include "plans/plan.hpp"

namespace pgphase {
namespace {

constexpr auto k_days = std::to_array<std::string_view>({"Mon", "Tue", "Wed", "Thu", "Fri", "Sat", "Sun"});

std::vector<std::string_view> split_at(std::string_view text, char separator) {
  std::vector<std::string_view> out;
  while (true) {
    const auto end = text.find(separator);
    out.push_back(text.substr(0, end));
    if (end == std::string_view::npos) return out;
    text.remove_prefix(end + 1);
  }
}

std::optional<unsigned> day_number(std::string_view name) {
  const auto found = std::find(k_days.begin(), k_days.end(), name);
  if (found == k_days.end()) return std::nullopt;
  return static_cast<unsigned>(found - k_days.begin());
}

// "Mon-Fri", "Sat,Sun", "Fri-Mon": bits, Monday first. Nothing where it is something else.
std::optional<unsigned> parse_days(std::string_view text) {
  unsigned bits = 0;
  for (const auto part : split_at(text, ',')) {
    const auto ends = split_at(part, '-');
    const auto first = day_number(ends.front());
    const auto last = day_number(ends.back());
    if (!first || !last || ends.size() > 2) return std::nullopt;
    for (unsigned day = *first;; day = (day + 1) % 7) {
      bits |= 1U << day;
      if (day == *last) break;
    }
  }
  return bits;
}

std::optional<std::chrono::minutes> parse_time(std::string_view text) {
  if (text.size() != 5 || text[2] != ':') return std::nullopt;
  int hours = 0;
  int minutes = 0;
  const char* begin = text.data();
  if (std::from_chars(begin, begin + 2, hours).ptr != begin + 2) return std::nullopt;
  if (std::from_chars(begin + 3, begin + 5, minutes).ptr != begin + 5) return std::nullopt;
  const bool valid = hours >= 0 && minutes >= 0 && minutes < 60 && (hours < 24 || (hours == 24 && minutes == 0));
  return valid ? std::optional(std::chrono::minutes(hours * 60 + minutes)) : std::nullopt;
}

}  // namespace

Result<Window> parse_window(const std::string& text) {
  const auto refuse = [&](std::string why) {
    return make_error(Errc::plan_rejected, fmt::format("\"{}\" is not a window: {}", text, why),
                      "write [days] HH:MM-HH:MM [time zone], for example \"Mon-Fri 22:00-06:00 Europe/Berlin\"");
  };
  auto words = split_at(text, ' ');
  std::erase(words, std::string_view{});
  Window window;
  window.text = text;
  std::size_t next = 0;
  if (words.empty()) return refuse("it is empty");
  if (words[next].find(':') == std::string_view::npos) {
    const auto days = parse_days(words[next]);
    if (!days) return refuse(fmt::format("\"{}\" is not days, like Mon-Fri or Sat,Sun", words[next]));
    window.days = *days;
    ++next;
  }
  if (next == words.size()) return refuse("the hours are missing");
  const auto ends = split_at(words[next], '-');
  const auto from = parse_time(ends.front());
  const auto to = parse_time(ends.back());
  if (ends.size() != 2 || !from || !to)
    return refuse(fmt::format("\"{}\" is not hours, like 22:00-06:00", words[next]));
  if (*from == *to) return refuse("it opens and closes at the same moment; a whole day is 00:00-24:00");
  if (*from == std::chrono::hours(24)) return refuse("24:00 can only be its end");
  window.from = *from;
  window.to = *to;
  if (++next < words.size()) {
    window.zone = std::string(words[next]);
    const auto fits = [](char c) {
      return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
             std::string_view("/_+-:").find(c) != std::string_view::npos;
    };
    if (!std::all_of(window.zone.begin(), window.zone.end(), fits)) {
      return refuse(fmt::format("\"{}\" is not a time zone", window.zone));
    }
    ++next;
  }
  if (next < words.size()) return refuse(fmt::format("\"{}\" is too much", words[next]));
  return window;
}

}  // namespace pgphase
