// Drops under the lease what plans have retired: one transaction a table, with the pauses between attempts, and the end
// of each plan. io_context's thread only.
#pragma once

#include <boost/asio/awaitable.hpp>
#include <chrono>
#include <cstdint>
#include <set>
#include <vector>

#include "orchestrator/engine/run_context.hpp"
#include "phases/purge/verdict.hpp"

namespace pgphase {

// A plan with something retired, and whether that may go.
struct PurgeCandidate {
  PlanRecord plan;
  Remains remains;
  Verdict verdict;
};

// Latest plan first: what it retired may lie on what an earlier one did. Blocking; reads only.
Result<std::vector<PurgeCandidate>> purge_candidates(Session& session, const LedgerView& ledger,
                                                     std::chrono::milliseconds keep);

struct PurgeWishes {
  std::vector<PlanId> plans;
  std::chrono::milliseconds keep{};
  std::set<std::int64_t> agreed;  // the records that somebody has seen and agreed to: nothing else goes
};

enum class PurgeOutcome { done, stopped };
boost::asio::awaitable<Result<PurgeOutcome>> purge_plans(RunContext& run, PurgeWishes wishes);

}  // namespace pgphase
