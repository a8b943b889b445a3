#include "orchestrator/engine/step_runner.hpp"

#include <fmt/format.h>

#include "orchestrator/engine/attempts.hpp"
#include "orchestrator/engine/backfill_runner.hpp"
#include "phases/backfill/undo.hpp"
#include "phases/ledger/ledger.hpp"
#include "phases/old_values/old_values.hpp"
#include "phases/rename/table_name.hpp"
#include "phases/retire/not_null.hpp"
#include "phases/retire/retire.hpp"
#include "phases/retire/whole_table.hpp"
#include "phases/steps/statement.hpp"
#include "phases/sync/columns.hpp"
#include "phases/sync/hand_over.hpp"
#include "plans/base/units.hpp"

namespace pgphase {
namespace {

namespace asio = boost::asio;
using Outcome = Result<StepOutcome>;

struct Work {
  RunContext& run;
  const Step& step;
  const StepRecord& record;
  StepKey key;

  StepSite site() const { return {run.fence, run.limits.locks, key}; }
  std::string name() const { return fmt::format("{} {}/{}", key.plan.value, to_string(key.phase), key.step); }
};

// Results of what a step does, for the line that a person reads and the ledger.
struct Done {
  double held_ms = 0;
  std::string what = "done";
  std::int64_t rows = -1;  // not a backfill
};

using DoneOrStopped = Result<std::optional<Done>>;

asio::awaitable<Result<void>> in_fenced_transaction(RunContext& run, std::string label,
                                                    std::function<Result<void>(Session&)> body) {
  auto write = [&run, &label, &body](Session& session) -> Result<void> {
    auto transaction = begin_fenced(session, run.fence, label);
    if (!transaction) return transaction.error();
    PGPHASE_CHECK(body(session));
    return transaction->commit();
  };
  co_return co_await run.work.run(write);
}

// --- forward and back, by kind of step
// ----------------------------------------------------------------------------------

asio::awaitable<DoneOrStopped> statements(const Work& work, Direction direction, const std::vector<Statement>& all,
                                          std::size_t first) {
  Done done;
  std::string intent = work.record.intent;
  for (std::size_t i = first; i < all.size(); ++i) {
    const StepSite site = work.site();
    AttemptWork one = [&](Session& session) {
      return execute_statement(session, site, direction, all[i], static_cast<int>(i), intent);
    };
    auto attempt = co_await with_retries(work.run, work.key, one);
    if (!attempt) co_return attempt.error();
    if (!*attempt) co_return std::optional<Done>();
    done.held_ms = std::max(done.held_ms, (*attempt)->held_ms);
    intent.clear();
  }
  co_return std::optional(done);
}

// Attempt after attempt until the operation says that there is no more to do. `operation(session, begun)`: one of this
// step has succeeded before, in this run or in an earlier one.
template <class Operation>
asio::awaitable<DoneOrStopped> until_done(const Work& work, bool begun, Operation operation) {
  Done done{0, "", -1};
  for (bool more = true; more; begun = true) {
    AttemptWork one = [&](Session& session) -> Result<Attempt> {
      auto outcome = operation(session, begun);
      if (!outcome) return outcome.error();
      more = outcome->more;
      if (!outcome->what.empty()) done.what += (done.what.empty() ? "" : "; ") + outcome->what;
      return outcome->attempt;
    };
    auto attempt = co_await with_retries(work.run, work.key, one);
    if (!attempt) co_return attempt.error();
    if (!*attempt) co_return std::optional<Done>();
    done.held_ms = std::max(done.held_ms, (*attempt)->held_ms);
  }
  if (done.what.empty()) done.what = "done";
  co_return std::optional(done);
}

template <class Operation>
asio::awaitable<DoneOrStopped> retired_or_restored(const Work& work, Operation operation) {
  co_return co_await until_done(work, false, [&operation](Session& session, bool) { return operation(session); });
}

// What is made and recorded in one transaction: an undo that was tried since and got nothing done has left it there.
template <class Operation>
asio::awaitable<DoneOrStopped> made_once(const Work& work, Operation operation) {
  if (work.record.part > 0) co_return std::optional(Done{0, "is still there", -1});
  co_return co_await retired_or_restored(work, operation);
}

asio::awaitable<DoneOrStopped> forward(const Work& work, const SqlBody& body) {
  return statements(work, Direction::forward, body.forward, static_cast<std::size_t>(work.record.part));
}

asio::awaitable<DoneOrStopped> forward(const Work& work, const CreateTableBody& body) {
  return made_once(work,
                   [&work, &body](Session& session) { return create_or_restore_table(session, work.site(), body); });
}

asio::awaitable<DoneOrStopped> forward(const Work& work, const AddColumnBody& body) {
  return made_once(work,
                   [&work, &body](Session& session) { return add_or_restore_column(session, work.site(), body); });
}

asio::awaitable<DoneOrStopped> forward(const Work& work, const LinkColumnsBody& body) {
  return made_once(work,
                   [&work, &body](Session& session) { return link_or_restore_columns(session, work.site(), body); });
}

asio::awaitable<DoneOrStopped> forward(const Work& work, const HandOverBody& body) {
  return made_once(work, [&work, &body](Session& session) { return hand_over(session, work.site(), body); });
}

asio::awaitable<DoneOrStopped> forward(const Work& work, const DropNotNullBody& body) {
  return made_once(work, [&work, &body](Session& session) { return drop_not_null(session, work.site(), body); });
}

asio::awaitable<DoneOrStopped> forward(const Work& work, const RetireTableBody& body) {
  return made_once(work, [&work, &body](Session& session) { return retire_whole_table(session, work.site(), body); });
}

asio::awaitable<DoneOrStopped> forward(const Work& work, const KeepOldBody& body) {
  return made_once(work, [&work, &body](Session& session) { return make_room(session, work.site(), body); });
}

asio::awaitable<DoneOrStopped> forward(const Work& work, const RenameTableBody& body) {
  return made_once(work, [&work, &body](Session& session) { return take_new_name(session, work.site(), body); });
}

asio::awaitable<DoneOrStopped> forward(const Work& work, const BackfillBody& body) {
  auto rows = co_await run_backfill(work.run, work.key, body);
  if (!rows) co_return rows.error();
  if (!*rows) co_return std::optional<Done>();
  co_return std::optional(Done{0, fmt::format("{} rows", **rows), **rows});
}

asio::awaitable<DoneOrStopped> back(const Work& work, const SqlBody& body) {
  const bool begun_further = !work.record.intent.empty() &&
                             (work.record.state == StepState::running || work.record.state == StepState::failed);
  const auto took_effect = static_cast<std::size_t>(work.record.part + (begun_further ? 1 : 0));
  const auto first = std::max(first_undo_statement(body.forward.size(), body.undo.size(), took_effect),
                              static_cast<std::size_t>(work.record.undo_part));
  return statements(work, Direction::back, body.undo, first);
}

asio::awaitable<DoneOrStopped> back(const Work& work, const CreateTableBody& body) {
  return retired_or_restored(
      work, [&work, &body](Session& session) { return undo_create_table(session, work.site(), body); });
}

asio::awaitable<DoneOrStopped> back(const Work& work, const AddColumnBody& body) {
  return retired_or_restored(work,
                             [&work, &body](Session& session) { return undo_add_column(session, work.site(), body); });
}

asio::awaitable<DoneOrStopped> back(const Work& work, const LinkColumnsBody& body) {
  return retired_or_restored(
      work, [&work, &body](Session& session) { return undo_link_columns(session, work.site(), body); });
}

asio::awaitable<DoneOrStopped> back(const Work& work, const HandOverBody& body) {
  return until_done(work, work.record.undo_part > 0, [&work, &body](Session& session, bool begun) {
    return take_back(session, work.site(), body, begun);
  });
}

asio::awaitable<DoneOrStopped> back(const Work& work, const RetireTableBody& body) {
  return until_done(work, work.record.undo_part > 0, [&work, &body](Session& session, bool begun) {
    return bring_whole_table_back(session, work.site(), body, begun);
  });
}

asio::awaitable<DoneOrStopped> back(const Work& work, const RenameTableBody& body) {
  return retired_or_restored(work,
                             [&work, &body](Session& session) { return take_old_name(session, work.site(), body); });
}

// Rows that have no value are filled between two moments: after the first no new ones come, at the second none is left.
asio::awaitable<DoneOrStopped> back(const Work& work, const DropNotNullBody& body) {
  if (work.record.undo_part == 0) {
    bool nothing_to_undo = false;
    auto guarded = co_await retired_or_restored(work, [&](Session& session) {
      auto outcome = refuse_new_nulls(session, work.site(), body);
      if (outcome) nothing_to_undo = outcome->attempt.done && !outcome->more;
      if (outcome) outcome->more = false;
      return outcome;
    });
    if (!guarded || !*guarded || nothing_to_undo) co_return guarded;
  }
  std::string filled;
  if (!body.restore.empty()) {
    auto rows = co_await run_backfill(work.run, work.key, restoring(body), Direction::back);
    if (!rows) co_return rows.error();
    if (!*rows) co_return std::optional<Done>();
    filled = fmt::format("{} rows got a value; ", **rows);
  }
  auto required = co_await until_done(
      work, true, [&work, &body](Session& session, bool) { return require_value_again(session, work.site(), body); });
  if (required && *required) (*required)->what = filled + (*required)->what;
  co_return required;
}

asio::awaitable<DoneOrStopped> back(const Work& work, const KeepOldBody& body) {
  return retired_or_restored(work,
                             [&work, &body](Session& session) { return drop_room(session, work.site(), body); });
}

// The old values come back where the new ones still are ours. First the scan of the way forward is forgotten, with its
// marker: no row counts as done any more.
asio::awaitable<DoneOrStopped> bring_old_values_back(const Work& work, const BackfillBody& body) {
  auto look = [&](Session& session) {
    return old_values_of(session, {work.key.plan, work.key.phase, body.keep_step});
  };
  const auto room = co_await work.run.work.run(look);
  if (!room) co_return room.error();
  if (!*room) co_return std::optional(Done{0, "nothing to undo", -1});
  if (work.record.undo_part == 0) {
    AttemptWork turn_round = [&](Session& session) {
      const auto record = [&](Session& s) -> Result<void> {
        PGPHASE_CHECK(step_undoing(s, work.key));
        return step_undo_part_done(s, work.key, 1);
      };
      return discard_marker(session, work.run.fence, work.run.limits.locks, work.key, body.table, record);
    };
    auto turned = co_await with_retries(work.run, work.key, turn_round);
    if (!turned) co_return turned.error();
    if (!*turned) co_return std::optional<Done>();
  }
  auto rows = co_await run_backfill(work.run, work.key, restoring(**room), Direction::back, (*room)->key());
  if (!rows) co_return rows.error();
  if (!*rows) co_return std::optional<Done>();
  auto count = [&](Session& session) { return newer_values(session, **room); };
  const auto newer = co_await run_cancellably(work.run, count);
  if (!newer && was_cancelled_by_us(work.run.control, newer.error())) co_return std::optional<Done>();
  if (!newer) co_return newer.error();
  Done done;
  done.what = fmt::format("old values: {} rows restored, {} kept because somebody has written a newer one",
                          human_count(**rows), human_count(*newer));
  const auto gone = work.record.rows - **rows - *newer;
  if (work.record.undo_part == 0 && gone > 0) done.what += fmt::format(", {} gone because deleted", human_count(gone));
  co_return std::optional(done);
}

asio::awaitable<DoneOrStopped> back(const Work& work, const BackfillBody& body) {
  if (!body.keep_step.empty()) co_return co_await bring_old_values_back(work, body);
  // As the author wrote it. A column that this plan added needs nothing: undoing the additive phase retires it.
  auto done = co_await statements(work, Direction::back, body.undo, static_cast<std::size_t>(work.record.undo_part));
  if (!done || !*done || body.undo.empty()) co_return done;
  // The author has taken back every row, so none may count as done: the next run begins with a new marker.
  AttemptWork drop = [&work, &body](Session& session) {
    const auto nothing_more = [](Session&) { return Result<void>(); };
    return discard_marker(session, work.run.fence, work.run.limits.locks, work.key, body.table, nothing_more);
  };
  auto dropped = co_await with_retries(work.run, work.key, drop);
  if (!dropped) co_return dropped.error();
  if (!*dropped) co_return std::optional<Done>();
  co_return done;
}

// --- what surrounds every step
// ---------------------------------------------------------------------------------------------

// Errors that the phases write in their own words. They know what they did, not always for which step of which plan.
bool about_the_step(Errc code) {
  return code == Errc::step_failed || code == Errc::verify_failed || code == Errc::refused;
}

asio::awaitable<Outcome> fail(const Work& work, Error error, StepState state) {
  if (error.code == Errc::sql) {
    error.code = Errc::step_failed;
    error.message = fmt::format("{} failed: {}", work.name(), error.message);
    error.next = fmt::format(
        "Of this statement nothing was done; what was done before it stands. Correct the cause, then run `pgphase up "
        "{0}` "
        "again, or `pgphase rollback {0} --phase {1}`.",
        work.key.plan.value, to_string(work.key.phase));
  } else if (about_the_step(error.code) && error.message.find(work.key.plan.value) == std::string::npos) {
    error.message = fmt::format("{}: {}", work.name(), error.message);
  }
  const bool can_write = work.run.work.is_open() && error.code != Errc::lease_lost && error.code != Errc::in_doubt;
  if (can_write) {
    auto recorded = co_await in_fenced_transaction(work.run, "step.failed", [&](Session& session) -> Result<void> {
      PGPHASE_CHECK(step_failed(session, work.key, error, state));
      return record_event(session, work.run.fence.person, work.key, "step_failed", error.message);
    });
    if (!recorded) work.run.reporter.warn("the failure could not be recorded: " + recorded.error().message);
  }
  co_return error;
}

bool fills_rows(const decltype(Step::body)& body) {
  return std::holds_alternative<BackfillBody>(body) || std::holds_alternative<DropNotNullBody>(body);
}

// Nothing of the step has happened: there is nothing to take back.
bool never_took_effect(const Work& work) {
  return work.record.part == 0 && work.record.intent.empty() && work.record.state != StepState::undoing &&
         work.record.state != StepState::undo_failed && work.record.state != StepState::done &&
         !std::holds_alternative<BackfillBody>(work.step.body);
}

Work work_on(RunContext& run, const PlanRecord& plan, Phase phase, std::size_t index) {
  const auto& step = plan.plan[phase].steps[index];
  return {run, step, plan[phase].steps[index], {plan.plan.id, phase, step.name}};
}

// What other people's pg_stat_activity shows while the step runs. PostgreSQL keeps the first 63 bytes.
asio::awaitable<Result<void>> sign_session(RunContext& run, const StepKey& key) {
  const std::string name = fmt::format("pgphase/{}/{}", key.plan.value, key.step);
  auto sign = [&name](Session& session) -> Result<void> {
    PGPHASE_TRY(signed_as, session.query("SELECT set_config('application_name', $1, false)", {name}));
    static_cast<void>(signed_as);
    return {};
  };
  co_return co_await run.work.run(sign);
}

std::string seconds_since(std::chrono::steady_clock::time_point begun) {
  const auto ms =
      std::chrono::duration_cast<std::chrono::milliseconds>(std::chrono::steady_clock::now() - begun).count();
  return ms < 1000 ? fmt::format("{} ms", ms) : fmt::format("{:.1f} s", static_cast<double>(ms) / 1000.0);
}

std::string receipt(const Done& done, std::chrono::steady_clock::time_point begun) {
  std::string line = fmt::format("{} in {}", done.what, seconds_since(begun));
  if (done.held_ms > 0) line += fmt::format(", strong lock held {:.1f} ms", done.held_ms);
  return line;
}

}  // namespace

std::size_t first_undo_statement(std::size_t forward, std::size_t undo, std::size_t done) {
  if (done == 0) return undo;
  return forward == undo ? forward - std::min(done, forward) : 0;
}

asio::awaitable<Outcome> run_step(RunContext& run, const PlanRecord& plan, Phase phase, std::size_t index,
                                  StepEnding ending) {
  const Work work = work_on(run, plan, phase, index);
  const auto begun = std::chrono::steady_clock::now();
  if (auto signed_as = co_await sign_session(run, work.key); !signed_as) co_return signed_as.error();
  auto done = co_await std::visit([&work](const auto& body) { return forward(work, body); }, work.step.body);
  if (!done) co_return co_await fail(work, done.error(), StepState::failed);
  if (!*done) co_return StepOutcome::stopped;
  if (ending == StepEnding::failure) {
    const auto wished = make_error(Errc::verify_failed, fmt::format("{} was made to fail here", work.name()));
    const auto failed = co_await fail(work, wished, StepState::failed);
    if (failed.error().code != Errc::verify_failed) co_return failed.error();
    co_return StepOutcome::failed_as_wished;
  }

  if (!work.step.verify.empty()) {
    auto check = [&work](Session& session) { return verify(session, work.key, work.step.verify); };
    auto verified = co_await run_cancellably(run, check);
    if (!verified && was_cancelled_by_us(run.control, verified.error())) co_return StepOutcome::stopped;
    if (!verified) co_return co_await fail(work, verified.error(), StepState::failed);
  }
  auto finished = co_await in_fenced_transaction(run, "step.finish", [&](Session& session) -> Result<void> {
    PGPHASE_CHECK(step_finished(session, work.key, StepState::done));
    if ((*done)->held_ms > 0) PGPHASE_CHECK(step_lock_held(session, work.key, (*done)->held_ms));
    return record_event(session, run.fence.person, work.key, "step_done", receipt(**done, begun));
  });
  if (!finished) co_return finished.error();
  run.reporter.say(fmt::format("  {}/{}: {}", to_string(phase), work.key.step, receipt(**done, begun)));
  co_return StepOutcome::done;
}

asio::awaitable<Outcome> undo_step(RunContext& run, const PlanRecord& plan, Phase phase, std::size_t index) {
  const Work work = work_on(run, plan, phase, index);
  const auto begun = std::chrono::steady_clock::now();
  Done what{0, "nothing to undo", -1};
  if (!never_took_effect(work)) {
    if (work.step.irreversible) {
      co_return make_error(Errc::refused, fmt::format("{} cannot be undone: {}", work.name(), *work.step.irreversible),
                           "Nothing was changed. `pgphase step … --skip` leaves it as it is and undoes the rest.");
    }
    if (auto signed_as = co_await sign_session(run, work.key); !signed_as) co_return signed_as.error();
    auto done = co_await std::visit([&work](const auto& body) { return back(work, body); }, work.step.body);
    if (!done) co_return co_await fail(work, done.error(), StepState::undo_failed);
    if (!*done) co_return StepOutcome::stopped;
    what = **done;
    if (what.what == "done") what.what = "undone";
  }
  auto finished = co_await in_fenced_transaction(run, "step.undone", [&](Session& session) -> Result<void> {
    if (fills_rows(work.step.body)) PGPHASE_CHECK(forget_backfill(session, work.key));
    PGPHASE_CHECK(step_finished(session, work.key, StepState::undone));
    return record_event(session, run.fence.person, work.key, "step_undone", receipt(what, begun));
  });
  if (!finished) co_return finished.error();
  run.reporter.say(fmt::format("  {}/{}: {}", to_string(phase), work.key.step, receipt(what, begun)));
  co_return StepOutcome::done;
}

}  // namespace pgphase
