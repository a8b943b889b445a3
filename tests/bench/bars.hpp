// What the figures of a bench should reach. A bar never fails a run: it is shown, met or not. Pure.
#pragma once

#include <optional>
#include <string>

namespace pgphase::bench {

enum class Wanted { at_least, at_most };

enum class Unit { ratio, ms, mib, count };

struct Bar {
  std::string what;
  Wanted wanted = Wanted::at_least;
  double limit = 0;
  Unit unit = Unit::ratio;
  std::optional<double> figure;  // nothing: not measured, or not built

  std::optional<bool> met() const;
  std::string verdict() const;      // "met", "not met", "no figure"
  std::string wanted_text() const;  // ">= 1.40x"
  std::string figure_text() const;  // "1.59x"
};

// "1.59x, met": for a cell of a table.
std::string with_verdict(const Bar& bar);

}  // namespace pgphase::bench
