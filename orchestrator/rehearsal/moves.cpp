#include "orchestrator/rehearsal/moves.hpp"

#include <fmt/format.h>

#include "plans/base/one_line.hpp"

namespace pgphase {
namespace {

// Of many differences the first say enough.
constexpr std::size_t k_most_details = 25;

// The plan's own fault, and so a finding; anything else ends the rehearsal.
bool is_about_the_plan(const Error& error) {
  switch (error.code) {
    case Errc::step_failed:
    case Errc::verify_failed:
    case Errc::refused:
    case Errc::plan_rejected:
    case Errc::lock_budget:
    case Errc::sql:
      return true;
    default:
      return false;
  }
}

}  // namespace

std::vector<std::string> in_words(const std::vector<Difference>& differences) {
  std::vector<std::string> lines;
  for (const auto& difference : differences) {
    if (lines.size() == k_most_details) {
      lines.push_back(fmt::format("… and {} more", differences.size() - k_most_details));
      break;
    }
    lines.push_back(in_words(difference));
  }
  return lines;
}

std::vector<Difference> of_the_schema(std::vector<Difference> differences) {
  std::erase_if(differences, [](const Difference& difference) { return difference.object.kind == "rows"; });
  return differences;
}

void Moves::check(std::string what, std::vector<std::string> details) {
  const auto outcome = details.empty() ? Check::Outcome::passed : Check::Outcome::failed;
  report_.checks.push_back({std::move(what), outcome, std::move(details)});
}

void Moves::pass_over(std::string what, std::string why) {
  report_.checks.push_back({std::move(what), Check::Outcome::passed_over, {std::move(why)}});
}

Result<bool> Moves::must_succeed(const Result<void>& outcome, const std::string& what) {
  if (outcome) return true;
  if (!is_about_the_plan(outcome.error())) return outcome.error();
  check(what, {one_line(outcome.error().message)});
  stuck_ = true;
  report_.stands = false;
  return false;
}

Result<void> Moves::forward(std::optional<std::size_t> most_steps) {
  auto stop = stage_.forward(plan_.id, phase_, most_steps);
  if (!stop) return stop.error();
  return {};
}

Result<void> Moves::forward_until_failure(std::size_t step) {
  return stage_.forward_until_failure(plan_.id, phase_, steps()[step].name);
}

Result<void> Moves::back_to(const Snapshot& before, const std::string& what) {
  PGPHASE_TRY(done, must_succeed(back(), what));
  if (!done) return {};
  PGPHASE_TRY(now, stage_.snapshot());
  check(what, in_words(compare(before, now)));
  return {};
}

Result<void> Moves::forward_to(const Snapshot& after, const std::string& what, Rows rows) {
  PGPHASE_TRY(done, must_succeed(forward(), what));
  if (!done) return {};
  PGPHASE_TRY(now, stage_.snapshot());
  const auto differences = compare(after, now);
  check(what, in_words(rows == Rows::count ? differences : of_the_schema(differences)));
  return {};
}

Result<void> Moves::back_from_failure(const Snapshot& before, const std::string& what) {
  PGPHASE_CHECK(back_to(before, what));
  stuck_ = true;
  return {};
}

}  // namespace pgphase
