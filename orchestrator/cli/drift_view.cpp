#include "orchestrator/cli/drift_view.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <boost/json/array.hpp>

#include "orchestrator/cli/words.hpp"
#include "orchestrator/engine/derived_state.hpp"
#include "plans/base/units.hpp"

namespace pgphase {
namespace {

namespace json = boost::json;

constexpr std::size_t k_screenful = 40;  // differences

std::string since_words(const Baseline& since) {
  const auto at = words::time(since.taken_at);
  switch (since.moment) {
    case BaselineMoment::forward:
      return fmt::format("{} of {} at {}", to_string(since.phase), since.plan.value, at);
    case BaselineMoment::back:
      return fmt::format("the rollback of {} of {} at {}", to_string(since.phase), since.plan.value, at);
    case BaselineMoment::stamped:
      return fmt::format("{} was stamped at {}", since.plan.value, at);
    case BaselineMoment::by_hand:
      return fmt::format("a step of {} of {} was said to be done at {}", to_string(since.phase), since.plan.value, at);
    case BaselineMoment::purged:
      return fmt::format("what {} had retired was purged at {}", since.plan.value, at);
  }
  return at;
}

// Phases that have begun and not come to an end: what they did is in no snapshot yet.
struct Unfinished {
  const PlanRecord& plan;
  Phase phase;
};

std::vector<Unfinished> unfinished(const LedgerView& ledger) {
  std::vector<Unfinished> all;
  for (const auto& plan : ledger.plans) {
    for (const auto phase : k_phases) {
      const auto state = plan[phase].state;
      if (state == PhaseState::running || state == PhaseState::rolling_back) all.push_back({plan, phase});
    }
  }
  return all;
}

std::string remarks(const DriftInput& input) {
  std::string out;
  for (const auto& [plan, phase] : unfinished(input.ledger)) {
    auto state = std::string(to_string(status_of(plan, phase, input.ledger)));
    std::replace(state.begin(), state.end(), '_', ' ');
    out += fmt::format("{} of {} is not finished ({}): what it has changed so far counts as a difference\n",
                       to_string(phase), plan.plan.id.value, state);
  }
  const int then = input.since.server_version / 10000, now = input.server_version / 10000;
  if (then != now) {
    out += fmt::format("the snapshot is of PostgreSQL {}, this is {}, which words some definitions in another way\n",
                       then, now);
  }
  return out;
}

}  // namespace

std::string drift_text(const DriftInput& input, DriftLength length) {
  const auto& differences = input.differences;
  if (differences.empty()) return fmt::format("no drift since {}\n", since_words(input.since)) + remarks(input);
  auto out = fmt::format("{} difference{} since {}\n", human_count(static_cast<std::int64_t>(differences.size())),
                         differences.size() == 1 ? "" : "s", since_words(input.since)) +
             remarks(input);
  const auto shown = length == DriftLength::all ? differences.size() : std::min(differences.size(), k_screenful);
  for (std::size_t i = 0; i < shown; ++i) {
    if (i == 0 || differences[i].table != differences[i - 1].table) out += '\n';
    out += "  " + in_words(differences[i]) + '\n';
  }
  if (shown < differences.size()) {
    out += fmt::format("\n  and {} more: pgphase drift --all\n",
                       human_count(static_cast<std::int64_t>(differences.size() - shown)));
  }
  return out;
}

json::object drift_json(const DriftInput& input) {
  json::array phases;
  for (const auto& [plan, phase] : unfinished(input.ledger)) {
    phases.push_back(json::object{{"plan", plan.plan.id.value},
                                  {"phase", to_string(phase)},
                                  {"state", to_string(status_of(plan, phase, input.ledger))}});
  }
  return {{"drift", !input.differences.empty()},
          {"since", json::object{{"plan", input.since.plan.value},
                                 {"phase", to_string(input.since.phase)},
                                 {"moment", to_string(input.since.moment)},
                                 {"at", words::time(input.since.taken_at)},
                                 {"server_version", input.since.server_version}}},
          {"differences", to_json(input.differences)},
          {"unfinished", std::move(phases)},
          {"server_version", input.server_version}};
}

}  // namespace pgphase
