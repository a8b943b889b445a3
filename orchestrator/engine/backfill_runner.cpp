#include "orchestrator/engine/backfill_runner.hpp"

#include <fmt/format.h>

#include "orchestrator/engine/backfill_lead.hpp"
#include "phases/ledger/ledger.hpp"

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
  auto how = body;
  // Which rows have an old value is in no index: what is asked of the way forward must not refuse the way back.
  if (direction == Direction::back) how.speed.scan = "auto";
  BackfillLead lead(run, key, how, std::move(sets_as));
  co_return co_await lead.fill();
}

}  // namespace pgphase
