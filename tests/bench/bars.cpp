#include "tests/bench/bars.hpp"

#include <fmt/format.h>

namespace pgphase::bench {
namespace {

std::string written(double value, Unit unit) {
  switch (unit) {
    case Unit::ratio:
      return fmt::format("{:.2f}x", value);
    case Unit::ms:
      return fmt::format("{:.1f} ms", value);
    case Unit::mib:
      return fmt::format("{:.1f} MiB", value);
    case Unit::count:
      break;
  }
  return fmt::format("{:.0f}", value);
}

}  // namespace

std::optional<bool> Bar::met() const {
  if (!figure) return std::nullopt;
  return wanted == Wanted::at_least ? *figure >= limit : *figure <= limit;
}

std::string Bar::verdict() const {
  const auto answer = met();
  if (!answer) return "no figure";
  return *answer ? "met" : "not met";
}

std::string Bar::wanted_text() const {
  return (wanted == Wanted::at_least ? ">= " : "<= ") + written(limit, unit);
}

std::string Bar::figure_text() const {
  return figure ? written(*figure, unit) : "–";
}

std::string with_verdict(const Bar& bar) {
  return bar.figure ? bar.figure_text() + ", " + bar.verdict() : bar.figure_text();
}

}  // namespace pgphase::bench
