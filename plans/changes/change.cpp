#include "plans/changes/change.hpp"

#include <fmt/format.h>

namespace pgphase {

bool PlanFacts::created_in(const TableName& table, Phase phase) const {
  const auto found = created.find(table);
  return found != created.end() && found->second == phase;
}

bool PlanFacts::added_empty(const TableName& table, const std::string& column) const {
  const auto found = added.find({table, column});
  return found != added.end() && !found->second;
}

void StepSink::add(Phase phase, Step step, Position at) {
  const auto index = static_cast<std::size_t>(phase);
  step.line = at.line;
  const auto [taken, fresh] = names_[index].emplace(step.name, at);
  if (!fresh) {
    findings_.add(at,
                  fmt::format("the {} phase has two steps called \"{}\"; the other is in line {}", to_string(phase),
                              step.name, taken->second.line),
                  "a step is known by its phase and name: give one of them another name");
  }
  plan_[phase].steps.push_back(std::move(step));
}

void StepSink::add_last(Phase phase, Step step, Position at) {
  last_[static_cast<std::size_t>(phase)].emplace_back(std::move(step), at);
}

void StepSink::finish() {
  for (const Phase phase : k_phases) {
    for (auto& [step, at] : std::exchange(last_[static_cast<std::size_t>(phase)], {})) add(phase, std::move(step), at);
  }
}

void StepSink::by_hand(Phase phase, const std::string& step, WrittenAt at) {
  by_hand_.emplace(std::pair(phase, step), std::move(at));
}

const WrittenAt* StepSink::written_at(Phase phase, const std::string& step) const {
  const auto found = by_hand_.find({phase, step});
  return found == by_hand_.end() ? nullptr : &found->second;
}

}  // namespace pgphase
