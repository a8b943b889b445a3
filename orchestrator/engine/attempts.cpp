#include "orchestrator/engine/attempts.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <boost/asio/experimental/awaitable_operators.hpp>

#include "phases/ledger/ledger.hpp"
#include "phases/lock/blockers.hpp"
#include "phases/lock/retry.hpp"
#include "phases/postgres/sqlstate.hpp"

namespace pgphase {
namespace {

constexpr int k_most_cut_off = 3;  // a busy machine may be slow once

namespace asio = boost::asio;
using namespace asio::experimental::awaitable_operators;
using std::chrono::milliseconds;

// Looks from the lease's session who blocks the worker, until it is cancelled. `seen` keeps the last that was found.
asio::awaitable<void> watch_blockers(RunContext& run, std::string& seen) {
  const int pid = run.work.session().backend().pid;
  // Several looks within one attempt, however short it is: after it nobody is blocked.
  const auto between = std::clamp(run.limits.locks.timeout / 4, milliseconds(10), milliseconds(100));
  for (;;) {
    co_await sleep_for(between);
    auto look = [pid](Session& session) { return blockers_of(session, pid); };
    auto blockers = co_await run.lease.run(look);
    if (blockers && !blockers->empty()) seen = join_words(*blockers);
  }
}

asio::awaitable<Result<Attempt>> attempt(RunContext& run, const AttemptWork& work) {
  auto on_session = [&work](Session& session) { return work(session); };
  co_return co_await run_cancellably(run, on_session);
}

asio::awaitable<Result<void>> note_blocked(RunContext& run, const StepKey& key, const std::string& blockers) {
  auto write = [&](Session& session) -> Result<void> {
    auto transaction = begin_fenced(session, run.fence, "step.blocked");
    if (!transaction) return transaction.error();
    PGPHASE_CHECK(step_blocked(session, key, blockers));
    return transaction->commit();
  };
  co_return co_await run.work.run(write);
}

// Nobody is in the way: the statement takes longer than it may hold its locks, and will the next time too.
Error too_slow(const RunContext& run, const std::string& name, const Error& cut_off) {
  auto error = make_error(
      Errc::step_failed,
      fmt::format("{} took longer than the {} ms for which it may hold its locks, {} times, and nobody was in its way",
                  name, run.limits.locks.hold.count(), k_most_cut_off),
      "Of this statement nothing was done; what was done before it stands. Write it as a [[backfill]] with `set`, which "
      "works in short batches, or allow it more time with --lock-hold: for so long everybody waits who wants what it locks.");
  error.sqlstate = cut_off.sqlstate;
  error.statement = cut_off.statement;
  return error;
}

// `key` is empty where there is no step in the ledger to note it at.
asio::awaitable<Result<std::optional<Attempt>>> retry(RunContext& run, std::optional<StepKey> key, NamedWork work) {
  LockRetry pauses(run.limits.locks, run.seed);
  int cut_off = 0;
  for (;;) {
    if (run.control.reason_to_stop()) co_return std::optional<Attempt>();
    std::string blockers;
    const auto begun = std::chrono::steady_clock::now();
    auto raced = co_await (attempt(run, work.attempt) || watch_blockers(run, blockers));
    if (raced.index() != 0) co_return make_error(Errc::bug, "the look for blockers ended before the attempt");
    const auto& tried = std::get<0>(raced);
    if (!tried) {
      if (was_cancelled_by_us(run.control, tried.error())) co_return std::optional<Attempt>();
      co_return tried.error();
    }
    if (tried->done) co_return std::optional(*tried);
    if (run.control.reason_to_stop()) co_return std::optional<Attempt>();

    cut_off = tried->cut_off && blockers.empty() ? cut_off + 1 : 0;
    if (cut_off == k_most_cut_off) co_return too_slow(run, work.name, tried->blocked);
    const auto took = std::chrono::duration_cast<milliseconds>(std::chrono::steady_clock::now() - begun);
    const auto pause = pauses.next_pause(took);
    const std::string who = blockers.empty() ? tried->blocked.message : "blocked by " + blockers;
    if (key) {
      auto noted = co_await note_blocked(run, *key, who);
      if (!noted) co_return noted.error();
    }
    if (!pause) {
      auto error = make_error(
          Errc::lock_budget,
          fmt::format("{}: {} attempts in {:.1f} s did not get through; at the last one: {}", work.name, pauses.failed(),
                      static_cast<double>(pauses.spent().count()) / 1000.0, who),
          fmt::format("Of this statement nothing was done; what was done before it stands. End the blocker or wait for "
                      "it, then run `{}` again.",
                      work.again));
      error.sqlstate = tried->blocked.sqlstate;
      error.statement = tried->blocked.statement;
      co_return error;
    }
    run.reporter.warn(fmt::format("{}: attempt {} gave up after {} ms ({}); next in {} ms", work.name, pauses.failed(),
                                  took.count(), who, pause->count()));
    co_await sleep_unless(*pause, [&run] { return run.control.reason_to_stop().has_value(); });
  }
}

}  // namespace

bool was_cancelled_by_us(const Control& control, const Error& error) {
  return control.cancel_wanted() && error.sqlstate == sqlstate::query_canceled;
}

asio::awaitable<Result<std::optional<Attempt>>> with_retries(RunContext& run, StepKey key, AttemptWork work) {
  auto name = fmt::format("{} {}/{}", key.plan.value, to_string(key.phase), key.step);
  NamedWork named{std::move(name), "pgphase up", std::move(work)};
  std::optional<StepKey> noted_at(std::move(key));
  co_return co_await retry(run, std::move(noted_at), std::move(named));
}

asio::awaitable<Result<std::optional<Attempt>>> with_retries(RunContext& run, NamedWork work) {
  co_return co_await retry(run, std::nullopt, std::move(work));
}

}  // namespace pgphase
