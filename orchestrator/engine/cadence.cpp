#include "orchestrator/engine/cadence.hpp"

#include <fmt/format.h>

namespace pgphase {

using std::chrono::milliseconds;

Result<milliseconds> Cadence::after(const BackfillTick& tick, milliseconds took, const Verdict& verdict) {
  const auto name = fmt::format("{}/{}", to_string(key_.phase), key_.step);
  for (const auto& note : tick.notes) reporter_.warn(fmt::format("{}: {}", name, note));
  switch (tick.kind) {
    case BackfillTick::Kind::done:
      return milliseconds(0);
    case BackfillTick::Kind::more:
      // Only what was worth a batch counts: the throttle is about rows, not about looking around.
      return pause_after(std::chrono::duration_cast<milliseconds>(tick.worked), verdict);
    case BackfillTick::Kind::wait:
      if (!tick.blocked_by.message.empty()) reporter_.warn(fmt::format("{}: {}", name, tick.blocked_by.message));
      return tick.pause;
    case BackfillTick::Kind::blocked:
      break;
  }
  const auto pause = retry_.next_pause(took);
  if (!pause) {
    return make_error(Errc::lock_budget,
                      fmt::format("{} {}: {} attempts did not get their lock; at the last one: {}", key_.plan.value,
                                  name, retry_.failed(), tick.blocked_by.message),
                      "What the backfill did stands. Run `pgphase up` again when the blocker is gone.");
  }
  reporter_.warn(fmt::format("{}: attempt {} gave up: {}", name, retry_.failed(), tick.blocked_by.message));
  return *pause;
}

}  // namespace pgphase
