// Reading what people type for plans, phases and durations. Pure.
#pragma once

#include <optional>
#include <string>

#include "plans/base/names.hpp"
#include "plans/base/result.hpp"

namespace pgphase {

// "backfill"; an Error of code usage names the three.
Result<Phase> parse_phase(const std::string& text);

// "002_priority", also given as "002_priority.toml" or "migrations/002_priority.toml", as a shell completes it.
PlanId parse_plan_id(std::string text);

}  // namespace pgphase
