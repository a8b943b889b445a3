#include <fmt/format.h>

#include "orchestrator/engine/backfill_runner.hpp"
#include "orchestrator/engine/step_runner.hpp"
#include "orchestrator/engine/step_work.hpp"
#include "phases/backfill/undo.hpp"
#include "phases/ledger/ledger.hpp"
#include "phases/old_values/old_values.hpp"
#include "phases/rename/table_name.hpp"
#include "phases/retire/needed_by_hidden.hpp"
#include "phases/retire/not_null.hpp"
#include "phases/retire/whole_table.hpp"
#include "phases/retype/retype.hpp"
#include "phases/steps/statement.hpp"
#include "phases/sync/columns.hpp"
#include "phases/sync/hand_over.hpp"
#include "plans/base/units.hpp"
#include "plans/sql/quote.hpp"

namespace pgphase {
namespace {

namespace asio = boost::asio;

asio::awaitable<DoneOrStopped> left_with(const StepWork& work, const TableName& table) {
  AttemptWork leave = [&work](Session& session) -> Result<Attempt> {
    PGPHASE_CHECK(leave_with_table(session, work.site()));
    return Attempt{true, {}, 0};
  };
  auto left = co_await with_retries(work.run, work.key, leave);
  if (!left) co_return left.error();
  if (!*left) co_return std::optional<StepDone>();
  co_return std::optional(StepDone{0, "stays with " + display_name(table), -1});
}

asio::awaitable<DoneOrStopped> back(const StepWork& work, const SqlBody& body) {
  if (body.stays_with) co_return co_await left_with(work, *body.stays_with);
  const bool begun_further = !work.record.intent.empty() &&
                             (work.record.state == StepState::running || work.record.state == StepState::failed);
  const auto took_effect = static_cast<std::size_t>(work.record.part + (begun_further ? 1 : 0));
  const auto first = std::max(first_undo_statement(body.forward.size(), body.undo.size(), took_effect),
                              static_cast<std::size_t>(work.record.undo_part));
  if (body.forward.size() == 1 && body.undo.size() == 1 && first == 0) {
    std::optional<std::string> needed;
    AttemptWork keep = [&](Session& session) -> Result<Attempt> {
      PGPHASE_TRY(by, keep_for_hidden(session, work.site(), body.undo.front()));
      needed = by;
      return Attempt{true, {}, 0};
    };
    auto looked = co_await with_retries(work.run, work.key, keep);
    if (!looked) co_return looked.error();
    if (!*looked) co_return std::optional<StepDone>();
    if (needed) co_return std::optional(StepDone{0, "stays as long as it is needed by hidden " + *needed, -1});
  }
  co_return co_await statements(work, Direction::back, body.undo, first);
}

asio::awaitable<DoneOrStopped> back(const StepWork& work, const CreateTableBody& body) {
  return retired_or_restored(work, [&work, &body](Session& session) {
    return undo_create_table(session, work.site(), body, work.staying_with(body.table));
  });
}

asio::awaitable<DoneOrStopped> back(const StepWork& work, const AddColumnBody& body) {
  return retired_or_restored(work,
                             [&work, &body](Session& session) { return undo_add_column(session, work.site(), body); });
}

asio::awaitable<DoneOrStopped> back(const StepWork& work, const LinkColumnsBody& body) {
  return retired_or_restored(
      work, [&work, &body](Session& session) { return undo_link_columns(session, work.site(), body); });
}

asio::awaitable<DoneOrStopped> back(const StepWork& work, const HandOverBody& body) {
  return until_done(work, work.record.undo_part > 0, [&work, &body](Session& session, bool begun) {
    return take_back(session, work.site(), body, begun);
  });
}

asio::awaitable<DoneOrStopped> back(const StepWork& work, const RetypeBody& body) {
  return retired_or_restored(work, [&work, &body](Session& session) {
    return body.part == RetypeBody::Part::twins ? take_back_preparation(session, work.site(), body)
                                                : take_type_back(session, work.site(), body);
  });
}

asio::awaitable<DoneOrStopped> back(const StepWork& work, const RetireTableBody& body) {
  return until_done(work, work.record.undo_part > 0, [&work, &body](Session& session, bool begun) {
    return bring_whole_table_back(session, work.site(), body, begun);
  });
}

asio::awaitable<DoneOrStopped> back(const StepWork& work, const RenameTableBody& body) {
  return retired_or_restored(work,
                             [&work, &body](Session& session) { return take_old_name(session, work.site(), body); });
}

// Rows that have no value are filled between two moments: after the first no new ones come, at the second none is left.
asio::awaitable<DoneOrStopped> back(const StepWork& work, const DropNotNullBody& body) {
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
    if (!*rows) co_return std::optional<StepDone>();
    filled = fmt::format("{} rows got a value; ", **rows);
  }
  auto required = co_await until_done(
      work, true, [&work, &body](Session& session, bool) { return require_value_again(session, work.site(), body); });
  if (required && *required) (*required)->what = filled + (*required)->what;
  co_return required;
}

asio::awaitable<DoneOrStopped> back(const StepWork& work, const KeepOldBody& body) {
  return retired_or_restored(work, [&work, &body](Session& session) { return drop_room(session, work.site(), body); });
}

// The old values come back where the new ones still are ours. First the scan of the way forward is forgotten, with its
// marker: no row counts as done any more.
asio::awaitable<DoneOrStopped> bring_old_values_back(const StepWork& work, const BackfillBody& body) {
  auto look = [&](Session& session) { return old_values_of(session, {work.key.plan, work.key.phase, body.keep_step}); };
  const auto room = co_await work.run.work.run(look);
  if (!room) co_return room.error();
  if (!*room) co_return std::optional(StepDone{0, "nothing to undo", -1});
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
    if (!*turned) co_return std::optional<StepDone>();
  }
  auto rows = co_await run_backfill(work.run, work.key, restoring(**room), Direction::back, (*room)->key());
  if (!rows) co_return rows.error();
  if (!*rows) co_return std::optional<StepDone>();
  auto count = [&](Session& session) { return newer_values(session, **room); };
  const auto newer = co_await run_cancellably(work.run, count);
  if (!newer && was_cancelled_by_us(work.run.control, newer.error())) co_return std::optional<StepDone>();
  if (!newer) co_return newer.error();
  StepDone done;
  done.what = fmt::format("old values: {} rows restored, {} kept because somebody has written a newer one",
                          human_count(**rows), human_count(*newer));
  const auto gone = work.record.rows - **rows - *newer;
  if (work.record.undo_part == 0 && gone > 0) done.what += fmt::format(", {} gone because deleted", human_count(gone));
  co_return std::optional(done);
}

asio::awaitable<DoneOrStopped> back(const StepWork& work, const BackfillBody& body) {
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
  if (!*dropped) co_return std::optional<StepDone>();
  co_return done;
}

}  // namespace

asio::awaitable<DoneOrStopped> take_back(const StepWork& work) {
  return std::visit([&work](const auto& body) { return back(work, body); }, work.step.body);
}

}  // namespace pgphase
