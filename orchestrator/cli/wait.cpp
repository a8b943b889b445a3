// `pgphase wait`: returns when a phase is done, for pipelines. Reads only, and holds nothing.
#include <fmt/format.h>

#include <CLI/CLI.hpp>
#include <boost/asio/io_context.hpp>
#include <boost/asio/signal_set.hpp>
#include <boost/asio/steady_timer.hpp>
#include <csignal>

#include "orchestrator/cli/names.hpp"
#include "orchestrator/cli/program.hpp"
#include "orchestrator/cli/wait_rule.hpp"
#include "plans/base/units.hpp"

namespace pgphase {
namespace {

namespace asio = boost::asio;
using Clock = std::chrono::steady_clock;

constexpr std::chrono::milliseconds k_look{500};
constexpr std::chrono::seconds k_reconnect{60};  // how long to try after the connection was lost, at most

struct WaitOptions {
  std::string plan, phase, deadline;
};

// Pauses that a signal ends.
class Pauses {
 public:
  Pauses() {
    signals_.async_wait([this](const auto& gone, int) { signalled_ = signalled_ || !gone; });
  }
  // True when a signal came.
  bool pause(std::chrono::milliseconds time) {
    asio::steady_timer timer(io_, time);
    bool over = false;
    timer.async_wait([&over](const auto&) { over = true; });
    while (!over && !signalled_) io_.run_one();
    return signalled_;
  }

 private:
  asio::io_context io_{1};
  asio::signal_set signals_{io_, SIGINT, SIGTERM};
  bool signalled_ = false;
};

class Wait {
 public:
  Wait(Program& program, PlanId plan, Phase phase, std::optional<Clock::time_point> deadline)
      : program_(program), plan_(std::move(plan)), phase_(phase), deadline_(deadline) {}

  ExitCode run() {
    for (;;) {
      auto ledger = read();
      if (!ledger && !worth_another_try(ledger.error())) return program_.console().fail(ledger.error());
      if (ledger) {
        if (auto exit = judge(*ledger)) return *exit;
      }
      if (deadline_ && Clock::now() >= *deadline_) {
        return end(ExitCode::interrupted,
                   fmt::format("the deadline passed before {} was done{}", name(), last_state()));
      }
      auto time = k_look;
      if (deadline_) {
        const auto left = std::chrono::ceil<std::chrono::milliseconds>(*deadline_ - Clock::now());
        time = std::clamp(left, std::chrono::milliseconds(1), k_look);
      }
      if (pauses_.pause(time)) return end(ExitCode::interrupted, "stopped by a signal while waiting for " + name());
    }
  }

 private:
  Result<LedgerView> read() {
    if (!session_) {
      PGPHASE_TRY(opened, program_.connect("wait"));
      session_ = std::move(opened);
    }
    auto ledger = read_ledger(*session_);
    if (ledger) {
      connected_once_ = true;
      lost_at_.reset();
    } else if (session_->lost()) {
      session_.reset();
    }
    return ledger;
  }

  // A connection that never came up is an answer; one that was lost may come back.
  bool worth_another_try(const Error& error) {
    if (!connection_is_gone(error.code) || !connected_once_) return false;
    session_.reset();
    if (!lost_at_) {
      lost_at_ = Clock::now();
      program_.console().warn("the connection was lost; trying again: " + error.message);
    }
    return Clock::now() - *lost_at_ < k_reconnect;
  }

  std::optional<ExitCode> judge(const LedgerView& ledger) {
    if (!ledger.find(plan_) && !known_in_folder_) {
      auto plans = program_.plans();
      if (!plans) return program_.console().fail(plans.error());
      known_in_folder_ =
          std::any_of(plans->begin(), plans->end(), [this](const auto& plan) { return plan.id == plan_; });
      if (!known_in_folder_) {
        return program_.console().fail(make_error(
            Errc::refused, fmt::format("there is no plan {}, neither in the ledger nor in the folder", plan_.value),
            "`pgphase status` lists the plans that are known."));
      }
    }
    auto verdict = wait_verdict(ledger, plan_, phase_);
    state_ = verdict.state;
    if (!verdict.exit) return std::nullopt;
    return end(*verdict.exit, verdict.why);
  }

  ExitCode end(ExitCode exit, const std::string& why) {
    auto& console = program_.console();
    exit == ExitCode::done ? console.say(why) : console.warn(why);
    console.object({{"plan", plan_.value},
                    {"phase", to_string(phase_)},
                    {"state", state_.empty() ? boost::json::value(nullptr) : boost::json::value(state_)},
                    {"why", why},
                    {"exit", static_cast<int>(exit)}});
    return exit;
  }

  std::string name() const { return fmt::format("{} {}", plan_.value, to_string(phase_)); }
  std::string last_state() const { return state_.empty() ? "" : ": it is " + state_; }

  Program& program_;
  PlanId plan_;
  Phase phase_;
  std::optional<Clock::time_point> deadline_;
  std::unique_ptr<Session> session_;
  bool connected_once_ = false, known_in_folder_ = false;
  std::optional<Clock::time_point> lost_at_;
  std::string state_;
  Pauses pauses_;
};

ExitCode wait(Program& program, const WaitOptions& options) {
  auto& console = program.console();
  auto phase = parse_phase(options.phase);
  if (!phase) return console.fail(phase.error());
  std::optional<Clock::time_point> deadline;
  if (!options.deadline.empty()) {
    auto limit = parse_duration(options.deadline);
    if (!limit) return console.fail(limit.error());
    deadline = Clock::now() + *limit;
  }
  return Wait(program, parse_plan_id(options.plan), *phase, deadline).run();
}

}  // namespace

void add_wait(Program& program) {
  auto options = std::make_shared<WaitOptions>();
  auto* command =
      program.add_command("wait", "Return when a phase of a plan is done: for pipelines",
                          "  pgphase wait 002_task_priority --phase backfill --deadline 2h && deploy-new-code\n"
                          "    whoever runs the plan, and from wherever",
                          [&program, options] { return wait(program, *options); });
  command->add_option("PLAN", options->plan, "the plan")->required();
  command->add_option("--phase", options->phase, "additive, backfill or constraint")->required();
  command->add_option("--deadline", options->deadline, "give up after this time, e.g. 2h; exit 12");
}

}  // namespace pgphase
