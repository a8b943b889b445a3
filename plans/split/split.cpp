#include "plans/split/split.hpp"

#include <fmt/format.h>

#include "plans/base/sha256.hpp"
#include "plans/plan.hpp"
#include "plans/rules/column_rules.hpp"
#include "plans/rules/phase_rules.hpp"
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

Position place_of(const StepHarm& harm, const Step& step, const StepSink& sink) {
  const auto* written = sink.written_at(harm.phase, step.name);
  if (!written) return {step.line, 1};
  const auto& places = harm.direction == Direction::forward ? written->forward : written->back;
  return harm.statement < places.size() ? places[harm.statement] : Position{step.line, 1};
}

void judge_statements(const PhasedPlan& plan, const StepSink& sink, Findings& findings) {
  Known known;
  const auto found = harms_in(plan, known);
  for (const auto& harm : found.harms) {
    const Step& step = plan[harm.phase].steps[harm.step];
    findings.add_about(place_of(harm, step, sink), harm.severity, harm.rule->id,
                       (harm.direction == Direction::back ? "`rollback`: " : "") + harm.message, harm.instead);
  }
  for (const auto& unused : found.unused) {
    findings.add_about({plan[unused.phase].steps[unused.step].line, 1}, Severity::warning, "waiver-unused",
                       fmt::format("`allow` names {}, and the step does nothing of the kind", unused.rule),
                       "take it out");
  }
}

}  // namespace

Checked<PhasedPlan> read_phased_plan(PlanId id, std::string_view text, std::string file,
                                     Diagnostics* remarks) {
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
  // When some change could not be read, it may be the one that creates the table.
  if (plan.complete) judge_statements(out, sink, findings);
  set_gates(plan, out, findings);
  if (remarks) *remarks = findings.take_remarks();
  if (!findings.empty()) return findings.take();

  out.text = std::string(text);
  out.text_sha256 = sha256_hex(text);
  out.split_sha256 = split_hash(out);
  return out;
}

}  // namespace pgphase
