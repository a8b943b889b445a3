#include "orchestrator/engine/backfill_runner.hpp"

#include <fmt/format.h>

#include "orchestrator/engine/attempts.hpp"
#include "orchestrator/engine/timers.hpp"
#include "phases/backfill/backfill.hpp"
#include "phases/ledger/ledger.hpp"
#include "phases/lock/retry.hpp"

namespace pgphase {
namespace {

namespace asio = boost::asio;
using RowCount = std::optional<std::int64_t>;

asio::awaitable<Result<void>> begin_step(RunContext& run, const StepKey& key, Direction direction) {
  auto write = [&](Session& session) -> Result<void> {
    auto transaction = begin_fenced(session, run.fence, "step.begin");
    if (!transaction) return transaction.error();
    PGPHASE_CHECK(direction == Direction::forward ? step_running(session, key) : step_undoing(session, key));
    return transaction->commit();
  };
  co_return co_await run.work.run(write);
}

}  // namespace

std::string progress_line(const StepKey& key, const BackfillRecord& progress) {
  const double visited = progress.pages_total > 0 ? 100.0 * static_cast<double>(progress.pages_done) /
                                                        static_cast<double>(progress.pages_total)
                                                  : 0;
  const double rate = progress.seconds > 0 ? static_cast<double>(progress.rows_done) / progress.seconds : 0;
  std::string line = fmt::format("{}/{} {}: {:.1f} %, {} rows", to_string(key.phase), key.step, progress.stage, visited,
                                 progress.rows_done);
  if (rate > 0) line += fmt::format(", {:.0f} rows/s", rate);
  if (progress.pages_done > 0 && progress.pages_done < progress.pages_total) {
    line += fmt::format(", about {:.0f} s left", progress.seconds *
                                                     static_cast<double>(progress.pages_total - progress.pages_done) /
                                                     static_cast<double>(progress.pages_done));
  }
  return line;
}

asio::awaitable<Result<RowCount>> run_backfill(RunContext& run, const StepKey& key, const BackfillBody& body,
                                               Direction direction, std::string sets_as) {
  auto begun = co_await begin_step(run, key, direction);
  if (!begun) co_return begun.error();
  BackfillSettings settings;
  settings.batch_time = run.limits.batch_time;
  settings.locks = run.limits.locks;
  settings.sets_as = std::move(sets_as);
  auto open = [&](Session& session) { return BackfillRun::open(session, run.fence, key, body, settings); };
  auto opened = co_await run.work.run(open);
  if (!opened) co_return opened.error();
  BackfillRun& backfill = **opened;

  LockRetry retry(run.limits.locks, run.seed);
  const auto stop = [&run] { return run.control.reason_to_stop().has_value(); };
  auto said_at = std::chrono::steady_clock::now();
  for (;;) {
    if (stop()) co_return RowCount();
    const auto tick_begun = std::chrono::steady_clock::now();
    auto advance = [&backfill](Session& session) { return backfill.advance(session); };
    auto tick = co_await run_cancellably(run, advance);
    if (!tick) {
      if (was_cancelled_by_us(run.control, tick.error())) co_return RowCount();
      co_return tick.error();
    }
    for (const auto& note : tick->notes)
      run.reporter.warn(fmt::format("{}/{}: {}", to_string(key.phase), key.step, note));
    const auto now = std::chrono::steady_clock::now();
    if (now - said_at >= std::chrono::seconds(1)) {
      said_at = now;
      run.reporter.progress(progress_line(key, tick->progress));
    }
    switch (tick->kind) {
      case BackfillTick::Kind::done:
        co_return RowCount(tick->progress.rows_done);
      case BackfillTick::Kind::more:
        break;
      case BackfillTick::Kind::wait:
        if (!tick->blocked_by.message.empty())
          run.reporter.warn(fmt::format("{}: {}", key.step, tick->blocked_by.message));
        co_await sleep_unless(tick->pause, stop);
        break;
      case BackfillTick::Kind::blocked: {
        const auto took = std::chrono::duration_cast<std::chrono::milliseconds>(now - tick_begun);
        const auto pause = retry.next_pause(took);
        if (!pause) {
          co_return make_error(
              Errc::lock_budget,
              fmt::format("{} {}/{}: {} attempts did not get their lock; at the last one: {}", key.plan.value,
                          to_string(key.phase), key.step, retry.failed(), tick->blocked_by.message),
              "What the backfill did stands. Run `pgphase up` again when the blocker is gone.");
        }
        run.reporter.warn(fmt::format("{}/{}: attempt {} gave up: {}", to_string(key.phase), key.step, retry.failed(),
                                      tick->blocked_by.message));
        co_await sleep_unless(*pause, stop);
        break;
      }
    }
  }
}

}  // namespace pgphase
