// Drives a backfill batch by batch: between two batches it looks whether somebody wants it to stop, and tells how far
// it is. io_context's thread only.
#pragma once

#include <boost/asio/awaitable.hpp>
#include <optional>

#include "orchestrator/engine/run_context.hpp"
#include "plans/phased_plan.hpp"

namespace pgphase {

// The rows that were set, over all runs of this step; nothing when somebody asked to stop. `direction`: whether the
// step is carried out by it, or undone. `sets_as`: BackfillSettings::sets_as.
boost::asio::awaitable<Result<std::optional<std::int64_t>>> run_backfill(RunContext& run, const StepKey& key,
                                                                         const BackfillBody& body,
                                                                         Direction direction = Direction::forward,
                                                                         std::string sets_as = {});

// "backfill/normalise 41.3 %  620 000 of about 1 500 000 rows, 81 234 rows/s, about 11 s left". Pure.
std::string progress_line(const StepKey& key, const BackfillRecord& progress);

}  // namespace pgphase
