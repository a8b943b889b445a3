#include <fmt/format.h>

#include <map>

#include "plans/catalogue/catalogue.hpp"
#include "plans/split/phased_plan_json.hpp"
#include "plans/split/split.hpp"

namespace pgphase {
namespace {

namespace json = boost::json;

std::string without_line(json::value step) {
  step.as_object().erase("line");
  return json::serialize(step);
}

// "phase/name" of each step, with what it does.
std::map<std::string, std::string> steps_of(const json::value& plan) {
  std::map<std::string, std::string> out;
  for (const auto& phase : plan.at("phases").as_object()) {
    for (const auto& step : phase.value().at("steps").as_array()) {
      const std::string name =
          fmt::format("{}/{}", std::string_view(phase.key()), std::string_view(step.at("name").as_string()));
      out.emplace(name, without_line(step));
    }
  }
  return out;
}

std::vector<std::string> order_of(const json::value& plan, const std::map<std::string, std::string>& also_in) {
  std::vector<std::string> out;
  for (const auto& phase : plan.at("phases").as_object()) {
    for (const auto& step : phase.value().at("steps").as_array()) {
      std::string name =
          fmt::format("{}/{}", std::string_view(phase.key()), std::string_view(step.at("name").as_string()));
      if (also_in.contains(name)) out.push_back(std::move(name));
    }
  }
  return out;
}

}  // namespace

std::string plan_differs(std::string_view old_text, std::string_view new_text) {
  if (old_text == new_text) return {};
  // The name plays no part in the comparison.
  const auto before = read_phased_plan({"plan"}, old_text, "the text that was started");
  const auto after = read_phased_plan({"plan"}, new_text, "the text as it is now");
  if (!before) return "the text that was started cannot be read by this version of pgphase";
  if (!after) return "the plan cannot be read any more: " + after.error().front().message;
  const json::value old_plan = to_json(*before);
  const json::value new_plan = to_json(*after);
  const auto old_steps = steps_of(old_plan);
  const auto new_steps = steps_of(new_plan);

  std::string out;
  const auto say = [&](const std::string& what) { out += (out.empty() ? "" : "; ") + what; };
  for (const auto& [name, content] : old_steps) {
    const auto found = new_steps.find(name);
    if (found == new_steps.end())
      say("removed " + name);
    else if (found->second != content)
      say("changed " + name);
  }
  for (const auto& [name, content] : new_steps) {
    if (!old_steps.contains(name)) say("added " + name);
  }
  if (order_of(old_plan, new_steps) != order_of(new_plan, old_steps)) say("steps stand in another order");
  for (const Phase phase : k_phases) {
    const auto gate = [&](const json::value& plan) { return plan.at("phases").at(to_string(phase)).at("gate"); };
    if (gate(old_plan) != gate(new_plan)) say(fmt::format("changed the gate of {}", to_string(phase)));
  }
  if (old_plan.at("requires") != new_plan.at("requires")) say("changed `requires`");
  if (old_plan.at("description") != new_plan.at("description")) say("changed the description");
  return out.empty() ? "only comments or layout" : out;
}

}  // namespace pgphase
