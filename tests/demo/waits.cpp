#include "tests/demo/waits.hpp"

#include <algorithm>

namespace pgphase::demo {

void Waits::merge(const Waits& other) {
  finished_ms.insert(finished_ms.end(), other.finished_ms.begin(), other.finished_ms.end());
  longest = std::max(longest, other.longest);
  failed += other.failed;
  writes += other.writes;
}

double Waits::p99_ms() const {
  if (finished_ms.empty()) return 0;
  auto sorted = finished_ms;
  const auto at = sorted.begin() + static_cast<std::ptrdiff_t>(sorted.size() * 99 / 100);
  std::nth_element(sorted.begin(), at, sorted.end());
  return static_cast<double>(*at);
}

}  // namespace pgphase::demo
