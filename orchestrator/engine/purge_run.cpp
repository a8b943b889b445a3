#include "orchestrator/engine/purge_run.hpp"

#include <fmt/format.h>

#include <algorithm>

#include "orchestrator/engine/attempts.hpp"
#include "orchestrator/engine/plan_runner.hpp"
#include "phases/ledger/baseline.hpp"
#include "phases/ledger/ledger.hpp"
#include "phases/purge/purge.hpp"

namespace pgphase {
namespace {

namespace asio = boost::asio;

Error not_as_agreed(const PlanId& plan, const std::string& what) {
  return make_error(Errc::refused, fmt::format("the purge of {} stops: {}", plan.value, what),
                    "What was dropped before is gone; the rest is where it was. Run `pgphase purge` again to see what "
                    "would go now.");
}

// Looked at again under the lease: until then anybody could roll back or go forward.
Result<std::optional<PurgeCandidate>> candidate(Session& session, const PlanId& plan, const PurgeWishes& wishes) {
  PGPHASE_TRY(ledger, read_ledger(session));
  PGPHASE_TRY(all, purge_candidates(session, ledger, wishes.keep));
  std::erase_if(all, [&](const PurgeCandidate& one) { return one.plan.plan.id != plan; });
  if (all.empty()) return std::optional<PurgeCandidate>();
  auto& found = all.front();
  if (found.verdict.kind == Verdict::Kind::in_the_way) return not_as_agreed(plan, found.verdict.why);
  if (found.verdict.kind == Verdict::Kind::too_young)
    return not_as_agreed(plan, "something was retired again meanwhile");
  for (const auto& thing : found.remains.things) {
    if (!wishes.agreed.contains(thing.record.id)) {
      return not_as_agreed(plan, fmt::format("{} was retired meanwhile", describe(thing)));
    }
  }
  return std::optional(std::move(found));
}

asio::awaitable<Result<PurgeOutcome>> purge_one(RunContext& run, const PlanId& plan, const PurgeWishes& wishes) {
  auto look = [&](Session& session) { return candidate(session, plan, wishes); };
  const auto found = co_await run.work.run(look);
  if (!found) co_return found.error();
  if (!*found) co_return PurgeOutcome::done;
  const auto& [record, remains, verdict] = **found;
  const PurgeSite site{run.fence, run.limits.locks, remains, verdict.seals};
  const auto shares = shares_of(remains);
  for (const auto& share : shares) {
    NamedWork work;
    work.name = fmt::format("purge of {}, {}", plan.value, share.what);
    work.again = "pgphase purge " + plan.value;
    work.attempt = [&](Session& session) { return purge_share(session, site, share); };
    auto attempt = co_await with_retries(run, std::move(work));
    if (!attempt) co_return attempt.error();
    if (!*attempt) co_return PurgeOutcome::stopped;
    run.reporter.say(fmt::format("{}: dropped {}, lock held {:.1f} ms", plan.value, share.what, (*attempt)->held_ms));
  }
  if (shares.empty()) {
    auto records = [&](Session& session) { return purge_records(session, site); };
    const auto recorded = co_await write_ledger(run, "purge.records", records);
    if (!recorded) co_return recorded.error();
    run.reporter.say(fmt::format("{}: what was kept in the ledger for its rollback is deleted", plan.value));
  }
  co_return PurgeOutcome::done;
}

// The catalogue has changed where indexes and checks of several columns went along: no drift.
asio::awaitable<Result<void>> keep_what_drift_compares_with(RunContext& run) {
  auto look = [](Session& session) { return purge_cut_off(session); };
  const auto plan = co_await run.work.run(look);
  if (!plan) co_return plan.error();
  if (!*plan) co_return Result<void>();
  const auto seen = co_await see_catalogue(run);
  auto keep = [&](Session& session) {
    return keep_baseline(session, **plan, Phase::constraint, BaselineMoment::purged, seen);
  };
  co_return co_await write_ledger(run, "purge.end", keep);
}

}  // namespace

Result<std::vector<PurgeCandidate>> purge_candidates(Session& session, const LedgerView& ledger,
                                                     std::chrono::milliseconds keep) {
  std::vector<PurgeCandidate> candidates;
  if (!ledger.exists) return candidates;
  PGPHASE_TRY(all, read_remains(session));
  for (auto& remains : all) {
    const auto* record = ledger.find(remains.plan);
    if (!record) continue;
    auto verdict = verdict_on(*record, remains, ledger.now, keep);
    // Columns that a plan under way keeps in step are nothing that it has left behind.
    const bool at_work = verdict.kind == Verdict::Kind::in_the_way && remains.links_retired_with.empty() && !remains.renamed;
    if (at_work && remains.things.empty()) continue;
    candidates.push_back({*record, std::move(remains), std::move(verdict)});
  }
  std::sort(candidates.begin(), candidates.end(),
            [](const PurgeCandidate& a, const PurgeCandidate& b) { return a.plan.position > b.plan.position; });
  return candidates;
}

asio::awaitable<Result<PurgeOutcome>> purge_plans(RunContext& run, PurgeWishes wishes) {
  for (const auto& plan : wishes.plans) {
    const auto outcome = co_await purge_one(run, plan, wishes);
    if (!outcome || *outcome != PurgeOutcome::done) co_return outcome;
  }
  const auto kept = co_await keep_what_drift_compares_with(run);
  if (!kept) co_return kept.error();
  co_return PurgeOutcome::done;
}

}  // namespace pgphase
