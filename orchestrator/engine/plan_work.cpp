#include "orchestrator/engine/plan_work.hpp"

#include <fmt/format.h>

#include "phases/ledger/baseline.hpp"
#include "phases/ledger/ledger.hpp"

namespace pgphase {

namespace asio = boost::asio;

asio::awaitable<Result<LedgerView>> read_view(RunContext& run) {
  auto look = [](Session& session) { return read_ledger(session); };
  co_return co_await run.work.run(look);
}

StepKey phase_key(const PlanId& plan, Phase phase) {
  return {plan, phase, ""};
}

std::string why_paused(const LedgerView& ledger, const PlanId& id) {
  const auto* pause = pause_in_force(ledger.requests, id);
  if (!pause) return {};
  return fmt::format("paused by {}{}{}", pause->by, pause->reason.empty() ? "" : ": ", pause->reason);
}

PlanStop paused_at(Phase phase, const LedgerView& ledger, const PlanId& id) {
  const auto* pause = pause_in_force(ledger.requests, id);
  const bool of_this_plan = pause && pause->plan;
  return {StopReason::paused,
          phase,
          {},
          why_paused(ledger, id),
          of_this_plan ? "pgphase resume " + id.value : "pgphase resume"};
}

asio::awaitable<Result<PlanStop>> stopped(RunContext& run, const PlanId& id, Phase phase) {
  PlanStop stop;
  stop.phase = phase;
  stop.reason = run.control.reason_to_stop().value_or(StopReason::interrupted);
  if (run.control.lease_error) co_return *run.control.lease_error;
  auto ledger = co_await read_view(run);
  if (!ledger) co_return ledger.error();
  if (stop.reason == StopReason::paused) co_return paused_at(phase, *ledger, id);
  auto recorded = co_await write_ledger(run, "plan.interrupt", [&](Session& session) -> Result<void> {
    PGPHASE_CHECK(set_plan_interrupted(session, id, true));
    return record_event(session, run.fence.person, phase_key(id, phase), "interrupted",
                        run.control.signals > 0 ? "stopped by a signal" : "stopped by a request or its deadline");
  });
  if (!recorded) co_return recorded.error();
  co_return stop;
}

asio::awaitable<Result<void>> write_ledger(RunContext& run, std::string label,
                                           std::function<Result<void>(Session&)> body) {
  auto write = [&run, &label, &body](Session& session) -> Result<void> {
    auto transaction = begin_fenced(session, run.fence, label);
    if (!transaction) return transaction.error();
    PGPHASE_CHECK(body(session));
    return transaction->commit();
  };
  co_return co_await run.work.run(write);
}

asio::awaitable<Result<Snapshot>> see_catalogue(RunContext& run) {
  auto look = [](Session& session) { return look_for_baseline(session); };
  auto seen = co_await run.work.run(look);
  // A session that is gone fails what comes next, and that tells it.
  if (!seen && seen.error().code == Errc::sql) {
    run.reporter.warn(seen.error().message +
                      "; `pgphase drift` has nothing to compare with until the next phase is done");
  }
  co_return seen;
}

asio::awaitable<std::optional<Result<Snapshot>>> see_result(RunContext& run, const PlanRecord& plan, Phase phase) {
  if (plan.plan[phase].steps.empty()) co_return std::nullopt;
  co_return co_await see_catalogue(run);
}

}  // namespace pgphase
