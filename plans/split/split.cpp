#include "plans/split/split.hpp"

#include <fmt/format.h>

#include "plans/base/sha256.hpp"
#include "plans/plan.hpp"
#include "plans/rules/column_rules.hpp"
#include "plans/split/phased_plan_json.hpp"
#include "plans/toml/parse.hpp"

namespace pgphase {
namespace {

// The gate before `constraint` wants an approval unless the plan says otherwise: contraction is what breaks code that
// is not deployed yet. A phase without steps has no gate.
void set_gates(const Plan& plan, PhasedPlan& out, Findings& findings) {
  for (const Phase phase : k_phases) {
    const auto& written = plan.gates[static_cast<std::size_t>(phase)];
    PhaseSteps& steps = out[phase];
    if (steps.steps.empty()) {
      if (written && plan.complete) {
        findings.add(written->at,
                     fmt::format("[gate.{0}] has nothing to guard: the plan has no {0} step", to_string(phase)));
      }
      continue;
    }
    if (written) steps.gate = written->gate;
    steps.gate.approve = written && written->approve ? *written->approve : phase == Phase::constraint;
  }
}

}  // namespace

Checked<PhasedPlan> read_phased_plan(PlanId id, std::string_view text, std::string file) {
  const auto document = parse_toml(text, file);
  if (!document) return document.error();
  Findings findings(std::move(file), text);
  const Plan plan = read_plan(std::move(id), *document, findings);

  PlanFacts facts;
  facts.complete = plan.complete;
  for (const auto& change : plan.changes) change->declare(facts);

  PhasedPlan out;
  out.id = plan.id;
  out.description = plan.description;
  out.requires_plans = plan.requires_plans;
  StepSink sink(out, findings);
  for (const auto& change : plan.changes) change->split(facts, sink, findings);
  sink.finish();
  check_columns(out, findings);
  set_gates(plan, out, findings);
  if (!findings.empty()) return findings.take();

  out.text = std::string(text);
  out.text_sha256 = sha256_hex(text);
  out.split_sha256 = split_hash(out);
  return out;
}

}  // namespace pgphase
