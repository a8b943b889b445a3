#include "orchestrator/engine/phase_undo.hpp"

#include <fmt/format.h>

#include "orchestrator/engine/old_code.hpp"
#include "orchestrator/engine/step_runner.hpp"
#include "phases/ledger/baseline.hpp"
#include "phases/ledger/ledger.hpp"
#include "phases/sync/links.hpp"
#include "phases/sync/newcomers.hpp"

namespace pgphase {
namespace {

namespace asio = boost::asio;

asio::awaitable<Result<void>> finish_undo(RunContext& run, const PlanRecord& plan, Phase phase) {
  const auto seen = co_await see_result(run, plan, phase);
  co_return co_await write_ledger(run, "phase.undone", [&](Session& session) -> Result<void> {
    PGPHASE_CHECK(set_phase_state(session, plan.plan.id, phase, PhaseState::rolled_back));
    PGPHASE_CHECK(forget_stamp(session, plan.plan.id, phase));
    PGPHASE_CHECK(set_plan_interrupted(session, plan.plan.id, false));
    if (seen) PGPHASE_CHECK(keep_baseline(session, plan.plan.id, phase, BaselineMoment::back, *seen));
    return record_event(session, run.fence.person, phase_key(plan.plan.id, phase), "phase_rolled_back",
                        fmt::format("phase {} rolled back", to_string(phase)));
  });
}

// The rollback of one phase, from its first look at the ledger on.
class Undo {
 public:
  Undo(RunContext& run, PlanId id, Phase phase) : run_(run), id_(std::move(id)), phase_(phase) {}

  asio::awaitable<Result<PhaseUndo>> operator()(std::string reason);

 private:
  asio::awaitable<Result<PlanStop>> steps();
  asio::awaitable<Result<void>> hold(std::string reason);
  asio::awaitable<Result<void>> start(const PlanRecord& plan);
  asio::awaitable<Result<void>> warn();

  // Something was taken back: says and records it, if it is what old code was waiting for. A stamped plan never kept
  // anybody out.
  asio::awaitable<Result<void>> look_for_old_code();
  asio::awaitable<Result<void>> record_old_code_safe(std::string line);

  std::chrono::duration<double> elapsed() const { return std::chrono::steady_clock::now() - began_; }

  RunContext& run_;
  PlanId id_;
  Phase phase_;
  PhaseUndo result_;
  std::chrono::steady_clock::time_point began_ = std::chrono::steady_clock::now();
};

asio::awaitable<Result<void>> Undo::hold(std::string reason) {
  co_return co_await write_ledger(run_, "rollback.hold", [&](Session& session) -> Result<void> {
    PGPHASE_CHECK(set_hold(session, id_, reason, run_.fence.person));
    PGPHASE_CHECK(raise_generation(session, id_));
    return record_event(session, run_.fence.person, phase_key(id_, phase_), "rollback_started",
                        fmt::format("rollback of phase {} started", to_string(phase_)));
  });
}

asio::awaitable<Result<void>> Undo::start(const PlanRecord& plan) {
  if (!plan.plan[phase_].steps.empty()) {
    run_.reporter.say(plan.stamped ? fmt::format("{} {}: was stamped, so only the record of it is taken back; the "
                                                 "database stays as it is",
                                                 id_.value, to_string(phase_))
                                   : fmt::format("{} {}: rolling back", id_.value, to_string(phase_)));
  }
  auto warned = co_await warn();
  if (!warned) co_return warned.error();
  co_return co_await write_ledger(run_, "phase.start_undo", [&](Session& session) {
    return set_phase_state(session, id_, phase_, PhaseState::rolling_back);
  });
}

// In an incident nothing of this stands in the way; but it is not passed over in silence. A connection that is gone is
// for the next one who asks it to tell.
asio::awaitable<Result<void>> Undo::warn() {
  auto look = [this](Session& session) -> Result<std::vector<std::string>> {
    std::vector<std::string> warnings;
    const auto in_order = links_must_be_in_order(session, id_);
    if (!in_order && in_order.error().code == Errc::refused) {
      warnings.push_back(in_order.error().message +
                         "; it is rolled back all the same, and rows that were written meanwhile may be out of step");
    }
    if (phase_ != Phase::constraint) return warnings;
    const auto newcomers = newcomers_without_old_values(session, id_);
    if (newcomers) warnings.insert(warnings.end(), newcomers->begin(), newcomers->end());
    if (!newcomers && newcomers.error().code == Errc::sql) {
      warnings.push_back("new partitions were not looked at: " + newcomers.error().message);
    }
    return warnings;
  };
  auto warnings = co_await run_.work.run(look);
  if (!warnings) co_return warnings.error();
  for (const auto& warning : *warnings) run_.reporter.warn(warning);
  co_return Result<void>();
}

asio::awaitable<Result<void>> Undo::look_for_old_code() {
  if (result_.old_code_is_safe) co_return Result<void>();
  auto ledger = co_await read_view(run_);
  if (!ledger) co_return ledger.error();
  const auto* plan = ledger->find(id_);
  if (!plan || keeps_old_code_out(*plan, phase_)) co_return Result<void>();
  result_.old_code_is_safe = true;
  result_.old_code_safe = elapsed();
  const auto line = fmt::format("old code is safe again, {:.2f} s after the rollback of phase {} began",
                                result_.old_code_safe.count(), to_string(phase_));
  run_.reporter.say(fmt::format("  {}: {}", to_string(phase_), line));
  co_return co_await record_old_code_safe(line);
}

asio::awaitable<Result<void>> Undo::record_old_code_safe(std::string line) {
  co_return co_await write_ledger(run_, "rollback.old_code_safe", [&](Session& session) -> Result<void> {
    PGPHASE_TRY(known, event_since(session, phase_key(id_, phase_), "old_code_safe", "phase_started"));
    if (known) return {};
    return record_event(session, run_.fence.person, phase_key(id_, phase_), "old_code_safe", line);
  });
}

asio::awaitable<Result<PlanStop>> Undo::steps() {
  // Bound to a name: it outlives every step that it is handed to.
  const PartDone part_done = [this] { return look_for_old_code(); };
  for (;;) {
    if (run_.control.reason_to_stop()) co_return co_await stopped(run_, id_, phase_);
    auto ledger = co_await read_view(run_);
    if (!ledger) co_return ledger.error();
    const auto* plan = ledger->find(id_);
    if (!plan) co_return make_error(Errc::bug, fmt::format("plan {} is not in the ledger", id_.value));
    const auto action = next_back(*plan, phase_, ledger->requests, run_.control.pauses_count_from);
    Result<void> written;
    switch (action.verb) {
      case Verb::start_undo:
        written = co_await start(*plan);
        break;
      case Verb::undo_step: {
        auto outcome = co_await undo_step(run_, *plan, phase_, action.step, part_done);
        if (!outcome) co_return run_.control.lease_error ? *run_.control.lease_error : outcome.error();
        if (*outcome == StepOutcome::stopped) co_return co_await stopped(run_, id_, phase_);
        written = co_await look_for_old_code();
        break;
      }
      case Verb::finish_undo:
        written = co_await finish_undo(run_, *plan, phase_);
        break;
      case Verb::stop:
        if (action.reason == StopReason::paused) co_return paused_at(phase_, *ledger, id_);
        co_return PlanStop{action.reason, phase_, {}, "", ""};
      default:
        co_return make_error(Errc::bug, "the state machine went forward on the way back");
    }
    if (!written) co_return written.error();
  }
}

asio::awaitable<Result<PhaseUndo>> Undo::operator()(std::string reason) {
  run_.control.plan = id_;
  auto first = co_await read_view(run_);
  if (!first) co_return first.error();
  run_.control.pauses_count_from = first->now;
  const auto* plan = first->find(id_);
  result_.had_steps = plan && !plan->plan[phase_].steps.empty();
  result_.old_code_was_out = plan && !plan->stamped && keeps_old_code_out(*plan, phase_);
  result_.old_code_is_safe = !result_.old_code_was_out;
  auto held = co_await hold(std::move(reason));
  if (!held) co_return held.error();
  // The rollback before this one may have died between the moment and the record of it.
  const bool goes_on = plan && !plan->stamped && (*plan)[phase_].state == PhaseState::rolling_back;
  if (goes_on && result_.old_code_is_safe && has_kept_old_code_out(*plan, phase_)) {
    auto recorded = co_await record_old_code_safe("old code was safe again when the rollback went on");
    if (!recorded) co_return recorded.error();
  }
  auto stop = co_await steps();
  if (!stop) co_return stop.error();
  result_.stop = *stop;
  result_.complete = elapsed();
  co_return result_;
}

}  // namespace

asio::awaitable<Result<PhaseUndo>> undo_phase(RunContext& run, PlanId id, Phase phase, std::string reason) {
  Undo undo(run, std::move(id), phase);
  co_return co_await undo(std::move(reason));
}

}  // namespace pgphase
