#include "orchestrator/engine/help.hpp"

#include <fmt/format.h>

#include "orchestrator/engine/cadence.hpp"
#include "orchestrator/engine/timers.hpp"
#include "phases/backfill/helper.hpp"

namespace pgphase {
namespace {

namespace asio = boost::asio;
using Clock = std::chrono::steady_clock;
using std::chrono::milliseconds;

asio::awaitable<Result<void>> join(AsyncSession& session, const HelpOptions& options) {
  const auto purpose = fmt::format("{}/{}", options.key.plan.value, options.key.step);
  auto connector = [&options, &purpose] { return options.connector(purpose); };
  std::function<Result<SessionOptions>()> connect = connector;
  auto opened = co_await session.open(std::move(connect));
  if (!opened) co_return opened.error();
  auto make_known = [&options](Session& with) { return register_session(with, options.fence, "helper"); };
  co_return co_await session.run(make_known);
}

}  // namespace

asio::awaitable<void> pause_unless(milliseconds time, const std::function<bool()>& stop) {
  if (time > milliseconds(0)) co_await sleep_unless(time, stop);
}

asio::awaitable<Result<void>> help(AsyncSession& session, Reporter& reporter, HelpOptions options,
                                   std::function<Orders()> orders) {
  auto joined = co_await join(session, options);
  if (!joined) co_return joined.error();
  if (options.joined) options.joined(session.session().backend().pid);
  BackfillHelper helper(options.fence, options.key, options.body, options.settings);
  Cadence cadence(reporter, options.key, options.settings.locks, options.seed);
  const std::function<bool()> leave = [&orders] { return orders().leave; };
  for (;;) {
    const auto now = orders();
    if (now.leave) co_return Result<void>();
    if (now.verdict.hold) {
      co_await pause_unless(pause_after(milliseconds(0), now.verdict), leave);
      continue;
    }
    helper.set_speed(now.batch_time, now.stripes);
    helper.set_max_bad_rows(now.max_bad_rows);
    const auto begun = Clock::now();
    auto advance = [&helper](Session& with) { return helper.advance(with); };
    auto tick = co_await session.run(advance);
    if (!tick) co_return tick.error();
    if (tick->kind == BackfillTick::Kind::done) co_return Result<void>();
    const auto took = std::chrono::duration_cast<milliseconds>(Clock::now() - begun);
    const auto pause = cadence.after(*tick, took, now.verdict);
    if (!pause) co_return pause.error();
    co_await pause_unless(*pause, leave);
  }
}

}  // namespace pgphase
