#include "phases/retire/names.hpp"

#include <fmt/format.h>

namespace pgphase {
namespace {

constexpr std::size_t k_longest_name = 63;  // NAMEDATALEN - 1
constexpr std::string_view k_retired_column = "_pgphase_retired_";

std::string_view cut_at_character(std::string_view text, std::size_t bytes) {
  if (text.size() <= bytes) return text;
  while (bytes > 0 && (static_cast<unsigned char>(text[bytes]) & 0xC0U) == 0x80U) --bytes;
  return text.substr(0, bytes);
}

}  // namespace

std::string retired_column_name(std::int64_t number) {
  return fmt::format("{}{}", k_retired_column, number);
}

bool is_retired_column_name(std::string_view name) {
  return name.starts_with(k_retired_column);
}

RetiredNames::RetiredNames(std::int64_t number) : prefix_(fmt::format("_pgphase_{}_", number)) {}

std::string RetiredNames::hide(std::string_view name) {
  std::string suffix;
  for (int nth = 2;; ++nth) {
    const auto room = k_longest_name - prefix_.size() - suffix.size();
    auto hidden = fmt::format("{}{}{}", prefix_, cut_at_character(name, room), suffix);
    if (taken_.insert(hidden).second) return hidden;
    suffix = fmt::format("_{}", nth);
  }
}

}  // namespace pgphase
