#include "orchestrator/engine/plan_runner.hpp"

#include <fmt/format.h>

#include "orchestrator/engine/step_runner.hpp"
#include "orchestrator/engine/timers.hpp"
#include "phases/ledger/baseline.hpp"
#include "phases/ledger/ledger.hpp"
#include "phases/sync/links.hpp"
#include "phases/sync/newcomers.hpp"

namespace pgphase {
namespace {

namespace asio = boost::asio;
using std::chrono::milliseconds;

constexpr milliseconds k_gate_look{500};

asio::awaitable<Result<void>> start_phase(RunContext& run, PlanId id, Phase phase) {
  run.reporter.say(fmt::format("{} {}", id.value, to_string(phase)));
  auto look = [&id](Session& session) { return links_must_be_in_order(session, id); };
  auto in_order = co_await run.work.run(look);
  if (!in_order) {
    // The additive phase makes the triggers anew; the others rely on what they have done.
    if (phase != Phase::additive || in_order.error().code != Errc::refused) co_return in_order.error();
    run.reporter.warn(in_order.error().message +
                      "; it is made anew, and rows that were written meanwhile may be out of step");
  }
  if (phase == Phase::constraint) {
    auto newcomers = [&id](Session& session) { return newcomers_must_be_in_step(session, id); };
    auto in_step = co_await run.work.run(newcomers);
    if (!in_step) co_return in_step.error();
  }
  co_return co_await write_ledger(run, "phase.start", [&](Session& session) -> Result<void> {
    PGPHASE_CHECK(set_phase_state(session, id, phase, PhaseState::running));
    PGPHASE_CHECK(set_plan_interrupted(session, id, false));
    return record_event(session, run.fence.person, phase_key(id, phase), "phase_started",
                        fmt::format("phase {} started", to_string(phase)));
  });
}

asio::awaitable<Result<void>> finish_phase(RunContext& run, const PlanRecord& plan, Phase phase) {
  const auto seen = co_await see_result(run, plan, phase);
  co_return co_await write_ledger(run, "phase.finish", [&](Session& session) -> Result<void> {
    PGPHASE_CHECK(set_phase_state(session, plan.plan.id, phase, PhaseState::done));
    if (seen) PGPHASE_CHECK(keep_baseline(session, plan.plan.id, phase, BaselineMoment::forward, *seen));
    return record_event(session, run.fence.person, phase_key(plan.plan.id, phase), "phase_done",
                        fmt::format("phase {} done", to_string(phase)));
  });
}

asio::awaitable<Result<void>> finish_plan(RunContext& run, PlanId id) {
  run.reporter.say(fmt::format("{} done", id.value));
  co_return co_await write_ledger(run, "plan.finish", [&](Session& session) -> Result<void> {
    PGPHASE_CHECK(set_plan_finished(session, id, true));
    PGPHASE_CHECK(set_hold(session, id, "", ""));
    return record_event(session, run.fence.person, phase_key(id, Phase::constraint), "plan_done", "plan done");
  });
}

asio::awaitable<Result<void>> give_approval(RunContext& run, const PlanRecord& plan, Phase phase) {
  NewRequest approval{RequestKind::approve, plan.plan.id,           phase,           false, plan.plan.split_sha256,
                      plan.generation,      "given with --approve", run.fence.person};
  co_return co_await write_ledger(run, "gate.approve", [&](Session& session) -> Result<void> {
    PGPHASE_CHECK(add_request(session, approval));
    return record_event(session, run.fence.person, phase_key(plan.plan.id, phase), "approved",
                        fmt::format("phase {} approved with --approve", to_string(phase)));
  });
}

// Waits until `go_on()` says so, or somebody asks to stop for another reason than a pause.
asio::awaitable<void> wait_a_little(RunContext& run) {
  co_await sleep_unless(k_gate_look, [&run] { return run.control.reason_to_stop() == StopReason::interrupted; });
}

// Lets a person know once what is being waited for.
void say_once(RunContext& run, std::string& said, const std::string& line) {
  if (line == said) return;
  run.reporter.say(line);
  said = line;
}

std::string gate_line(const PlanId& id, Phase phase, const std::vector<ShutPart>& shut) {
  std::string line = fmt::format("{} waits at the gate before {}", id.value, to_string(phase));
  for (const auto& part : shut) {
    // The seconds that are left change all the time; that it waits does not.
    line += fmt::format("; {}{}", part.kind, part.kind == "wait" ? "" : ": " + part.why);
  }
  return line;
}

}  // namespace

asio::awaitable<Result<PlanStop>> run_plan(RunContext& run, PlanId id, ForwardWishes wishes) {
  run.control.plan = id;
  const bool waits = wishes.closed == AtClosedGate::wait;
  std::string said;
  std::size_t steps = 0;
  for (;;) {
    if (run.control.reason_to_stop() == StopReason::interrupted) co_return co_await stopped(run, id, Phase::additive);
    auto ledger = co_await read_view(run);
    if (!ledger) co_return ledger.error();
    const auto* plan = ledger->find(id);
    if (!plan) co_return make_error(Errc::bug, fmt::format("plan {} is not in the ledger", id.value));
    if (plan->held && wishes.limits.lift_hold) {
      auto lifted = co_await write_ledger(run, "plan.lift_hold", [&](Session& session) -> Result<void> {
        PGPHASE_CHECK(set_hold(session, id, "", ""));
        return record_event(session, run.fence.person, phase_key(id, Phase::additive), "plan_hold_lifted",
                            "the hold was lifted by naming the plan");
      });
      if (!lifted) co_return lifted.error();
      continue;
    }

    const auto action = next_forward(*plan, ledger->requests, wishes.limits);
    Result<void> written;
    switch (action.verb) {
      case Verb::start_phase:
        written = co_await start_phase(run, id, action.phase);
        break;
      case Verb::finish_phase:
        written = co_await finish_phase(run, *plan, action.phase);
        break;
      case Verb::finish_plan:
        written = co_await finish_plan(run, id);
        break;
      case Verb::pass_gate: {
        if (wishes.closed == AtClosedGate::pass) {
          written = co_await start_phase(run, id, action.phase);
          break;
        }
        auto shut = co_await shut_parts(run, *plan, action.phase, ledger->requests, ledger->now);
        if (!shut) co_return shut.error();
        if (shut->empty()) {
          written = co_await start_phase(run, id, action.phase);
          break;
        }
        const bool approval_missing =
            plan->plan[action.phase].gate.approve && !approval_in_force(ledger->requests, *plan, action.phase);
        if (wishes.approve && approval_missing) {
          written = co_await give_approval(run, *plan, action.phase);
          break;
        }
        if (!waits) co_return PlanStop{StopReason::at_gate, action.phase, *shut, "", ""};
        say_once(run, said, gate_line(id, action.phase, *shut));
        co_await wait_a_little(run);
        continue;
      }
      case Verb::run_step:
      case Verb::undo_step: {
        if (wishes.most_steps && steps++ >= *wishes.most_steps) {
          co_return PlanStop{StopReason::interrupted, action.phase, {}, "", ""};
        }
        // Not `?:` around two co_await: GCC 12 destroys their results twice.
        Result<StepOutcome> outcome = StepOutcome::stopped;
        if (action.verb == Verb::run_step) {
          const StepKey key{id, action.phase, plan->plan[action.phase].steps[action.step].name};
          const auto ending = wishes.fail_after == key ? StepEnding::failure : StepEnding::its_own;
          outcome = co_await run_step(run, *plan, action.phase, action.step, ending);
        } else {
          outcome = co_await undo_step(run, *plan, action.phase, action.step, {});
        }
        if (!outcome) co_return run.control.lease_error ? *run.control.lease_error : outcome.error();
        if (*outcome == StepOutcome::failed_as_wished) {
          co_return PlanStop{StopReason::interrupted, action.phase, {}, "", ""};
        }
        if (*outcome == StepOutcome::stopped && !(waits && run.control.reason_to_stop() == StopReason::paused)) {
          co_return co_await stopped(run, id, action.phase);
        }
        break;
      }
      case Verb::stop:
        if (action.reason == StopReason::paused && waits) {
          say_once(run, said, fmt::format("{} is {}", id.value, why_paused(*ledger, id)));
          co_await wait_a_little(run);
          continue;
        }
        if (action.reason == StopReason::paused) co_return paused_at(action.phase, *ledger, id);
        co_return PlanStop{
            action.reason,
            action.phase,
            {},
            action.reason == StopReason::held ? fmt::format("held by {}: {}", plan->hold_by, plan->hold_reason) : "",
            ""};
      case Verb::start_undo:
      case Verb::finish_undo:
        co_return make_error(Errc::bug, "the state machine went back on the way forward");
    }
    if (!written) co_return written.error();
  }
}

}  // namespace pgphase
