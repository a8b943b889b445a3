#include "tests/bench/figures.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>

namespace pgphase::bench {
namespace {

constexpr const char* k_nothing = "–";
constexpr double k_megabyte = 1e6;
constexpr double k_mebibyte = 1 << 20;

}  // namespace

std::optional<double> median(std::vector<double> values) {
  if (values.empty()) return std::nullopt;
  std::sort(values.begin(), values.end());
  const auto middle = values.size() / 2;
  return values.size() % 2 == 1 ? values[middle] : (values[middle - 1] + values[middle]) / 2;
}

std::optional<double> percentile(std::vector<double> values, double share) {
  if (values.empty()) return std::nullopt;
  const auto rank = std::ceil(share * static_cast<double>(values.size()));
  const auto last = static_cast<double>(values.size()) - 1;
  const auto at = values.begin() + static_cast<std::ptrdiff_t>(std::clamp(rank - 1, 0.0, last));
  std::nth_element(values.begin(), at, values.end());
  return *at;
}

std::optional<double> median_ratio(const std::vector<double>& above, const std::vector<double>& below) {
  std::vector<double> ratios;
  for (std::size_t i = 0; i < std::min(above.size(), below.size()); ++i) {
    if (below[i] != 0) ratios.push_back(above[i] / below[i]);
  }
  return median(std::move(ratios));
}

std::string with_commas(std::int64_t number) {
  std::string out = std::to_string(number);
  const std::ptrdiff_t first = number < 0 ? 1 : 0;
  for (auto at = static_cast<std::ptrdiff_t>(out.size()) - 3; at > first; at -= 3) {
    out.insert(static_cast<std::size_t>(at), ",");
  }
  return out;
}

std::string as_megabytes(std::optional<double> bytes) {
  return bytes ? fmt::format("{:.0f} MB", *bytes / k_megabyte) : k_nothing;
}

std::string as_mebibytes(std::optional<double> bytes) {
  return bytes ? fmt::format("{:.1f} MiB", *bytes / k_mebibyte) : k_nothing;
}

std::string as_seconds(const std::vector<double>& seconds) {
  const auto middle = median(seconds);
  if (!middle) return k_nothing;
  if (seconds.size() == 1) return fmt::format("{:.1f} s", *middle);
  const auto [least, most] = std::minmax_element(seconds.begin(), seconds.end());
  return fmt::format("{:.1f} s ({:.1f}–{:.1f})", *middle, *least, *most);
}

std::string as_milliseconds(std::optional<double> ms) {
  return ms ? fmt::format("{:.1f} ms", *ms) : k_nothing;
}

std::string as_ratio(std::optional<double> ratio) {
  return ratio ? fmt::format("{:.2f}x", *ratio) : k_nothing;
}

std::string as_percent(std::optional<double> share) {
  return share ? fmt::format("{:.0f} %", *share * 100) : k_nothing;
}

}  // namespace pgphase::bench
