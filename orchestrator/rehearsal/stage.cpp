#include "orchestrator/rehearsal/stage.hpp"

#include <fmt/format.h>

#include "orchestrator/engine/blocking_run.hpp"
#include "orchestrator/engine/rollback_run.hpp"
#include "phases/ledger/ledger.hpp"

namespace pgphase {
namespace {

namespace asio = boost::asio;

constexpr std::chrono::hours k_longest_look{6};  // checksums over every row of a large database

Error interrupted() {
  return make_error(Errc::cancelled, "the rehearsal was interrupted",
                    "Its branch is removed; the source was only read.");
}

}  // namespace

Result<void> Stage::run(const std::string& command, LeaseBody body) {
  if (interruption_.asked()) return interrupted();
  Control control;
  LeaseRunOptions options;
  options.connector = options_.connector;
  options.person = options_.person;
  options.command = command;
  options.limits = options_.limits;
  options.lease_patience = std::chrono::seconds(5);  // a run that was killed on purpose has just gone
  auto result = run_under_lease(control, reporter_, options, std::move(body));
  if (control.signals > 0 || interruption_.asked()) return interrupted();
  return result;
}

Result<void> Stage::record(const PhasedPlan& plan) {
  auto body = [&plan](RunContext& run) -> asio::awaitable<Result<void>> {
    co_return co_await write_ledger(run, "plan.record",
                                    [&plan](Session& session) { return record_plan(session, plan); });
  };
  return run("pgphase rehearse", body);
}

Result<PlanStop> Stage::forward(const PlanId& plan, std::optional<Phase> through,
                                std::optional<std::size_t> most_steps) {
  ForwardWishes wishes;
  wishes.limits.through = through;
  wishes.most_steps = most_steps;
  return forward(plan, wishes);
}

Result<void> Stage::forward_until_failure(const PlanId& plan, Phase phase, const std::string& step) {
  ForwardWishes wishes;
  wishes.limits.through = phase;
  wishes.fail_after = StepKey{plan, phase, step};
  PGPHASE_TRY(stop, forward(plan, wishes));
  if (stop.reason == StopReason::interrupted) return {};
  return make_error(Errc::bug,
                    fmt::format("{} was to fail after {}/{} and did not", plan.value, to_string(phase), step));
}

Result<PlanStop> Stage::forward(const PlanId& plan, ForwardWishes wishes) {
  wishes.limits.lift_hold = true;
  wishes.closed = AtClosedGate::pass;
  PlanStop ended;
  auto body = [&](RunContext& run) -> asio::awaitable<Result<void>> {
    auto stop = co_await run_plan(run, plan, wishes);
    if (!stop) co_return stop.error();
    ended = *stop;
    co_return Result<void>();
  };
  PGPHASE_CHECK(run("pgphase rehearse: forward", body));
  return ended;
}

Result<void> Stage::back(const PlanId& plan, std::optional<Phase> phase) {
  RollbackOptions options;
  options.wishes.plan = plan;
  options.wishes.phase = phase;
  options.hand_written = HandWritten::may_lose_it;  // the rows are compared, and tell
  options.reason = "rehearsal";
  RollbackProgress progress;
  auto body = [&](RunContext& run) { return roll_back(run, options, progress); };
  return run("pgphase rehearse: back", body);
}

Result<std::unique_ptr<Session>> Stage::open(const std::string& purpose) {
  PGPHASE_TRY(options, options_.connector(purpose));
  return Session::open(options);
}

Result<Session*> Stage::session() {
  if (session_ && !session_->lost()) return session_.get();
  PGPHASE_TRY(options, options_.connector("rehearsal"));
  auto wanted = options;
  wanted.statement_timeout = k_longest_look;
  auto opened = Session::open(wanted);
  if (!opened) return opened.error();
  session_ = std::move(*opened);
  return session_.get();
}

Result<LedgerView> Stage::ledger() {
  PGPHASE_TRY(on, session());
  return read_ledger(*on);
}

Result<Snapshot> Stage::snapshot() {
  if (interruption_.asked()) return interrupted();
  PGPHASE_TRY(on, session());
  SnapshotOptions options;
  options.rows = true;
  options.values_left_out = values_left_out;
  return take_snapshot(*on, options);
}

}  // namespace pgphase
