#include "orchestrator/cli/names.hpp"

#include <fmt/format.h>

namespace pgphase {

Result<Phase> parse_phase(const std::string& text) {
  for (const auto phase : k_phases) {
    if (text == to_string(phase)) return phase;
  }
  return make_error(Errc::usage, fmt::format("there is no phase '{}'", text),
                    "The phases are additive, backfill and constraint.");
}

PlanId parse_plan_id(std::string text) {
  if (const auto slash = text.rfind('/'); slash != std::string::npos) text.erase(0, slash + 1);
  if (text.ends_with(".toml")) text.erase(text.size() - 5);
  return PlanId{std::move(text)};
}

}  // namespace pgphase
