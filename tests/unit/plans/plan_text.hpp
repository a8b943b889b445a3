// Plans from text, for the tests of plans/.
#pragma once

#include <gtest/gtest.h>

#include <string>

#include "plans/split/split.hpp"

namespace pgphase::testing {

// The phases of a plan given without its first line.
inline PhasedPlan plan_of(const std::string& text) {
  auto plan = read_phased_plan({"001_test"}, "format = 1\n" + text, "001_test.toml");
  if (plan) return std::move(*plan);
  ADD_FAILURE() << render(plan.error());
  return {};
}

// What is wrong with it, as an author reads it. Lines count from `format = 1`, which is the first.
inline std::string problems_of(const std::string& text) {
  const auto plan = read_phased_plan({"001_test"}, "format = 1\n" + text, "001_test.toml");
  return plan ? "" : render(plan.error());
}

template <class Body>
Body body_of_step(const PhasedPlan& plan, Phase phase, std::size_t index = 0) {
  if (plan[phase].steps.size() <= index) {
    ADD_FAILURE() << "no such step";
    return {};
  }
  const auto* body = std::get_if<Body>(&plan[phase].steps[index].body);
  if (!body) ADD_FAILURE() << "another kind of step";
  return body ? *body : Body{};
}

}  // namespace pgphase::testing
