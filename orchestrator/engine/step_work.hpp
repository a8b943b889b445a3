// A step at work, and the two ways through it: each kind of step is carried out, or undone, by what phases/ has for it.
// Shared by step_runner, step_forward and step_back alone. io_context's thread only.
#pragma once

#include <fmt/format.h>

#include <algorithm>
#include <boost/asio/awaitable.hpp>
#include <optional>
#include <string>
#include <vector>

#include "orchestrator/engine/attempts.hpp"
#include "orchestrator/engine/step_runner.hpp"
#include "phases/retire/retire.hpp"

namespace pgphase {

struct StepWork {
  RunContext& run;
  const Step& step;
  const StepRecord& record;
  StepKey key;
  PartDone part_done;  // may be empty
  const PhasedPlan& plan;

  StepSite site() const { return {run.fence, run.limits.locks, key}; }
  // Steps of the plan whose work stays with a table that it makes.
  std::vector<StepKey> staying_with(const TableName& table) const {
    std::vector<StepKey> out;
    for (const Phase phase : k_phases) {
      for (const auto& one : plan[phase].steps) {
        const auto* sql = std::get_if<SqlBody>(&one.body);
        if (sql && sql->stays_with == table) out.push_back({key.plan, phase, one.name});
      }
    }
    return out;
  }
  std::string name() const { return fmt::format("{} {}/{}", key.plan.value, to_string(key.phase), key.step); }
};

// Results of what a step does, for the line that a person reads and the ledger.
struct StepDone {
  double held_ms = 0;
  std::string what = "done";
  std::int64_t rows = -1;  // not a backfill
};

using DoneOrStopped = Result<std::optional<StepDone>>;

// By kind of step. Nothing comes back when somebody asked to stop.
boost::asio::awaitable<DoneOrStopped> carry_out(const StepWork& work);
boost::asio::awaitable<DoneOrStopped> take_back(const StepWork& work);

// The statements from `first` on, an attempt each.
boost::asio::awaitable<DoneOrStopped> statements(const StepWork& work, Direction direction,
                                                 const std::vector<Statement>& all, std::size_t first);

// Attempt after attempt until the operation says that there is no more to do. `operation(session, begun)`: one of this
// step has succeeded before, in this run or in an earlier one.
template <class Operation>
boost::asio::awaitable<DoneOrStopped> until_done(const StepWork& work, bool begun, Operation operation) {
  StepDone done{0, "", -1};
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
    if (!*attempt) co_return std::optional<StepDone>();
    done.held_ms = std::max(done.held_ms, (*attempt)->held_ms);
    if (!more || !work.part_done) continue;
    auto told = co_await work.part_done();
    if (!told) co_return told.error();
  }
  if (done.what.empty()) done.what = "done";
  co_return std::optional(done);
}

// For operations that find out by themselves how far they have got.
template <class Operation>
boost::asio::awaitable<DoneOrStopped> retired_or_restored(const StepWork& work, Operation operation) {
  co_return co_await until_done(work, false, [&operation](Session& session, bool) { return operation(session); });
}

// What is made and recorded in one transaction: an undo that was tried since and got nothing done has left it there.
template <class Operation>
boost::asio::awaitable<DoneOrStopped> made_once(const StepWork& work, Operation operation) {
  if (work.record.part > 0) co_return std::optional(StepDone{0, "is still there", -1});
  co_return co_await retired_or_restored(work, operation);
}

}  // namespace pgphase
