#include "plans/check/waiver.hpp"

#include <algorithm>

namespace pgphase {
namespace {

constexpr std::string_view k_mark = "pgphase:allow";

std::string_view trimmed(std::string_view text) {
  const auto from = text.find_first_not_of(" \t");
  if (from == std::string_view::npos) return {};
  return text.substr(from, text.find_last_not_of(" \t") - from + 1);
}

}  // namespace

std::vector<Waiver> waivers_in(const std::vector<std::string>& comments) {
  std::vector<Waiver> out;
  for (const std::string_view comment : comments) {
    if (!comment.starts_with(k_mark)) continue;
    auto rest = comment.substr(k_mark.size());
    // "pgphase:allowed" is a word of somebody's own.
    if (!rest.empty() && rest[0] != ' ' && rest[0] != '\t') continue;
    Waiver waiver;
    const auto colon = rest.find(':');
    if (colon != std::string_view::npos) waiver.reason = trimmed(rest.substr(colon + 1));
    auto ids = rest.substr(0, colon);
    while (!ids.empty()) {
      const auto comma = std::min(ids.find(','), ids.size());
      if (const auto id = trimmed(ids.substr(0, comma)); !id.empty()) waiver.rules.emplace_back(id);
      ids.remove_prefix(std::min(comma + 1, ids.size()));
    }
    out.push_back(std::move(waiver));
  }
  return out;
}

}  // namespace pgphase
