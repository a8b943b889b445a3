#include <fmt/format.h>

#include <algorithm>
#include <map>

#include "plans/catalogue/catalogue.hpp"
#include "plans/sql/quote.hpp"
#include "plans/toml/parse.hpp"
#include "plans/toml/reader.hpp"

namespace pgphase {
namespace {

using PlanIndex = std::map<PlanId, const PhasedPlan*>;

PlanIndex index_of(const std::vector<PhasedPlan>& plans) {
  PlanIndex out;
  for (const auto& plan : plans) out.emplace(plan.id, &plan);
  return out;
}

// Errors about `requires` point at the name in the file: it is looked up in the text when there is something to say.
void point_at(const PhasedPlan& plan, const PlanId& required, const std::filesystem::path& folder, std::string message,
              std::string suggestion, Diagnostics& out) {
  const std::string file = (folder / (plan.id.value + ".toml")).string();
  Findings findings(file, plan.text);
  Position at{1, 1};
  if (const auto document = parse_toml(plan.text, file)) {
    Findings ignored(file, plan.text);
    TableReader reader(document->root, "a plan", ignored);
    if (reader.has("requires")) at = reader.at("requires");
    for (const Text& name : reader.texts("requires").value_or(std::vector<Text>{})) {
      if (name.text == required.value) at = name.at;
    }
  }
  findings.add(at, std::move(message), std::move(suggestion));
  for (auto& found : findings.take()) out.push_back(std::move(found));
}

// Depth first; a plan met again on the way from itself closes a circle.
class CircleFinder {
 public:
  CircleFinder(const PlanIndex& plans, const std::filesystem::path& folder, Diagnostics& out)
      : plans_(plans), folder_(folder), out_(out) {}

  void visit(const PhasedPlan& plan) {
    if (finished_.contains(plan.id)) return;
    path_.push_back(&plan);
    for (const PlanId& required : plan.requires_plans) {
      const auto found = plans_.find(required);
      if (found == plans_.end()) continue;
      const auto on_path = std::find(path_.begin(), path_.end(), found->second);
      if (on_path == path_.end()) {
        visit(*found->second);
        continue;
      }
      std::string circle;
      for (auto at = on_path; at != path_.end(); ++at) {
        circle += (*at)->id.value + " → ";
        in_circle_.insert((*at)->id);
      }
      point_at(plan, required, folder_, fmt::format("`requires` goes in a circle: {}{}", circle, required.value),
               "one of these plans must not require the next", out_);
    }
    path_.pop_back();
    finished_.insert(plan.id);
  }

  bool in_circle(const PlanId& id) const { return in_circle_.contains(id); }

 private:
  const PlanIndex& plans_;
  const std::filesystem::path& folder_;
  Diagnostics& out_;
  std::vector<const PhasedPlan*> path_;
  std::set<PlanId> finished_;
  std::set<PlanId> in_circle_;
};

std::string common_tables(const PhasedPlan& a, const PhasedPlan& b) {
  const auto of_a = touched_tables(a);
  const auto of_b = touched_tables(b);
  std::string out;
  for (const auto& table : of_a) {
    if (of_b.contains(table)) out += (out.empty() ? "" : ", ") + display_name(table);
  }
  return out;
}

bool follows(const std::vector<PhasedPlan>& plans, const PhasedPlan& plan, const PhasedPlan& other) {
  const auto closure = requires_closure(plans, plan.id);
  return std::find(closure.begin(), closure.end(), other.id) != closure.end();
}

// Two branches that were written beside each other and merged: nobody has decided which comes first.
void check_pair(const std::vector<PhasedPlan>& plans, const PhasedPlan& first, const PhasedPlan& second,
                const std::filesystem::path& folder, Diagnostics& out) {
  const std::set<PlanId> required_by_first(first.requires_plans.begin(), first.requires_plans.end());
  const std::set<PlanId> required_by_second(second.requires_plans.begin(), second.requires_plans.end());
  const bool two_heads = !required_by_first.empty() && required_by_first == required_by_second;
  const bool same_number = !plan_number(first.id).empty() && plan_number(first.id) == plan_number(second.id);
  if (!two_heads && !same_number) return;
  const std::string tables = common_tables(first, second);
  if (tables.empty()) return;
  if (two_heads) {
    point_at(
        second, second.requires_plans.front(), folder,
        fmt::format("{} and {} both claim to follow {}, and both touch {}", first.id.value, second.id.value,
                    second.requires_plans.front().value, tables),
        fmt::format(
            "write `requires = [\"{}\"]` in {}, or the other way round, as the two were meant to follow each other",
            first.id.value, second.id.value),
        out);
  } else if (!follows(plans, first, second) && !follows(plans, second, first)) {
    point_at(second, {}, folder,
             fmt::format("{} and {} have the same number and both touch {}: nothing says which comes first",
                         first.id.value, second.id.value, tables),
             fmt::format("give one of them another number, or name the other in `requires`"), out);
  }
}

}  // namespace

std::string_view plan_number(const PlanId& id) {
  std::string_view name = id.value;
  name = name.substr(0, std::min(name.find_first_not_of("0123456789"), name.size()));
  while (name.size() > 1 && name.front() == '0') name.remove_prefix(1);
  return name;
}

bool runs_before(const PlanId& a, const PlanId& b) {
  const auto number_a = plan_number(a);
  const auto number_b = plan_number(b);
  if (number_a.empty() != number_b.empty()) return number_b.empty();
  // Without leading zeros the longer number is the larger one; a time stamp does not fit every integer.
  if (number_a.size() != number_b.size()) return number_a.size() < number_b.size();
  return number_a == number_b ? a.value < b.value : number_a < number_b;
}

std::set<TableName> touched_tables(const PhasedPlan& plan) {
  std::set<TableName> out;
  for (const auto& phase : plan.phases) {
    for (const auto& step : phase.steps) out.insert(step.touches.begin(), step.touches.end());
  }
  return out;
}

std::vector<PlanId> requires_closure(const std::vector<PhasedPlan>& plans, const PlanId& id) {
  const PlanIndex index = index_of(plans);
  std::set<PlanId> seen{id};
  std::vector<PlanId> out;
  std::vector<PlanId> open{id};
  while (!open.empty()) {
    const auto found = index.find(open.back());
    open.pop_back();
    if (found == index.end()) continue;
    for (const PlanId& required : found->second->requires_plans) {
      if (!seen.insert(required).second) continue;
      out.push_back(required);
      open.push_back(required);
    }
  }
  std::sort(out.begin(), out.end(), runs_before);
  return out;
}

Diagnostics check_order(const std::vector<PhasedPlan>& plans, const std::set<PlanId>& unreadable,
                        const std::filesystem::path& folder) {
  Diagnostics out;
  const PlanIndex index = index_of(plans);
  CircleFinder circles(index, folder, out);
  for (const auto& plan : plans) circles.visit(plan);

  std::vector<std::string> names;
  for (const auto& plan : plans) names.push_back(plan.id.value);
  for (const auto& plan : plans) {
    for (const PlanId& required : plan.requires_plans) {
      if (unreadable.contains(required)) continue;
      if (!index.contains(required)) {
        const std::string meant = nearest(required.value, names);
        point_at(plan, required, folder, fmt::format("there is no plan \"{}\"", required.value),
                 meant.empty() || meant == plan.id.value ? "a plan is called by its file's name without .toml"
                                                         : fmt::format("did you mean \"{}\"?", meant),
                 out);
      } else if (runs_before(plan.id, required) && !(circles.in_circle(plan.id) && circles.in_circle(required))) {
        point_at(plan, required, folder,
                 fmt::format("{} requires {}, which runs after it", plan.id.value, required.value),
                 "plans run in the order of their numbers: rename one of them", out);
      }
    }
  }
  for (std::size_t first = 0; first < plans.size(); ++first) {
    for (std::size_t second = first + 1; second < plans.size(); ++second) {
      check_pair(plans, plans[first], plans[second], folder, out);
    }
  }
  return out;
}

}  // namespace pgphase
