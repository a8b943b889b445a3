// One more session that helps with a backfill: of the run's own process (backfill_crew.hpp), or of `pgphase work` on
// another machine. io_context's thread only.
#pragma once

#include <boost/asio/awaitable.hpp>
#include <functional>

#include "orchestrator/engine/async_session.hpp"
#include "orchestrator/engine/reporter.hpp"
#include "orchestrator/throttle/governor.hpp"
#include "phases/backfill/backfill.hpp"

namespace pgphase {

struct HelpOptions {
  std::function<Result<SessionOptions>(const std::string& purpose)> connector;
  Fence fence;
  StepKey key;
  BackfillBody body;
  BackfillSettings settings;
  std::uint64_t seed = 0;
  std::function<void(int pid)> joined = {};  // the session is known to the lease
};

// What the helper is to do next: asked between two batches.
struct Orders {
  bool leave = false;
  std::chrono::milliseconds batch_time{100};
  std::optional<int> stripes;
  std::int64_t max_bad_rows = 0;
  Verdict verdict;
};

// Connects `session`, makes it known to the lease, and sets rows until the run needs no more help, `orders` says leave,
// or an Error. What it has committed stands in any case.
boost::asio::awaitable<Result<void>> help(AsyncSession& session, Reporter& reporter, HelpOptions options,
                                          std::function<Orders()> orders);

// Pauses, while nothing may be begun; less when `stop` turns true.
boost::asio::awaitable<void> pause_unless(std::chrono::milliseconds time, const std::function<bool()>& stop);

}  // namespace pgphase
