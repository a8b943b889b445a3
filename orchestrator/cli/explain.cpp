// `pgphase explain`: the phases of plans, from what `up` would execute. Works without a database; with one it reads how
// large the tables are, what has been done already, and what the database has that steps would meet. Writes nothing.
#include <fmt/format.h>

#include <CLI/CLI.hpp>

#include "orchestrator/cli/explain_view.hpp"
#include "orchestrator/cli/names.hpp"
#include "orchestrator/cli/program.hpp"
#include "orchestrator/engine/agenda.hpp"
#include "phases/foresight/expected.hpp"
#include "phases/foresight/harms.hpp"
#include "phases/lock/blockers.hpp"
#include "phases/postgres/table_sizes.hpp"

namespace pgphase {
namespace {

struct ExplainOptions {
  std::vector<std::string> plans;
  bool sql = false, offline = false;
};

const PhasedPlan* find(const std::vector<PhasedPlan>& plans, const PlanId& id) {
  for (const auto& plan : plans) {
    if (plan.id == id) return &plan;
  }
  return nullptr;
}

// A started plan is explained from the ledger: that is what goes on and rolls back, whatever the folder says by now.
std::optional<ExplainedPlan> explained(const PlanId& id, const std::vector<PhasedPlan>& folder,
                                       const LedgerView& ledger) {
  const auto* record = ledger.find(id);
  const auto* plan = find(folder, id);
  if (record && (has_started(*record) || is_finished(*record) || !plan))
    return ExplainedPlan{&record->plan, record, {}};
  if (plan) return ExplainedPlan{plan, nullptr, {}};
  return std::nullopt;
}

// Those that are named; else all that are not done.
Result<std::vector<ExplainedPlan>> choose(const ExplainOptions& options, const std::vector<PhasedPlan>& folder,
                                          const LedgerView& ledger) {
  std::vector<ExplainedPlan> chosen;
  for (const auto& text : options.plans) {
    const auto id = parse_plan_id(text);
    const auto plan = explained(id, folder, ledger);
    if (!plan) {
      return make_error(Errc::refused,
                        fmt::format("there is no plan {}, neither in the folder nor in the ledger", id.value),
                        "`pgphase status` lists the plans that are known.");
    }
    chosen.push_back(*plan);
  }
  if (!options.plans.empty()) return chosen;
  for (const auto& record : ledger.plans) {
    if (!is_finished(record) && !find(folder, record.plan.id)) chosen.push_back({&record.plan, &record, {}});
  }
  for (const auto& plan : folder) {
    const auto* record = ledger.find(plan.id);
    if (!record || !is_finished(*record)) chosen.push_back(*explained(plan.id, folder, ledger));
  }
  return chosen;
}

bool all_in_ledger(const ExplainOptions& options, const LedgerView& ledger) {
  for (const auto& text : options.plans) {
    if (!ledger.find(parse_plan_id(text))) return false;
  }
  return !options.plans.empty();
}

Result<void> look_up_sizes(Session& session, ExplainInput& input) {
  std::set<TableName> tables;
  for (const auto& explained : input.plans) {
    for (const auto phase : k_phases) {
      for (const auto& step : (*explained.plan)[phase].steps) tables.insert(step.touches.begin(), step.touches.end());
    }
  }
  PGPHASE_TRY(sizes, table_sizes(session, tables));
  input.tables = std::move(sizes);
  PGPHASE_TRY(holders, long_holders(session, tables));
  input.long_holders = std::move(holders);
  return {};
}

bool is_to_be_done(const ExplainedPlan& explained, Phase phase, std::size_t index) {
  if (!explained.record) return true;
  const auto& phase_record = (*explained.record)[phase];
  if (phase_record.state == PhaseState::sealed || index >= phase_record.steps.size()) return false;
  const auto state = phase_record.steps[index].state;
  return state != StepState::done && state != StepState::skipped;
}

// What the statements of each plan would do, of those that have not begun. `known` becomes what the catalogue says.
Result<std::map<PlanId, PlanHarms>> harms_of(Session& session, const std::vector<ExplainedPlan>& to_run, Known& known) {
  std::map<PlanId, PlanHarms> out;
  PGPHASE_TRY(foresight, HarmForesight::ask(session));
  known = foresight.known();
  for (const auto& one : to_run) {
    if (one.record && has_started(*one.record)) continue;
    PGPHASE_TRY(found, foresight(session, *one.plan));
    out.emplace(one.plan->id, std::move(found));
  }
  return out;
}

// As `up` does before it begins. What a role may not look at is a warning: the rest of the answer stands without it.
Result<void> foresee_steps(Session& session, Console& console, const std::vector<ExplainedPlan>& to_run,
                           ExplainInput& input) {
  PGPHASE_CHECK(session.query("SET default_transaction_read_only = on"));
  std::vector<const PhasedPlan*> in_order;
  for (const auto& one : to_run) in_order.push_back(one.plan);
  const auto expected = expectations(in_order);
  // A plan that has begun may have made what it expects not to be there.
  const auto meets = [&](const ExplainedPlan& explained, Phase phase, std::size_t i) -> Result<Foresight> {
    const auto& step = (*explained.plan)[phase].steps[i];
    PGPHASE_TRY(found, foresee(session, explained.plan->id, step));
    if (explained.record && has_started(*explained.record)) return found;
    for (const auto& one : expected) {
      if (one.plan != explained.plan->id || one.phase != phase || one.step != i) continue;
      PGPHASE_TRY(sentence, unmet(session, one, step));
      if (!sentence.empty()) found.obstacles.push_back(sentence);
    }
    return found;
  };
  PGPHASE_TRY(harms, harms_of(session, to_run, input.known));
  for (auto& explained : input.plans) {
    for (const auto phase : k_phases) {
      const auto& steps = (*explained.plan)[phase].steps;
      for (std::size_t i = 0; i < steps.size(); ++i) {
        if (!is_to_be_done(explained, phase, i)) continue;
        auto found = meets(explained, phase, i);
        if (found) {
          const auto of_plan = harms.find(explained.plan->id);
          if (of_plan != harms.end()) add_to(*found, of_plan->second, phase, i);
          explained.foreseen.emplace(std::pair(phase, i), std::move(*found));
        } else if (found.error().code == Errc::sql) {
          console.warn(fmt::format("what {} {}/{} would meet could not be looked at: {}", explained.plan->id.value,
                                   to_string(phase), steps[i].name, found.error().message));
        } else {
          return found.error();
        }
      }
    }
  }
  return {};
}

ExitCode explain(Program& program, const ExplainOptions& options) {
  auto& console = program.console();
  ExplainInput input;
  LedgerView ledger;
  std::unique_ptr<Session> session;
  if (!options.offline && !program.settings().database.empty()) {
    auto opened = program.connect("explain");
    if (!opened) {
      auto error = opened.error();
      error.next +=
          (error.next.empty() ? "" : " ") + std::string("`pgphase explain --offline` explains without a database.");
      return console.fail(error);
    }
    session = std::move(*opened);
    auto read = read_ledger(*session);
    if (!read) return console.fail(read.error());
    ledger = std::move(*read);
    input.target = session->target();
    input.server_version = session->server_version();
    input.ledger = &ledger;
  }
  std::vector<PhasedPlan> folder;
  if (auto plans = program.plans()) {
    folder = std::move(*plans);
  } else if (all_in_ledger(options, ledger)) {
    console.warn("the plans folder cannot be read; the ledger is enough here: " + plans.error().message);
  } else {
    return console.fail(plans.error());
  }
  auto chosen = choose(options, folder, ledger);
  if (!chosen) return console.fail(chosen.error());
  input.plans = std::move(*chosen);
  if (session) {
    if (auto sized = look_up_sizes(*session, input); !sized) return console.fail(sized.error());
    auto to_run = choose({}, folder, ledger);
    if (!to_run) return console.fail(to_run.error());
    if (auto looked = foresee_steps(*session, console, *to_run, input); !looked) return console.fail(looked.error());
  }
  if (console.json()) {
    console.object(explain_json(input));
  } else {
    auto text = explain_text(input, options.sql ? SqlShown::all : SqlShown::first_line);
    text.pop_back();
    console.say(text);
  }
  return ExitCode::done;
}

}  // namespace

void add_explain(Program& program) {
  auto options = std::make_shared<ExplainOptions>();
  auto* command = program.add_command("explain", "Show the phases of plans: each step's SQL, locks, scans and way back",
                                      "  pgphase explain 002_task_priority --sql\n"
                                      "    what `pgphase up 002_task_priority` would execute, in full",
                                      [&program, options] { return explain(program, *options); });
  command->add_option("PLAN", options->plans, "the plans (default: all that are not done)");
  command->add_flag("--sql", options->sql, "all of each statement, not only its first line");
  command->add_flag("--offline", options->offline, "do not ask the database that is set");
}

}  // namespace pgphase
