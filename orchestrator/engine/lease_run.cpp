#include "orchestrator/engine/lease_run.hpp"

#include <fmt/format.h>

#include <boost/asio/experimental/awaitable_operators.hpp>
#include <random>

#include "orchestrator/engine/supervisor.hpp"
#include "orchestrator/engine/timers.hpp"
#include "phases/ledger/ledger.hpp"
#include "phases/ledger/schema.hpp"

namespace pgphase {
namespace {

namespace asio = boost::asio;
using namespace asio::experimental::awaitable_operators;
using Clock = std::chrono::steady_clock;

// A statement that takes the server down each time must not be tried for ever.
constexpr int k_most_connections = 20;

asio::awaitable<Result<void>> open(AsyncSession& session, const LeaseRunOptions& options, std::string purpose) {
  auto wanted = options.connector(purpose);
  if (!wanted) co_return wanted.error();
  co_return co_await session.open(*wanted);
}

asio::awaitable<Result<void>> take_lease(RunContext& run, const LeaseRunOptions& options, std::int64_t own_token) {
  const auto until = Clock::now() + options.lease_patience;
  for (;;) {
    auto acquire = [&](Session& session) -> Result<Fence> {
      PGPHASE_CHECK(ensure_ledger(session));
      PGPHASE_CHECK(session.listen(k_notify_channel));
      auto taken = acquire_lease(session, options.person, options.command, options.take_over, own_token);
      if (!taken) return taken.error();
      PGPHASE_TRY(now, server_time(session));
      run.control.stops_count_from = now;
      return taken;
    };
    auto fence = co_await run.lease.run(acquire);
    if (fence) {
      run.fence = *fence;
      co_return Result<void>();
    }
    if (fence.error().code != Errc::lease_held || Clock::now() >= until) co_return fence.error();
    if (options.while_held) {
      auto ask = [&options](Session& session) { return options.while_held(session); };
      const auto asked = co_await run.lease.run(ask);
      if (!asked) co_return asked.error();
    }
    co_await sleep_for(std::chrono::milliseconds(200));
  }
}

asio::awaitable<Result<void>> work_and_finish(RunContext& run, const LeaseBody& body) {
  Result<void> result;
  try {
    result = co_await body(run);
  } catch (const std::exception& e) {
    result = make_error(Errc::bug, fmt::format("an invariant does not hold: {}", e.what()),
                        "What was committed stands. Please report this with the output of `pgphase history`.");
  }
  run.control.finished = true;
  if (run.control.wake) run.control.wake();
  co_return result;
}

// One connection's worth of work.
asio::awaitable<Result<void>> once(asio::io_context& io, Control& control, Reporter& reporter,
                                   const LeaseRunOptions& options, const LeaseBody& body, std::int64_t& token) {
  control.finished = false;
  control.lease_error.reset();
  RunContext run{io, control, reporter, options.limits, options.connector, std::random_device{}(), {}, {}, {}};
  auto lease_open = co_await open(run.lease, options, "lease");
  if (!lease_open) co_return lease_open.error();
  auto taken = co_await take_lease(run, options, token);
  if (!taken) co_return taken.error();
  token = run.fence.token;

  auto work_open = co_await open(run.work, options, "work");
  if (work_open) {
    auto register_work = [&run](Session& session) { return register_session(session, run.fence, "work"); };
    work_open = co_await run.work.run(register_work);
  }
  Result<void> result = work_open;
  if (work_open) result = co_await (work_and_finish(run, body) && supervise(run));

  if (run.lease.is_open()) {
    auto release = [&run](Session& session) { return release_lease(session, run.fence); };
    auto released = co_await run.lease.run(release);
    if (!released) reporter.warn("the lease could not be given back: " + released.error().message);
  }
  co_return result;
}

}  // namespace

asio::awaitable<Result<void>> with_lease(asio::io_context& io, Control& control, Reporter& reporter,
                                         const LeaseRunOptions& options, LeaseBody body) {
  std::int64_t token = 0;
  auto lost_since = Clock::now();
  bool had_worked = false;
  for (int connections = 1;; ++connections) {
    const auto token_before = token;
    auto result = co_await once(io, control, reporter, options, body, token);
    const bool lease_came_back = token != token_before;
    if (result || !connection_is_gone(result.error().code)) co_return result;
    had_worked = had_worked || lease_came_back;
    // Nothing was ever begun: the caller's connection does not work, and waiting is his decision.
    if (!had_worked) co_return result;
    if (lease_came_back) lost_since = Clock::now();
    if (control.signals > 0 || Clock::now() - lost_since > options.reconnect_patience ||
        connections >= k_most_connections) {
      auto error = result.error();
      error.code = Errc::unreachable;
      error.next = "What was committed stands and is in the ledger; the next `pgphase up` goes on from there.";
      co_return error;
    }
    reporter.warn(fmt::format("{}; connecting again", result.error().message));
    co_await sleep_for(std::chrono::milliseconds(500));
  }
}

}  // namespace pgphase
