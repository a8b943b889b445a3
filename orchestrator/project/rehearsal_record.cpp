#include "orchestrator/project/rehearsal_record.hpp"

#include <fmt/format.h>

#include <boost/json/parse.hpp>
#include <boost/json/serialize.hpp>
#include <fstream>
#include <iterator>

namespace pgphase {
namespace {

namespace fs = std::filesystem;
namespace json = boost::json;

fs::path file_of(const fs::path& project, const PlanId& plan) {
  return project / ".pgphase" / "rehearsals" / (plan.value + ".json");
}

Phase phase_named(std::string_view name) {
  for (const Phase phase : k_phases) {
    if (name == to_string(phase)) return phase;
  }
  return Phase::additive;
}

std::string text(const json::object& in, std::string_view key) { return std::string(in.at(key).as_string()); }

}  // namespace

Result<void> keep_rehearsal(const fs::path& project, const Rehearsal& rehearsal, const RehearsedPlan& plan) {
  const auto file = file_of(project, plan.plan);
  std::error_code problem;
  fs::create_directories(file.parent_path(), problem);
  Rehearsal alone = rehearsal;
  alone.plans = {plan};
  // Whole or not at all: `status` may read at this moment.
  const auto draft = fs::path(file.string() + ".new");
  std::ofstream out(draft, std::ios::binary);
  out << json::serialize(as_json(alone)) << "\n";
  out.close();
  if (out) fs::rename(draft, file, problem);
  if (out && !problem) return {};
  return make_error(Errc::refused, fmt::format("what was measured cannot be kept in {}", file.string()),
                    "`pgphase status` will not show it.");
}

std::optional<RehearsalRecord> last_rehearsal(const fs::path& project, const PlanId& plan) {
  std::ifstream in(file_of(project, plan), std::ios::binary);
  if (!in) return std::nullopt;
  const std::string content{std::istreambuf_iterator<char>(in), {}};
  try {
    const auto whole = json::parse(content).as_object();
    const auto& one = whole.at("plans").as_array().at(0).as_object();
    RehearsalRecord record{text(whole, "began_at"), text(one, "split_sha256"), one.at("ok").as_bool(), {}};
    record.figures.plan = plan;
    for (const auto& entry : one.at("phases").as_array()) {
      const auto& phase = entry.as_object();
      record.figures.phases.push_back({phase_named(text(phase, "name")), phase.at("forward_seconds").to_number<double>(),
                                       phase.at("back_seconds").to_number<double>(),
                                       phase.at("again_seconds").to_number<double>(),
                                       phase.at("wal_bytes").to_number<std::int64_t>()});
    }
    for (const auto& entry : one.at("steps").as_array()) {
      const auto& step = entry.as_object();
      record.figures.steps.push_back({phase_named(text(step, "phase")), text(step, "name"),
                                      step.at("lock_ms").to_number<double>(), step.at("rows").to_number<std::int64_t>()});
    }
    if (const auto* wait = one.if_contains("longest_wait_ms")) record.figures.longest_wait_ms = wait->to_number<double>();
    return record;
  } catch (const std::exception&) {
    return std::nullopt;
  }
}

}  // namespace pgphase
