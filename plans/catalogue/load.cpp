#include <fmt/format.h>

#include <algorithm>

#include "plans/catalogue/catalogue.hpp"
#include "plans/split/split.hpp"
#include "plans/toml/parse.hpp"

namespace pgphase {
namespace {

namespace fs = std::filesystem;

Diagnostic about(const fs::path& path, std::string message, std::string suggestion = {}) {
  Diagnostic found;
  found.file = path.string();
  found.message = std::move(message);
  found.suggestion = std::move(suggestion);
  return found;
}

bool good_name(std::string_view name) {
  return !name.empty() && std::all_of(name.begin(), name.end(), [](char c) {
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
           std::string_view("_.-").find(c) != std::string_view::npos;
  });
}

// The folder's plan files, sorted, so that problems come in the same order on every machine.
std::vector<fs::path> plan_files(const fs::path& folder, Diagnostics& problems) {
  std::vector<fs::path> out;
  std::error_code failed;
  for (fs::directory_iterator it(folder, failed), end; !failed && it != end; it.increment(failed)) {
    const std::string name = it->path().filename().string();
    if (!name.starts_with('.') && it->path().extension() == ".toml") out.push_back(it->path());
  }
  if (failed) {
    problems.push_back(about(folder, fmt::format("the folder of plans cannot be read: {}", failed.message()),
                             "`pgphase init` makes one; the key `plans` in pgphase.toml names it"));
  }
  std::sort(out.begin(), out.end());
  return out;
}

void append(Diagnostics& to, Diagnostics from) {
  to.insert(to.end(), std::make_move_iterator(from.begin()), std::make_move_iterator(from.end()));
}

}  // namespace

const PhasedPlan* LoadedPlans::find(const PlanId& id) const {
  const auto found = std::find_if(plans.begin(), plans.end(), [&](const PhasedPlan& plan) { return plan.id == id; });
  return found == plans.end() ? nullptr : &*found;
}

Checked<PhasedPlan> load_plan(const fs::path& file, Diagnostics* remarks) {
  const std::string name = file.stem().string();
  if (!good_name(name)) {
    return Diagnostics{about(file, "a plan's file name holds letters, digits, '_', '-' and '.' only")};
  }
  const auto text = read_text_file(file);
  if (!text) return text.error();
  return read_phased_plan({name}, *text, file.string(), remarks);
}

LoadedPlans load_plans(const fs::path& folder) {
  LoadedPlans out;
  std::set<PlanId> unreadable;
  for (const auto& file : plan_files(folder, out.problems)) {
    Diagnostics remarks;
    auto plan = load_plan(file, &remarks);
    append(out.remarks, std::move(remarks));
    if (plan) {
      out.plans.push_back(std::move(*plan));
    } else {
      append(out.problems, plan.error());
      unreadable.insert({file.stem().string()});
    }
  }
  std::sort(out.plans.begin(), out.plans.end(),
            [](const PhasedPlan& a, const PhasedPlan& b) { return runs_before(a.id, b.id); });
  append(out.problems, check_order(out.plans, unreadable, folder));
  return out;
}

}  // namespace pgphase
