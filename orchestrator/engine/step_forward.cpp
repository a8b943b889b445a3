#include <fmt/format.h>

#include "orchestrator/engine/backfill_runner.hpp"
#include "orchestrator/engine/step_work.hpp"
#include "phases/old_values/old_values.hpp"
#include "phases/rename/table_name.hpp"
#include "phases/retire/needed_by_hidden.hpp"
#include "phases/retire/not_null.hpp"
#include "phases/retire/whole_table.hpp"
#include "phases/retype/retype.hpp"
#include "phases/steps/statement.hpp"
#include "phases/sync/columns.hpp"
#include "phases/sync/hand_over.hpp"
#include "plans/sql/quote.hpp"

namespace pgphase {
namespace {

namespace asio = boost::asio;

// What an undo has left there is there, and only the ledger has to learn that.
asio::awaitable<DoneOrStopped> as_it_was_left(const StepWork& work, std::string what) {
  Statement nothing;
  nothing.kind = StatementKind::nothing;
  const std::vector<Statement> only_the_record{nothing};
  auto done = co_await statements(work, Direction::forward, only_the_record, 0);
  if (done && *done) (*done)->what = std::move(what);
  co_return done;
}

asio::awaitable<DoneOrStopped> forward(const StepWork& work, const SqlBody& body) {
  const auto first = static_cast<std::size_t>(work.record.part);
  if (work.record.kept && first == 0) {
    if (body.stays_with)
      co_return co_await as_it_was_left(work, "is still there, with " + display_name(*body.stays_with));
    auto look = [&body](Session& session) { return still_there(session, body.undo.front()); };
    const auto there = co_await work.run.work.run(look);
    if (!there) co_return there.error();
    if (*there) co_return co_await as_it_was_left(work, "is still there");
  }
  co_return co_await statements(work, Direction::forward, body.forward, first);
}

asio::awaitable<DoneOrStopped> forward(const StepWork& work, const CreateTableBody& body) {
  return made_once(work, [&work, &body](Session& session) {
    return create_or_restore_table(session, work.site(), body, work.staying_with(body.table));
  });
}

asio::awaitable<DoneOrStopped> forward(const StepWork& work, const AddColumnBody& body) {
  return made_once(work,
                   [&work, &body](Session& session) { return add_or_restore_column(session, work.site(), body); });
}

asio::awaitable<DoneOrStopped> forward(const StepWork& work, const LinkColumnsBody& body) {
  return made_once(work,
                   [&work, &body](Session& session) { return link_or_restore_columns(session, work.site(), body); });
}

asio::awaitable<DoneOrStopped> forward(const StepWork& work, const HandOverBody& body) {
  return made_once(work, [&work, &body](Session& session) { return hand_over(session, work.site(), body); });
}

asio::awaitable<DoneOrStopped> forward(const StepWork& work, const RetypeBody& body) {
  return retired_or_restored(work, [&work, &body](Session& session) {
    return body.part == RetypeBody::Part::twins ? prepare_retype(session, work.site(), body)
                                                : retype(session, work.site(), body);
  });
}

asio::awaitable<DoneOrStopped> forward(const StepWork& work, const DropNotNullBody& body) {
  return made_once(work, [&work, &body](Session& session) { return drop_not_null(session, work.site(), body); });
}

asio::awaitable<DoneOrStopped> forward(const StepWork& work, const RetireTableBody& body) {
  return made_once(work, [&work, &body](Session& session) { return retire_whole_table(session, work.site(), body); });
}

asio::awaitable<DoneOrStopped> forward(const StepWork& work, const KeepOldBody& body) {
  return made_once(work, [&work, &body](Session& session) { return make_room(session, work.site(), body); });
}

asio::awaitable<DoneOrStopped> forward(const StepWork& work, const RenameTableBody& body) {
  return made_once(work, [&work, &body](Session& session) { return take_new_name(session, work.site(), body); });
}

asio::awaitable<DoneOrStopped> forward(const StepWork& work, const BackfillBody& body) {
  auto rows = co_await run_backfill(work.run, work.key, body);
  if (!rows) co_return rows.error();
  if (!*rows) co_return std::optional<StepDone>();
  co_return std::optional(StepDone{0, fmt::format("{} rows", **rows), **rows});
}

}  // namespace

asio::awaitable<DoneOrStopped> statements(const StepWork& work, Direction direction, const std::vector<Statement>& all,
                                          std::size_t first) {
  StepDone done;
  std::string intent = work.record.intent;
  for (std::size_t i = first; i < all.size(); ++i) {
    const StepSite site = work.site();
    AttemptWork one = [&](Session& session) {
      return execute_statement(session, site, direction, all[i], static_cast<int>(i), intent);
    };
    auto attempt = co_await with_retries(work.run, work.key, one);
    if (!attempt) co_return attempt.error();
    if (!*attempt) co_return std::optional<StepDone>();
    done.held_ms = std::max(done.held_ms, (*attempt)->held_ms);
    intent.clear();
  }
  co_return std::optional(done);
}

asio::awaitable<DoneOrStopped> carry_out(const StepWork& work) {
  return std::visit([&work](const auto& body) { return forward(work, body); }, work.step.body);
}

}  // namespace pgphase
