#include "orchestrator/engine/rollback_run.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <iterator>

#include "orchestrator/engine/state_machine.hpp"
#include "phases/ledger/ledger.hpp"

namespace pgphase {
namespace {

namespace asio = boost::asio;

using Order = std::vector<PhaseToUndo>;

bool has_steps(const LedgerView& ledger, const PhaseToUndo& item) {
  const auto* plan = ledger.find(item.plan);
  return plan && !plan->plan[item.phase].steps.empty();
}

// What is still to be undone of an order that was begun: never more, however `-N` would count now.
Order rest_of(const LedgerView& ledger, const Order& order) {
  Order rest;
  for (const auto& item : order) {
    const auto* plan = ledger.find(item.plan);
    if (plan && !leaves_no_trace((*plan)[item.phase])) rest.push_back(item);
  }
  return rest;
}

// What the hold says. A phase without steps is nothing that a person knows of: then the one that was undone before it,
// perhaps by a run that was cut short, or else the next.
std::string reason_of(const LedgerView& ledger, const Order& order, std::size_t at) {
  const auto& plan = order[at].plan;
  auto phase = order[at].phase;
  bool found = has_steps(ledger, order[at]);
  for (auto later = static_cast<std::size_t>(phase) + 1; later < std::size(k_phases) && !found; ++later) {
    found = has_steps(ledger, {plan, k_phases[later]});
    if (found) phase = k_phases[later];
  }
  for (auto next = at + 1; next < order.size() && !found; ++next) {
    found = order[next].plan == plan && has_steps(ledger, order[next]);
    if (found) phase = order[next].phase;
  }
  return fmt::format("phase {} was rolled back", to_string(phase));
}

Error behind(Error error, const std::vector<RollbackProgress::Undone>& undone) {
  std::string all;
  for (const auto& one : undone) {
    if (one.how.had_steps) {
      all += fmt::format("{}{} {}", all.empty() ? "" : ", ", one.which.plan.value, to_string(one.which.phase));
    }
  }
  if (all.empty()) return error;
  constexpr std::string_view k_nothing = "Nothing was changed.";
  if (error.next.starts_with(k_nothing)) error.next.erase(0, k_nothing.size());
  if (!error.next.empty() && error.next.front() != ' ') error.next.insert(0, " ");
  error.next = fmt::format("Rolled back so far: {}; all else stands as it was.{}", all, error.next);
  return error;
}

}  // namespace

asio::awaitable<Result<void>> roll_back(RunContext& run, const RollbackOptions& options, RollbackProgress& progress) {
  const bool first_time = !progress.order;
  auto look = [&](Session& session) -> Result<LedgerView> {
    if (first_time) {
      auto lifting = begin_fenced(session, run.fence, "rollback.lift_stop");
      if (!lifting) return lifting.error();
      PGPHASE_CHECK(lift_requests(session, RequestKind::stop, std::nullopt, run.fence.person));
      PGPHASE_CHECK(lifting->commit());
    }
    PGPHASE_TRY(ledger, read_ledger(session));
    if (!first_time) {
      progress.order = rest_of(ledger, *progress.order);
      return ledger;
    }
    PGPHASE_TRY(order, rollback_order(ledger, options.wishes));
    PGPHASE_CHECK(look_ahead(session, ledger, order, options.hand_written));
    progress.order = order;
    return ledger;
  };
  auto looked = co_await run.work.run(look);
  if (!looked) co_return looked.error();
  if (first_time && options.announce) options.announce(*looked, *progress.order);

  const auto& ledger = *looked;
  const auto order = *progress.order;
  for (std::size_t i = 0; i < order.size(); ++i) {
    const auto& item = order[i];
    const Order rest(order.begin() + static_cast<std::ptrdiff_t>(i), order.end());
    auto look_again = [&](Session& session) -> Result<void> {
      PGPHASE_TRY(now, read_ledger(session));
      return has_steps(now, item) ? look_ahead(session, now, rest, options.hand_written) : Result<void>();
    };
    if (i > 0 || !first_time) {
      auto again = co_await run.work.run(look_again);
      if (!again) co_return behind(again.error(), progress.phases);
    }
    const auto why = options.reason.empty() ? reason_of(ledger, order, i) : options.reason;
    auto undone = co_await undo_phase(run, item.plan, item.phase, why);
    if (!undone) co_return behind(undone.error(), progress.phases);
    if (undone->stop.reason != StopReason::done) {
      progress.stopped = *undone;
      co_return Result<void>();
    }
    progress.phases.push_back({item, *undone});
  }
  co_return Result<void>();
}

}  // namespace pgphase
