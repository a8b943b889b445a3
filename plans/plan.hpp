// A plan as its author wrote it: the entries of the file in their order, and the gates. plans/split turns it into
// phases. Belongs to one thread.
#pragma once

#include <array>
#include <optional>
#include <string>
#include <vector>

#include "plans/changes/change.hpp"
#include "plans/phased_plan.hpp"
#include "plans/toml/value.hpp"

namespace pgphase {

inline constexpr int k_plan_format = 1;

struct WrittenGate {
  Gate gate;
  std::optional<bool> approve;  // as written; a gate that does not say it keeps its phase's default
  Position at;
};

struct Plan {
  PlanId id;
  std::string description;
  std::vector<PlanId> requires_plans;
  std::vector<ChangePtr> changes;  // in the order of the file
  std::array<std::optional<WrittenGate>, 3> gates;
  bool complete = true;  // false: some change could not be read
};

// Reads every key; notes everything that is wrong, and goes on.
Plan read_plan(PlanId id, const Document& document, Findings& findings);

// [gate.PHASE]
WrittenGate read_gate(const Table& table, Phase phase, Findings& findings);

// "Mon-Fri 22:00-06:00 Europe/Berlin", "22:00-06:00", "Sat,Sun 00:00-24:00 UTC". The error's message says what is wrong
// with it; time zones are not looked up, the server knows them.
Result<Window> parse_window(const std::string& text);

}  // namespace pgphase
