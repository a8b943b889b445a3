#include "phases/purge/verdict.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <optional>

#include "plans/sql/quote.hpp"

namespace pgphase {
namespace {

bool stands(PhaseState state) {
  return state == PhaseState::done || state == PhaseState::sealed;
}

bool is_undone(PhaseState state) {
  return state == PhaseState::pending || state == PhaseState::rolled_back;
}

bool in_all_phases(const PlanRecord& plan, bool (*holds)(PhaseState)) {
  return std::all_of(plan.phases.begin(), plan.phases.end(),
                     [holds](const PhaseRecord& phase) { return holds(phase.state); });
}

std::optional<std::string> in_the_way(const PlanRecord& plan, const Remains& remains) {
  if (!in_all_phases(plan, stands) && !in_all_phases(plan, is_undone)) {
    return fmt::format("{0} is under way, and may go back or on: finish it with `pgphase up {0}`, or roll it back",
                       plan.plan.id.value);
  }
  for (const auto& thing : remains.things) {
    if (!thing.place || thing.record.kind == "table" || thing.place->schema == thing.record.table.schema) continue;
    return fmt::format("{} went out of sight with its table, which {} retired: that comes first",
                       describe(thing), thing.retired_with.empty() ? "a later plan" : thing.retired_with);
  }
  for (const auto& thing : remains.things) {
    if (thing.followed_by.empty()) continue;
    return fmt::format("{} still goes into what {} keeps: that comes first, with `pgphase purge {}`",
                       describe(thing), thing.followed_by, thing.followed_by);
  }
  if (remains.renamed) {
    const auto& [before, now] = *remains.renamed;
    return fmt::format(
        "table {} is called {} now, and under that name nothing of it is found: give it its name back for the purge "
        "(ALTER TABLE {} RENAME TO …, or SET SCHEMA …)",
        display_name(before), display_name(now), qualified(now));
  }
  if (!remains.links_retired_with.empty()) {
    return fmt::format("the table whose columns it keeps in step was retired by {}: that comes first",
                       remains.links_retired_with);
  }
  return std::nullopt;
}

// The last phase whose way back needs what goes, and those before it, which can only go back behind it.
std::vector<Phase> sealed_by(const Remains& remains) {
  // The triggers at work behind a finished plan are there for the way back of its last phase.
  auto last = remains.links_at_work().empty() ? Phase::additive : Phase::constraint;
  for (const auto& thing : remains.things) last = std::max(last, thing.record.key.phase);
  std::vector<Phase> sealed;
  for (const auto phase : k_phases) {
    if (phase <= last) sealed.push_back(phase);
  }
  return sealed;
}

}  // namespace

Verdict verdict_on(const PlanRecord& plan, const Remains& remains, ServerTime now, std::chrono::milliseconds keep) {
  Verdict verdict;
  const bool finished = in_all_phases(plan, stands);
  auto since = finished && plan.finished_at ? *plan.finished_at : ServerTime{};
  for (const auto& thing : remains.things) since = std::max(since, thing.record.retired_at);
  verdict.due = since + keep;
  if (auto why = in_the_way(plan, remains)) {
    verdict.kind = Verdict::Kind::in_the_way;
    verdict.why = std::move(*why);
    return verdict;
  }
  if (now < verdict.due) verdict.kind = Verdict::Kind::too_young;
  if (finished) {
    verdict.seals = sealed_by(remains);
  } else {
    verdict.forgets = true;
  }
  return verdict;
}

}  // namespace pgphase
