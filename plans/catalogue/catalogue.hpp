// The folder of plans: reading all of it, and the order in which plans run. Reads files, writes nothing; any thread.
#pragma once

#include <filesystem>
#include <set>
#include <string>
#include <string_view>
#include <vector>

#include "plans/phased_plan.hpp"
#include "plans/toml/diagnostic.hpp"

namespace pgphase {

struct LoadedPlans {
  std::vector<PhasedPlan> plans;  // those that could be read, in the order in which they run
  Diagnostics problems;           // everything that is wrong, with all files and with their order
  Diagnostics remarks;            // what is not wrong, and worth a word

  bool ok() const { return problems.empty(); }
  const PhasedPlan* find(const PlanId& id) const;
};

// Every *.toml file of the folder; hidden files and others are passed over. A plan is called by its file's name, which
// may hold letters, digits, '_', '-' and '.'. A folder without plans is no problem; a missing folder is one.
LoadedPlans load_plans(const std::filesystem::path& folder);

// One file by itself: its order among others is not looked at.
Checked<PhasedPlan> load_plan(const std::filesystem::path& file, Diagnostics* remarks = nullptr);

// What is wrong with `requires` and with the order of plans that were read: unknown plans, circles, a plan that
// requires a later one, two plans that both follow the same one and touch the same table. `unreadable` are plans that
// exist but could not be read: requiring one is not an error of its own.
Diagnostics check_order(const std::vector<PhasedPlan>& plans, const std::set<PlanId>& unreadable,
                        const std::filesystem::path& folder);

// The digits in front of the name, without leading zeros; empty: none.
std::string_view plan_number(const PlanId& id);

// The order in which plans run: by number, then by name; those without a number last.
bool runs_before(const PlanId& a, const PlanId& b);

// Everything that the plan requires, and what that requires, and so on; in the order in which they run.
std::vector<PlanId> requires_closure(const std::vector<PhasedPlan>& plans, const PlanId& id);

std::set<TableName> touched_tables(const PhasedPlan& plan);

// What differs between two texts of one plan, in a few words for people: which steps were added, removed or changed.
// Says so when only comments or layout differ, or when one of them cannot be read. Empty: the texts are equal.
std::string plan_differs(std::string_view old_text, std::string_view new_text);

}  // namespace pgphase
