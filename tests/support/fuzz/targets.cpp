#include "tests/support/fuzz/targets.hpp"

#include <stdexcept>

#include "plans/check/check_script.hpp"
#include "plans/split/split.hpp"
#include "plans/translate/translate.hpp"

namespace pgphase::testing {

void fuzz_sql(std::string_view bytes) {
  check_script(bytes, {});
  const auto translation = translate_script(bytes, {"fuzz"});
  // A plan of our own making must be TOML, at least; whether its rules are kept is for its reader to say.
  for (const auto& plan : translation.plans) {
    const auto read = read_phased_plan({"001_fuzz"}, plan.toml, "001_fuzz.toml");
    if (read) continue;
    for (const auto& problem : read.error()) {
      if (problem.message.find("not valid TOML") != std::string::npos) throw std::logic_error(problem.message);
    }
  }
}

void fuzz_plan(std::string_view bytes) {
  const auto plan = read_phased_plan({"001_fuzz"}, bytes, "001_fuzz.toml");
  if (!plan) render(plan.error());
}

}  // namespace pgphase::testing
