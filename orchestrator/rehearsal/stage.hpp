// A branch with everything that is needed to run plans on it, one call an action. Each run takes the lease anew, as
// every command does, so that nothing which only lives in memory makes a rehearsal succeed. Blocking; one thread.
#pragma once

#include <functional>
#include <optional>
#include <set>
#include <utility>

#include "orchestrator/engine/lease_run.hpp"
#include "orchestrator/engine/plan_runner.hpp"
#include "orchestrator/rehearsal/interruption.hpp"
#include "phases/branch/branch.hpp"
#include "phases/catalogue/snapshot.hpp"

namespace pgphase {

struct StageOptions {
  std::function<Result<SessionOptions>(const std::string& purpose)> connector;  // to the branch
  std::string person;
  RunLimits limits;
};

class Stage {
 public:
  Stage(StageOptions options, Reporter& reporter, Interruption& interruption)
      : options_(std::move(options)), reporter_(reporter), interruption_(interruption) {}

  Result<void> record(const PhasedPlan& plan);

  // Gates are passed as if they were open. `through` empty: all phases; `most_steps`: stops as if interrupted after so
  // many.
  Result<PlanStop> forward(const PlanId& plan, std::optional<Phase> through,
                           std::optional<std::size_t> most_steps = {});

  // The step does its work, and then fails as if its verification had. Errc::bug when it was not reached.
  Result<void> forward_until_failure(const PlanId& plan, Phase phase, const std::string& step);

  // As `pgphase rollback` does, with all that it asks first: one phase, or without it all that stands of the plan.
  // Errc::refused where a step says that it is irreversible, or what it made is in use.
  Result<void> back(const PlanId& plan, std::optional<Phase> phase = {});

  Result<Snapshot> snapshot();  // with rows
  Result<LedgerView> ledger();
  Result<std::unique_ptr<Session>> open(const std::string& purpose);
  Result<Session*> session();  // for looking, and for the rows of a rehearsal

  // Columns whose values do not count: what a backfill without an undo leaves behind.
  std::set<std::pair<TableName, std::string>> values_left_out;

 private:
  Result<void> run(const std::string& command, LeaseBody body);
  Result<PlanStop> forward(const PlanId& plan, ForwardWishes wishes);

  StageOptions options_;
  Reporter& reporter_;
  Interruption& interruption_;
  std::unique_ptr<Session> session_;
};

}  // namespace pgphase
