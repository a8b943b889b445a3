// How fast a backfill is to go: what the settings say, over that what the plan says, over that what `pgphase set` has
// said since. Pure; any thread.
#pragma once

#include <string>

#include "orchestrator/settings/settings.hpp"
#include "phases/ledger/speed.hpp"
#include "plans/phased_plan.hpp"

namespace pgphase {

struct Speed {
  Settings::Backfill backfill;
  ThrottleLimits throttle;
};

// What cannot be read in `in_flight`, because another version wrote it, is passed over.
Speed speed_of(const Settings::Backfill& backfill, const ThrottleLimits& throttle, const BackfillSpeed& plans,
               const SpeedInFlight& in_flight);

// One `key=value` of `pgphase set`, as SpeedInFlight has it: "workers=2" is {"backfill.workers", "2"}. "default" takes
// back what was set: its text is empty. Errc::usage for what is no such setting, or out of its range.
Result<std::pair<std::string, std::string>> parse_speed(std::string_view assignment);

// The keys that can be set, for messages: "workers, batch_time, …".
std::string speed_keys();

}  // namespace pgphase
