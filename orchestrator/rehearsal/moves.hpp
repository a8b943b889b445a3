// One plan's phases moved forward and back on a stage, and what each move is judged by: the checks of the report.
// Blocking; one thread.
#pragma once

#include <string>
#include <vector>

#include "orchestrator/rehearsal/report.hpp"
#include "orchestrator/rehearsal/stage.hpp"
#include "phases/catalogue/compare.hpp"

namespace pgphase {

class Moves {
 public:
  Moves(Stage& stage, const PhasedPlan& plan, RehearsedPlan& report) : stage_(stage), plan_(plan), report_(report) {}

  Stage& stage() { return stage_; }
  const PhasedPlan& plan() const { return plan_; }
  Phase phase() const { return phase_; }
  const char* name() const { return to_string(phase_); }
  const std::vector<Step>& steps() const { return plan_[phase_].steps; }
  void turn_to(Phase phase) { phase_ = phase; }

  // A move was not possible: what comes after it would say nothing.
  bool stuck() const { return stuck_; }

  void check(std::string what, std::vector<std::string> details = {});  // details: it failed, and how
  void pass_over(std::string what, std::string why);

  // True: done. False: the plan could not do it, which becomes a failed check, and it is stuck. Errors that are not
  // about the plan come back as such.
  Result<bool> must_succeed(const Result<void>& outcome, const std::string& what);

  // Forward all the way, whatever phases are missing before this one; or only so many steps.
  Result<void> forward(std::optional<std::size_t> most_steps = {});
  Result<void> forward_until_failure(std::size_t step);
  Result<void> back() { return stage_.back(plan_.id, phase_); }

  // A move, and what it leaves compared with what it should.
  Result<void> back_to(const Snapshot& before, const std::string& what);
  enum class Rows { count, may_differ };  // they may where an expression like now() makes them, and nothing was killed
  Result<void> forward_to(const Snapshot& after, const std::string& what, Rows rows);

  // The phase has failed on its way: it goes back, and stays stuck.
  Result<void> back_from_failure(const Snapshot& before, const std::string& what);

 private:
  Stage& stage_;
  const PhasedPlan& plan_;
  RehearsedPlan& report_;
  Phase phase_ = Phase::additive;
  bool stuck_ = false;
};

// As a person reads them; of many the first ones.
std::vector<std::string> in_words(const std::vector<Difference>& differences);

// But for the rows.
std::vector<Difference> of_the_schema(std::vector<Difference> differences);

}  // namespace pgphase
