// A split plan as JSON and back: what the ledger keeps, so that a plan which has started goes on and rolls back from
// there whatever checkout is at hand. The format is numbered; a newer one than this program knows is refused. Pure.
#pragma once

#include <boost/json.hpp>
#include <string>

#include "plans/base/result.hpp"
#include "plans/phased_plan.hpp"

namespace pgphase {

inline constexpr int k_split_format = 1;

boost::json::value to_json(const PhasedPlan& plan);

// Errc::refused for a newer format, Errc::bug for JSON that to_json cannot have written.
Result<PhasedPlan> phased_plan_from_json(const boost::json::value& json);

// SHA-256, hex, of what the plan does: everything but its text, and the lines where its steps stand. Comments and
// layout do not change it.
std::string split_hash(const PhasedPlan& plan);

}  // namespace pgphase
