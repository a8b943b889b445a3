// Attempts at something that needs locks, the blockers named while it waits, and the pauses between attempts.
// io_context's thread only.
#pragma once

#include <boost/asio/awaitable.hpp>
#include <functional>
#include <optional>

#include "orchestrator/engine/run_context.hpp"

namespace pgphase {

using AttemptWork = std::function<Result<Attempt>(Session&)>;

// Tries until it is done, an Error says that trying is pointless, the budget is used up (Errc::lock_budget), or somebody
// asks to stop: then nothing comes back.
boost::asio::awaitable<Result<std::optional<Attempt>>> with_retries(RunContext& run, StepKey key, AttemptWork work);

// True when the error is our own cancel of the statement, asked for by a person or a second signal.
bool was_cancelled_by_us(const Control& control, const Error& error);

}  // namespace pgphase
