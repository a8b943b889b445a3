// The last rehearsal of each plan, kept beside the project for `status`: the database itself is never written by one.
// Files in .pgphase/rehearsals/, one a plan. Blocking file access; any thread.
#pragma once

#include <filesystem>
#include <optional>
#include <string>

#include "orchestrator/rehearsal/report.hpp"
#include "plans/base/result.hpp"

namespace pgphase {

struct RehearsalRecord {
  std::string began_at;      // ISO 8601, UTC
  std::string split_sha256;  // of the plan that was rehearsed: another text was not
  bool ok = false;
  RehearsedPlan figures;     // phases, steps and waits; no checks
};

// Replaces what was kept of this plan.
Result<void> keep_rehearsal(const std::filesystem::path& project, const Rehearsal& rehearsal, const RehearsedPlan& plan);

// Nothing when there is none, or when the file is not one of ours.
std::optional<RehearsalRecord> last_rehearsal(const std::filesystem::path& project, const PlanId& plan);

}  // namespace pgphase
