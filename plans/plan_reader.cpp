#include <fmt/format.h>

#include <algorithm>

#include "plans/plan.hpp"
#include "plans/toml/reader.hpp"

namespace pgphase {
namespace {

void check_format(TableReader& reader) {
  if (!reader.has("format")) {
    reader.findings().add({1, 1}, "`format` is missing", fmt::format("begin the file with format = {}", k_plan_format));
  } else if (const auto format = reader.integer("format"); format && *format != k_plan_format) {
    reader.error("format", fmt::format("format {} is not known to this version of pgphase, which reads format {}",
                                       *format, k_plan_format));
  }
}

void read_requires(TableReader& reader, Plan& plan) {
  for (const Text& name : reader.texts("requires").value_or(std::vector<Text>{})) {
    const PlanId id{name.text};
    if (id == plan.id) {
      reader.findings().add(name.at, "a plan cannot require itself");
    } else if (std::find(plan.requires_plans.begin(), plan.requires_plans.end(), id) != plan.requires_plans.end()) {
      reader.findings().add(name.at, fmt::format("`requires` names \"{}\" twice", name.text));
    } else {
      plan.requires_plans.push_back(id);
    }
  }
}

// Every entry of the file that is a change, in the order of the file, whatever its form.
struct Item {
  const Table* table;
  std::optional<Phase> phase;  // empty: a [[change]]
};

std::vector<Item> items_in_order(TableReader& reader) {
  std::vector<Item> items;
  for (const Table* table : reader.tables("change")) items.push_back({table, std::nullopt});
  for (const Phase phase : k_phases) {
    for (const Table* table : reader.tables(to_string(phase))) items.push_back({table, phase});
  }
  std::stable_sort(items.begin(), items.end(), [](const Item& a, const Item& b) { return a.table->at < b.table->at; });
  return items;
}

void read_gates(TableReader& reader, Plan& plan) {
  const Table* gates = reader.table("gate");
  if (!gates) return;
  TableReader gate_reader(*gates, "[gate]", reader.findings());
  for (const Phase phase : k_phases) {
    if (const Table* table = gate_reader.table(to_string(phase))) {
      plan.gates[static_cast<std::size_t>(phase)] = read_gate(*table, phase, reader.findings());
    }
  }
  gate_reader.finish();
}

}  // namespace

Plan read_plan(PlanId id, const Document& document, Findings& findings) {
  Plan plan;
  plan.id = std::move(id);
  TableReader reader(document.root, "a plan", findings);
  check_format(reader);
  plan.description = reader.string("description").value_or("");
  read_requires(reader, plan);
  for (const Item& item : items_in_order(reader)) {
    auto change =
        item.phase ? read_written_step(*item.table, *item.phase, findings) : read_change(*item.table, findings);
    if (change)
      plan.changes.push_back(std::move(change));
    else
      plan.complete = false;
  }
  read_gates(reader, plan);
  for (const char* key : {"locks", "throttle", "retain"}) {
    reader.not_built(key, "it can be set for all plans in pgphase.toml");
  }
  reader.finish();
  if (plan.changes.empty() && findings.empty()) {
    findings.add({1, 1}, "the plan changes nothing",
                 "write a [[change]], or steps in [[additive]], [[backfill]] or [[constraint]]; or take the file out of the "
                 "folder, and its name out of the `requires` of the next");
  }
  return plan;
}

}  // namespace pgphase
