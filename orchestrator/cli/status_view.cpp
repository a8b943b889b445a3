#include "orchestrator/cli/status_view.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <boost/json.hpp>
#include <cmath>

#include "orchestrator/cli/purge_view.hpp"
#include "orchestrator/cli/words.hpp"
#include "orchestrator/engine/derived_state.hpp"
#include "orchestrator/engine/gate.hpp"
#include "orchestrator/engine/rollback_order.hpp"
#include "orchestrator/engine/state_machine.hpp"
#include "plans/base/units.hpp"

namespace pgphase {
namespace {

namespace json = boost::json;

std::string in_words(std::string text) {
  std::replace(text.begin(), text.end(), '_', ' ');
  return text;
}

// Plans of the folder that the ledger does not know.
std::vector<const PhasedPlan*> not_started(const StatusInput& input) {
  std::vector<const PhasedPlan*> plans;
  for (const auto& plan : input.folder) {
    if (!input.ledger.find(plan.id)) plans.push_back(&plan);
  }
  return plans;
}

bool edited_since(const StatusInput& input, const PlanRecord& record) {
  for (const auto& plan : input.folder) {
    if (plan.id == record.plan.id) return plan.split_sha256 != record.plan.split_sha256;
  }
  return false;
}

// Parts of a gate that only `up` can ask: they run the author's SQL and programs, or need the server's time zones.
std::vector<std::string> asked_by_up(const Gate& gate) {
  std::vector<std::string> kinds;
  if (gate.window) kinds.emplace_back("window");
  if (!gate.check.empty()) kinds.emplace_back("check");
  if (!gate.command.empty()) kinds.emplace_back("command");
  return kinds;
}

// --- text ------------------------------------------------------------------------------------------------------------

std::string progress_words(const BackfillProgress& progress) {
  std::string line = human_count(progress.rows_done);
  if (progress.rows_total && *progress.rows_total != progress.rows_done) {
    line += fmt::format(" of about {}", human_count(*progress.rows_total));
  }
  line += " rows";
  if (progress.share && *progress.share < 1)
    line += fmt::format(", {:.0f} % of the table", std::floor(*progress.share * 100));
  if (progress.rows_per_second.value_or(0) > 0) {
    line += fmt::format(", {} rows/s", human_count(std::llround(*progress.rows_per_second)));
  }
  if (progress.bad_rows > 0) {
    line += fmt::format(", {} {} be set", human_count(progress.bad_rows), progress.bad_rows == 1 ? "row that cannot" : "rows that cannot");
  }
  if (progress.eta_seconds.value_or(0) > 0) {
    line += fmt::format(", about {} left", words::duration(std::chrono::seconds(std::llround(*progress.eta_seconds))));
  }
  return line;
}

// How the run goes about it, and what slows it down: a line each.
std::string at_work_words(const BackfillProgress& progress) {
  std::string out;
  if (!progress.chosen.empty()) {
    const auto parsed = json::parse(progress.chosen);
    const auto& chosen = parsed.as_object();
    const auto number = [&](const char* key) { return chosen.at(key).to_number<std::int64_t>(); };
    const auto workers = number("workers");
    const auto stripes = number("stripes");
    out += fmt::format("    {} worker{}, ", workers, workers == 1 ? "" : "s");
    if (chosen.contains("window_rows")) {
      out += fmt::format("rows found by an index, {} at a time", number("window_rows"));
    } else {
      out += fmt::format("pages walked {}, {} at a time",
                         stripes == 1 ? std::string("once") : fmt::format("in {} stripes", stripes), number("window_pages"));
    }
    out += chosen.at("hot_possible").as_bool()
               ? fmt::format("; {:.0f} % HOT updates\n", 100 * chosen.at("hot_share").to_number<double>())
               : std::string("; no HOT updates, because a set column is in an index\n");
    if (chosen.contains("horizon")) {
      out += fmt::format("    dead rows stay: {}\n", std::string(chosen.at("horizon").as_string()));
    }
  }
  if (!progress.slowed_by.empty()) out += fmt::format("    {}\n", progress.slowed_by);
  return out;
}

void add_step_troubles(std::string& out, const PhaseRecord& phase) {
  for (const auto& step : phase.steps) {
    const bool failed = step.state == StepState::failed || step.state == StepState::undo_failed;
    if (failed || !step.error.empty()) {
      out += fmt::format("    {}  {}{}\n", step.name,
                         failed ? "failed: " : "failed before: ", words::indented(step.error, 6));
    }
    // Where the attempts were used up, the error names who was in the way.
    if (!step.blockers.empty() && step.error.find(step.blockers) == std::string::npos) {
      out += fmt::format("    {}  {} attempts did not get its locks: {}\n", step.name, step.attempts,
                         words::indented(step.blockers, 6));
    }
    if (step.state == StepState::skipped && !step.reason.empty()) {
      out += fmt::format("    {}  skipped: {}\n", step.name, step.reason);
    }
  }
}

void add_phase(std::string& out, const PlanRecord& plan, Phase phase, const LedgerView& ledger) {
  const auto& steps = plan.plan[phase].steps;
  if (steps.empty()) return;
  const auto status = status_of(plan, phase, ledger);
  const auto& record = plan[phase];
  std::vector<std::string> remarks;
  std::string at_work;
  if (status != PhaseStatus::done && !leaves_no_trace(record)) {
    const bool on_the_way_back = record.state == PhaseState::rolling_back;
    const auto count = std::count_if(record.steps.begin(), record.steps.end(), [&](const StepRecord& step) {
      if (step.state == StepState::skipped) return true;
      return on_the_way_back ? has_effect(step) : step.state == StepState::done;
    });
    remarks.push_back(fmt::format("{} of {} steps {}", count, steps.size(), on_the_way_back ? "stand" : "done"));
  }
  if (phase == Phase::backfill) {
    if (const auto progress = progress_of(plan, ledger)) {
      remarks.push_back(progress_words(*progress));
      at_work = at_work_words(*progress);
    }
  }
  out += fmt::format("  {:<11} {:<12} {}", to_string(phase), in_words(to_string(status)), words::joined(remarks, "; "));
  out.erase(out.find_last_not_of(' ') + 1);
  out += '\n' + at_work;
  if (status == PhaseStatus::waiting) {
    const auto shut = shut_by_ledger(plan, phase, ledger.requests, ledger.now);
    for (const auto& part : shut) out += fmt::format("    {}: {}\n", part.kind, part.why);
    for (const auto& kind : asked_by_up(plan.plan[phase].gate))
      out += fmt::format("    {}: asked when `pgphase up` runs\n", kind);
    if (shut.empty()) out += "    open as far as the ledger can tell\n";
  }
  add_step_troubles(out, record);
}

void add_card(std::string& out, const IncidentCard& card) {
  out += fmt::format("  now      {}\n", words::indented(card.now, 11));
  out += fmt::format("  go on    {}\n", words::joined(card.go_on, "\n           "));
  if (!card.go_back.empty()) out += fmt::format("  go back  {}\n", card.go_back);
  const std::string_view label = card.go_back.empty() ? "  go back  " : "           keeps ";
  out += fmt::format("{}{}\n", label, words::joined(card.keeps, "; "));
  if (!card.rehearsed.empty()) out += fmt::format("  rehearsed {}\n", card.rehearsed);
}

std::vector<std::string> phases_with_steps(const PhasedPlan& plan) {
  std::vector<std::string> names;
  for (const auto phase : k_phases) {
    if (!plan[phase].steps.empty()) names.emplace_back(to_string(phase));
  }
  return names;
}

std::string plan_line(const std::string& id, std::size_t width, const std::string& state, const std::string& rest) {
  auto line = fmt::format("{:<{}}  {:<12} {}", id, width, state, rest);
  line.erase(line.find_last_not_of(' ') + 1);
  return line + "\n";
}

void add_plan(std::string& out, const StatusInput& input, const PlanRecord& plan, std::size_t width) {
  const auto status = status_of(plan, input.ledger);
  std::string rest;
  if (status == PlanStatus::done) {
    rest = fmt::format("{}{}", words::time(*plan.finished_at),
                       plan.stamped ? ", stamped: recorded without running it" : "");
  }
  out += plan_line(plan.plan.id.value, width, in_words(to_string(status)), rest);
  if (edited_since(input, plan)) {
    out += "  its file was edited after it started; the ledger's text counts (`pgphase explain` shows it)\n";
  }
  if (status == PlanStatus::done) return;
  for (const auto phase : k_phases) add_phase(out, plan, phase, input.ledger);
  if (const auto card = incident_card(plan, input.ledger, input.rehearsals)) add_card(out, *card);
}

std::string pause_line(const RequestRecord& pause, ServerTime now) {
  const auto since = std::chrono::duration_cast<std::chrono::seconds>(now - pause.requested_at);
  return fmt::format("{} paused by {} {} ago{}{}; lift it: pgphase resume{}\n",
                     pause.plan ? pause.plan->value + " is" : "every plan is", pause.by,
                     words::duration(std::max(since, std::chrono::seconds(0))), pause.reason.empty() ? "" : ": ",
                     pause.reason, pause.plan ? " " + pause.plan->value : "");
}

std::string lease_line(const LeaseHolder& lease) {
  if (lease.live) {
    return fmt::format("at work: {} since {}, heartbeat {:.0f} s ago\n", lease.owner, lease.acquired_at,
                       lease.heartbeat_age);
  }
  return fmt::format("{} ended without giving the lease back; the next run takes it over\n", lease.owner);
}

// --- JSON ------------------------------------------------------------------------------------------------------------

json::value maybe(const std::optional<double>& number) {
  return number ? json::value(*number) : json::value(nullptr);
}

json::value maybe(const std::optional<ServerTime>& at) {
  return at ? json::value(words::time(*at)) : json::value(nullptr);
}

json::array strings(const std::vector<std::string>& items) {
  return json::array(items.begin(), items.end());
}

json::object progress_json(const BackfillProgress& progress) {
  const auto eta = progress.eta_seconds ? json::value(std::llround(*progress.eta_seconds)) : json::value(nullptr);
  return {{"rows_done", progress.rows_done},
          {"bad_rows", progress.bad_rows},
          {"rows_total", progress.rows_total ? json::value(*progress.rows_total) : json::value(nullptr)},
          {"rows_per_second", maybe(progress.rows_per_second)},
          {"eta_seconds", eta},
          {"throttled_by", progress.slowed_by.empty() ? json::value(nullptr) : json::value(progress.slowed_by)},
          {"chosen", progress.chosen.empty() ? json::value(nullptr) : json::parse(progress.chosen)},
          {"share", maybe(progress.share)}};
}

json::object step_json(const StepRecord& step) {
  json::object out{{"name", step.name}, {"state", to_string(step.state)}};
  if (!step.error.empty()) out["error"] = step.error;
  if (!step.blockers.empty()) out["blockers"] = step.blockers;
  if (step.attempts > 0) out["failed_attempts"] = step.attempts;
  if (step.rows > 0) out["rows"] = step.rows;
  if (step.lock_ms > 0) out["lock_ms"] = step.lock_ms;
  if (!step.reason.empty()) out["reason"] = step.reason;
  return out;
}

json::object phase_json(const PlanRecord& plan, Phase phase, const LedgerView& ledger) {
  const auto status = status_of(plan, phase, ledger);
  const auto& record = plan[phase];
  json::array steps;
  for (const auto& step : record.steps) steps.push_back(step_json(step));
  json::object out{{"name", to_string(phase)}, {"state", to_string(status)}, {"steps", std::move(steps)}};
  if (phase == Phase::backfill) {
    if (const auto progress = progress_of(plan, ledger)) out["progress"] = progress_json(*progress);
  }
  if (status == PhaseStatus::waiting) {
    json::array kinds;
    json::object why;
    for (const auto& part : shut_by_ledger(plan, phase, ledger.requests, ledger.now)) {
      kinds.emplace_back(part.kind);
      why[part.kind] = part.why;
    }
    out["gate"] = std::move(kinds);
    out["gate_why"] = std::move(why);
    out["gate_asked_by_up"] = strings(asked_by_up(plan.plan[phase].gate));
  }
  out["started_at"] = maybe(record.started_at);
  out["finished_at"] = maybe(record.finished_at);
  if (record.state == PhaseState::done) out["wal_bytes"] = record.wal_bytes;
  return out;
}

json::object plan_json(const StatusInput& input, const PlanRecord& plan) {
  json::array phases;
  for (const auto phase : k_phases) phases.push_back(phase_json(plan, phase, input.ledger));
  json::object out{{"id", plan.plan.id.value},
                   {"state", to_string(status_of(plan, input.ledger))},
                   {"phases", std::move(phases)},
                   {"started_at", maybe(plan.started_at)},
                   {"finished_at", maybe(plan.finished_at)},
                   {"stamped", plan.stamped},
                   {"edited", edited_since(input, plan)},
                   {"hold", nullptr}};
  if (plan.held) out["hold"] = json::object{{"by", plan.hold_by}, {"reason", plan.hold_reason}};
  if (const auto card = incident_card(plan, input.ledger, input.rehearsals)) {
    out["next"] =
        json::object{{"now", card->now},
                     {"go_on", strings(card->go_on)},
                     {"go_back", card->go_back.empty() ? json::value(nullptr) : json::value(card->go_back)},
                     {"keeps", strings(card->keeps)},
                     {"rehearsed", card->rehearsed.empty() ? json::value(nullptr) : json::value(card->rehearsed)}};
  }
  return out;
}

json::object pending_json(const PhasedPlan& plan) {
  json::array phases;
  for (const auto phase : k_phases) {
    json::array steps;
    for (const auto& step : plan[phase].steps) steps.push_back(json::object{{"name", step.name}, {"state", "pending"}});
    phases.push_back(json::object{{"name", to_string(phase)}, {"state", "pending"}, {"steps", std::move(steps)}});
  }
  return {{"id", plan.id.value}, {"state", to_string(PlanStatus::pending)}, {"phases", std::move(phases)}};
}

json::value lease_json(const std::optional<LeaseHolder>& lease) {
  if (!lease) return nullptr;
  return json::object{{"owner", lease->owner},
                      {"by_role", lease->by_role},
                      {"acquired_at", lease->acquired_at},
                      {"heartbeat_age_seconds", lease->heartbeat_age},
                      {"live", lease->live}};
}

void add_retired(std::string& out, const std::vector<PurgeCandidate>& retired) {
  if (!retired.empty()) out += "retired, and brought back by a rollback, or by going forward again:\n";
  for (const auto& one : retired) {
    const auto& id = one.plan.plan.id.value;
    std::string when = one.verdict.why;
    if (when.empty()) when = fmt::format("kept until {}, then: pgphase purge {}", words::time(one.verdict.due), id);
    out += fmt::format("  {}: {}\n", id, when);
    for (const auto& line : remains_lines(one.remains)) out += "    " + line + "\n";
  }
}

void add_retired(json::array& out, const PurgeCandidate& one) {
  for (const auto& thing : one.remains.things) {
    const auto& record = thing.record;
    out.push_back(json::object{{"plan", record.key.plan.value},
                               {"phase", to_string(record.key.phase)},
                               {"step", record.key.step},
                               {"kind", record.kind},
                               {"schema", record.table.schema},
                               {"table", record.table.name},
                               {"object", record.object},
                               {"hidden_as", record.hidden_as},
                               {"bytes", thing.bytes},
                               {"retired_at", words::time(record.retired_at)},
                               {"kept_until", words::time(one.verdict.due)}});
  }
}

}  // namespace

std::string status_text(const StatusInput& input) {
  const auto& ledger = input.ledger;
  std::string out =
      fmt::format("database: {}{}\n", input.target, ledger.exists ? "" : ", without a ledger: nothing has run");
  if (ledger.lease) out += lease_line(*ledger.lease);
  for (const auto& request : ledger.requests) {
    if (request.kind == RequestKind::pause) out += pause_line(request, ledger.now);
  }
  const auto pending = not_started(input);
  std::size_t width = 0;
  for (const auto& plan : ledger.plans) width = std::max(width, plan.plan.id.value.size());
  for (const auto* plan : pending) width = std::max(width, plan->id.value.size());
  for (const auto& plan : ledger.plans) add_plan(out, input, plan, width);
  for (const auto* plan : pending) {
    out += plan_line(plan->id.value, width, "pending", words::joined(phases_with_steps(*plan), ", "));
  }
  if (ledger.plans.empty() && pending.empty()) out += "no plans\n";
  add_retired(out, input.retired);
  return out;
}

json::object status_json(const StatusInput& input) {
  json::array plans, retired, pauses;
  for (const auto& plan : input.ledger.plans) plans.push_back(plan_json(input, plan));
  for (const auto* plan : not_started(input)) plans.push_back(pending_json(*plan));
  for (const auto& one : input.retired) add_retired(retired, one);
  for (const auto& request : input.ledger.requests) {
    if (request.kind != RequestKind::pause) continue;
    pauses.push_back(json::object{{"plan", request.plan ? json::value(request.plan->value) : json::value(nullptr)},
                                  {"by", request.by},
                                  {"reason", request.reason},
                                  {"now", request.cancel_now},
                                  {"requested_at", words::time(request.requested_at)}});
  }
  return {{"plans", std::move(plans)},     {"database", input.target},
          {"ledger", input.ledger.exists}, {"lease", lease_json(input.ledger.lease)},
          {"pauses", std::move(pauses)},   {"retired", std::move(retired)}};
}

}  // namespace pgphase
