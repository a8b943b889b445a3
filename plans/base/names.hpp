// Strong types for names that must not be mixed. All are taken literally, as PostgreSQL stores them: never folded,
// never quoted. plans/sql/quote.hpp turns them into SQL.
#pragma once

#include <compare>
#include <string>

namespace pgphase {

// A plan's id: its file name without ".toml".
struct PlanId {
  std::string value;
  auto operator<=>(const PlanId&) const = default;
};

struct TableName {
  std::string schema = "public";
  std::string name;
  auto operator<=>(const TableName&) const = default;
};

enum class Phase { additive, backfill, constraint };
inline constexpr Phase k_phases[] = {Phase::additive, Phase::backfill, Phase::constraint};

constexpr const char* to_string(Phase phase) {
  switch (phase) {
    case Phase::additive: return "additive";
    case Phase::backfill: return "backfill";
    case Phase::constraint: return "constraint";
  }
  return "?";
}

}  // namespace pgphase
