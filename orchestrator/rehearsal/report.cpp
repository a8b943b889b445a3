#include "orchestrator/rehearsal/report.hpp"

#include <fmt/format.h>

#include <algorithm>

#include "plans/base/one_line.hpp"
#include "plans/base/units.hpp"

namespace pgphase {
namespace {

std::string figures_of(const PhaseFigures& phase) {
  std::string line =
      fmt::format("{}: forward {}, back {}, forward again {}", to_string(phase.phase),
                  in_seconds(phase.forward_seconds), in_seconds(phase.back_seconds), in_seconds(phase.again_seconds));
  if (phase.wal_bytes > 0) line += fmt::format(", {} of WAL", human_bytes(phase.wal_bytes));
  return line;
}

std::string figures_of(const StepFigures& step) {
  std::string line = fmt::format("{}/{}:", to_string(step.phase), step.step);
  if (step.lock_ms > 0) line += fmt::format(" strong lock held {:.1f} ms", step.lock_ms);
  if (step.rows > 0) line += fmt::format("{} {} rows", step.lock_ms > 0 ? "," : "", human_count(step.rows));
  return line;
}

bool failed(const Check& check) {
  return check.outcome == Check::Outcome::failed;
}

}  // namespace

bool RehearsedPlan::ok() const {
  return std::none_of(checks.begin(), checks.end(), failed);
}

bool Rehearsal::ok() const {
  return std::all_of(plans.begin(), plans.end(), [](const RehearsedPlan& plan) { return plan.ok(); });
}

const char* name_of(Check::Outcome outcome) {
  switch (outcome) {
    case Check::Outcome::passed:
      return "passed";
    case Check::Outcome::failed:
      return "failed";
    case Check::Outcome::passed_over:
      return "passed_over";
  }
  return "?";
}

std::string in_seconds(double seconds) {
  return seconds < 1 ? fmt::format("{:.0f} ms", seconds * 1000) : fmt::format("{:.1f} s", seconds);
}

std::string verdict(const Rehearsal& rehearsal) {
  std::ptrdiff_t wrong = 0, all = 0;
  for (const auto& plan : rehearsal.plans) {
    all += static_cast<std::ptrdiff_t>(plan.checks.size());
    wrong += std::count_if(plan.checks.begin(), plan.checks.end(), failed);
  }
  return wrong > 0 ? fmt::format("{} of {} criteria are not met", wrong, all)
                   : fmt::format("all {} criteria are met", all);
}

std::string title(const RehearsedPlan& plan) {
  const auto description = one_line(plan.description);
  return description.empty() ? plan.plan.value : fmt::format("{}: {}", plan.plan.value, description);
}

std::vector<std::string> figures(const RehearsedPlan& plan) {
  std::vector<std::string> lines;
  for (const auto& phase : plan.phases) lines.push_back(figures_of(phase));
  for (const auto& step : plan.steps) {
    if (step.lock_ms > 0 || step.rows > 0) lines.push_back(figures_of(step));
  }
  if (plan.longest_wait_ms) {
    lines.push_back(fmt::format("longest wait of an application's statement: {:.1f} ms", *plan.longest_wait_ms));
  }
  for (const auto& one : plan.failed_statements) {
    lines.push_back(fmt::format("{}: {} of the applications' statements failed with {}, such as: {}",
                                to_string(one.phase), one.count, one.sqlstate, one_line(one.example)));
  }
  return lines;
}

}  // namespace pgphase
