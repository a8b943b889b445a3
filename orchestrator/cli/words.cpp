#include "orchestrator/cli/words.hpp"

#include <fmt/chrono.h>
#include <fmt/format.h>

namespace pgphase::words {

std::string duration(std::chrono::seconds time) {
  const auto s = time.count();
  if (s < 60) return fmt::format("{} s", s);
  if (s < 3600) return fmt::format("{} min", (s + 30) / 60);
  if (s < 86400) return fmt::format("{} h {} min", s / 3600, s % 3600 / 60);
  return fmt::format("{} d {} h", s / 86400, s % 86400 / 3600);
}

std::string time(ServerTime at) {
  return fmt::format("{:%Y-%m-%dT%H:%M:%S}Z", std::chrono::floor<std::chrono::seconds>(at));
}

std::string joined(const std::vector<std::string>& items, std::string_view separator) {
  std::string all;
  for (const auto& item : items) {
    if (!all.empty()) all += separator;
    all += item;
  }
  return all;
}

std::string first_line(const std::string& sql) {
  const auto end = sql.find('\n');
  return end == std::string::npos ? sql : sql.substr(0, end) + " …";
}

std::string indented(const std::string& text, int blanks) {
  std::string out;
  for (const char c : text) {
    out += c;
    if (c == '\n') out.append(static_cast<std::size_t>(blanks), ' ');
  }
  return out;
}

}  // namespace pgphase::words
