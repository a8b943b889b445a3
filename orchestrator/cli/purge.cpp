// `pgphase purge`: drops for good what plans have retired, when its retention is over.
#include <fmt/format.h>
#include <unistd.h>

#include <CLI/CLI.hpp>
#include <boost/json/array.hpp>
#include <iostream>

#include "orchestrator/cli/names.hpp"
#include "orchestrator/cli/program.hpp"
#include "orchestrator/cli/purge_view.hpp"
#include "orchestrator/cli/words.hpp"
#include "phases/purge/purge.hpp"
#include "plans/base/units.hpp"

namespace pgphase {
namespace {

namespace asio = boost::asio;

struct PurgeOptions {
  std::string plan, confirm;
  bool yes = false, dry_run = false;
};

struct Seen {
  std::vector<PurgeCandidate> candidates;
  ServerTime now{};
  bool cut_off = false;  // a run before has dropped what it should, and not come to its end: this one does
};

Result<Seen> look(const Program& program, const std::optional<PlanId>& plan) {
  PGPHASE_TRY(session, program.connect("purge"));
  Seen seen;
  PGPHASE_TRY(ledger, read_ledger(*session));
  seen.now = ledger.now;
  if (ledger.exists) {
    PGPHASE_TRY(cut_off, purge_cut_off(*session));
    const bool lease_was_left = ledger.lease && !ledger.lease->live;
    seen.cut_off = cut_off.has_value() || lease_was_left;
  }
  PGPHASE_TRY(candidates, purge_candidates(*session, ledger, program.settings().retain.keep));
  seen.candidates = std::move(candidates);
  // Definitions that are kept cost nothing: only who names the plan means them.
  std::erase_if(seen.candidates, [&plan](const PurgeCandidate& one) {
    return plan ? one.plan.plan.id != *plan : !one.remains.costs_something();
  });
  return seen;
}

PurgeWishes wishes_of(const Seen& seen, std::chrono::milliseconds keep) {
  PurgeWishes wishes;
  wishes.keep = keep;
  for (const auto& one : seen.candidates) {
    if (one.verdict.kind != Verdict::Kind::may_go) continue;
    wishes.plans.push_back(one.plan.plan.id);
    for (const auto& thing : one.remains.things) wishes.agreed.insert(thing.record.id);
  }
  return wishes;
}

// Why the plan that was named cannot go.
Error refusal(const PurgeCandidate& one, std::chrono::milliseconds keep) {
  const auto& id = one.plan.plan.id.value;
  if (one.verdict.kind == Verdict::Kind::in_the_way) {
    return make_error(Errc::refused, fmt::format("{} is not purged: {}", id, one.verdict.why), "Nothing was changed.");
  }
  return make_error(
      Errc::refused,
      fmt::format("{} is not purged: what it retired is kept for {}, until {}", id, format_duration(keep),
                  words::time(one.verdict.due)),
      "Nothing was changed. Until then its rollback is possible. [retain] for in pgphase.toml says how long; "
      "--retain-for shortens it once.");
}

Result<void> ask(const PurgeOptions& options, std::size_t plans) {
  if (options.yes || plans == 0) return {};
  std::string answer;
  if (::isatty(STDIN_FILENO)) {
    std::fprintf(stderr, "Drop all of it, of %zu plan%s? It cannot be taken back. [y/N] ", plans,
                 plans == 1 ? "" : "s");
    std::getline(std::cin, answer);
    if (answer == "y" || answer == "Y" || answer == "yes") return {};
    return make_error(Errc::refused, "the purge was not agreed to", "Nothing was changed.");
  }
  return make_error(Errc::refused, "a purge has to be agreed to, and there is no terminal to ask on",
                    "Nothing was changed. --dry-run shows what would go; --yes agrees to it.");
}

boost::json::object answer(const Seen& seen, const boost::json::array& purged, ExitCode exit) {
  return {{"candidates", purge_json(seen.candidates)}, {"purged", purged}, {"exit", static_cast<int>(exit)}};
}

ExitCode carry_out(Program& program, const Seen& seen, const PurgeWishes& wishes) {
  auto& console = program.console();
  Control control;
  auto outcome = PurgeOutcome::done;
  auto result = program.under_lease(control, TakeOver::if_stale, k_after_a_crash,
                                    [&](RunContext& run) -> asio::awaitable<Result<void>> {
                                      const auto purged = co_await purge_plans(run, wishes);
                                      if (!purged) co_return purged.error();
                                      outcome = *purged;
                                      co_return Result<void>();
                                    });
  if (!result) return console.fail(result.error());
  const auto exit = outcome == PurgeOutcome::done ? ExitCode::done : ExitCode::interrupted;
  boost::json::array purged;
  if (outcome == PurgeOutcome::stopped) {
    console.say("the purge is interrupted; the same command goes on with it");
  } else {
    for (const auto& plan : wishes.plans) purged.emplace_back(plan.value);
    console.say("done. Tables have given their room back; that of columns comes back as rows are written anew");
  }
  console.object(answer(seen, purged, exit));
  return exit;
}

ExitCode purge(Program& program, const PurgeOptions& options) {
  auto& console = program.console();
  std::optional<PlanId> plan;
  if (!options.plan.empty()) plan = parse_plan_id(options.plan);
  const auto keep = program.settings().retain.keep;
  const auto seen = look(program, plan);
  if (!seen) return console.fail(seen.error());
  const auto wishes = wishes_of(*seen, keep);
  if (seen->candidates.empty()) {
    console.say(plan ? fmt::format("nothing of {} is retired", plan->value) : "nothing is retired");
  } else {
    console.say(purge_text(seen->candidates, seen->now));
    if (plan && wishes.plans.empty()) return console.fail(refusal(seen->candidates.front(), keep));
  }
  if (options.dry_run || (wishes.plans.empty() && !seen->cut_off)) {
    console.object(answer(*seen, {}, ExitCode::done));
    return ExitCode::done;
  }
  if (auto sure = program.confirm_protected(options.confirm, "pgphase purge"); !sure) return console.fail(sure.error());
  if (auto agreed = ask(options, wishes.plans.size()); !agreed) return console.fail(agreed.error());
  return carry_out(program, *seen, wishes);
}

}  // namespace

void add_purge(Program& program) {
  auto options = std::make_shared<PurgeOptions>();
  auto* command = program.add_command(
      "purge", "Drop for good what plans have retired, when its retention is over",
      "  pgphase purge --dry-run\n    what would go, how big it is, and what cannot be rolled back behind it",
      [&program, options] { return purge(program, *options); });
  command->add_option("PLAN", options->plan, "only what this plan has retired");
  command->add_flag("--dry-run", options->dry_run, "show it, and change nothing");
  command->add_flag("--yes", options->yes, "agree to it without being asked");
  command->add_option("--confirm", options->confirm, "the database's name, when it is protected");
}

}  // namespace pgphase
