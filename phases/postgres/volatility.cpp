#include "phases/postgres/volatility.hpp"

#include <fmt/format.h>

namespace pgphase {

// Asks the planner, which knows what every function, operator and cast in the expressions resolves to: a subquery
// whose outputs are volatile is never merged into the query around it (prepjointree.c, is_simple_subquery). The line
// break ends a comment at the end of an author's text.
Result<bool> any_volatile(Session& session, const std::string& from, const std::vector<std::string>& expressions) {
  constexpr const char* k_probe = "pgphase_volatility_probe";
  std::string outputs;
  for (std::size_t i = 0; i < expressions.size(); ++i) {
    outputs += fmt::format("{}({}\n) AS c{}", i ? ", " : "", expressions[i], i + 1);
  }
  PGPHASE_TRY(plan,
              session.query(fmt::format("EXPLAIN (COSTS OFF) SELECT 1 FROM (SELECT {}{}{}) {} WHERE {}.c1 IS NULL",
                                        outputs, from.empty() ? "" : " FROM ", from, k_probe, k_probe)));
  for (const auto& line : plan) {
    if (line.text(0).find(fmt::format("Subquery Scan on {}", k_probe)) != std::string::npos) return true;
  }
  return false;
}

}  // namespace pgphase
