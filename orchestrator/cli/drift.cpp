// `pgphase drift`: what changed in the database behind pgphase's back. Reads only.
#include <fmt/format.h>

#include <CLI/CLI.hpp>

#include "orchestrator/cli/drift_view.hpp"
#include "orchestrator/cli/program.hpp"

namespace pgphase {
namespace {

// How often to look again when a run finishes a phase in between.
constexpr int k_looks = 3;

Error nothing_to_compare_with(const Session& session) {
  return make_error(
      Errc::refused, fmt::format("there is nothing to compare with: no snapshot of {} is kept", session.target()),
      "Nothing was changed. Each phase that `pgphase up` finishes or `pgphase rollback` undoes keeps one, and "
      "so does `pgphase stamp`.");
}

struct Looked {
  Baseline since;
  LedgerView ledger;
  Snapshot now;
};

Result<Looked> look(Session& session) {
  for (int left = k_looks;; --left) {
    PGPHASE_TRY(since, read_baseline(session));
    if (!since) return nothing_to_compare_with(session);
    PGPHASE_TRY(now, take_snapshot(session));
    PGPHASE_TRY(ledger, read_ledger(session));
    PGPHASE_TRY(newest, read_baseline(session));
    if ((newest && newest->taken_at == since->taken_at) || left == 1) {
      return Looked{std::move(*since), std::move(ledger), std::move(now)};
    }
  }
}

ExitCode drift(Program& program, DriftLength length) {
  auto& console = program.console();
  auto session = program.connect("drift");
  if (!session) return console.fail(session.error());
  auto looked = look(**session);
  if (!looked) return console.fail(looked.error());
  const auto differences = compare(looked->since.snapshot, looked->now);
  const auto exit = differences.empty() ? ExitCode::done : ExitCode::differs;
  const DriftInput input{looked->since, looked->ledger, differences, (*session)->server_version()};
  if (console.json()) {
    auto answer = drift_json(input);
    answer["exit"] = static_cast<int>(exit);
    console.object(answer);
    return exit;
  }
  auto text = drift_text(input, length);
  text.pop_back();  // say() ends the line
  console.say(text);
  return exit;
}

}  // namespace

void add_drift(Program& program) {
  auto all = std::make_shared<bool>(false);
  auto* command = program.add_command(
      "drift", "Show what changed in the database behind pgphase's back",
      "  pgphase drift\n    1 difference since constraint of 002_task_priority at 2026-03-01T12:00:00Z\n\n"
      "      index idx_tasks_user_id on tasks is missing",
      [&program, all] { return drift(program, *all ? DriftLength::all : DriftLength::a_screenful); });
  command->add_flag("--all", *all, "every difference, and not only the first 40");
}

}  // namespace pgphase
