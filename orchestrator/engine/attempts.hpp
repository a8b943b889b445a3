// Attempts at something that needs locks, the blockers named while it waits, and the pauses between attempts.
// io_context's thread only.
#pragma once

#include <boost/asio/awaitable.hpp>
#include <functional>
#include <optional>
#include <type_traits>

#include "orchestrator/engine/run_context.hpp"
#include "orchestrator/engine/timers.hpp"

namespace pgphase {

using AttemptWork = std::function<Result<Attempt>(Session&)>;

// Tries until it is done, an Error says that trying is pointless, the budget is used up (Errc::lock_budget), or somebody
// asks to stop: then nothing comes back.
boost::asio::awaitable<Result<std::optional<Attempt>>> with_retries(RunContext& run, StepKey key, AttemptWork work);

// The same for work that is no step. `name`: "purge of 002_task_priority"; `again`: the command that goes on with it.
struct NamedWork {
  std::string name, again;
  AttemptWork attempt;
};
boost::asio::awaitable<Result<std::optional<Attempt>>> with_retries(RunContext& run, NamedWork work);

// `work` on the worker's session, as the one thing that the supervisor may cancel. Comes back when no cancel is on its way
// any more, which would hit whatever is executed next.
template <class Work>
auto run_cancellably(RunContext& run, Work work) -> boost::asio::awaitable<std::invoke_result_t<Work&, Session&>> {
  run.control.step_in_flight = true;
  auto result = co_await run.work.run(work);
  run.control.step_in_flight = false;
  while (run.control.cancel_in_flight) co_await sleep_for(std::chrono::milliseconds(1));
  co_return result;
}

// True when the error is our own cancel of the statement, asked for by a person or a second signal.
bool was_cancelled_by_us(const Control& control, const Error& error);

}  // namespace pgphase
