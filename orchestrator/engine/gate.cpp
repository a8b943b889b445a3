#include "orchestrator/engine/gate.hpp"

#include <fmt/format.h>
#include <signal.h>
#include <sys/wait.h>
#include <unistd.h>

#include "orchestrator/engine/timers.hpp"
#include "phases/gates/conditions.hpp"
#include "phases/postgres/child_process.hpp"
#include "plans/base/units.hpp"

namespace pgphase {
namespace {

namespace asio = boost::asio;
using std::chrono::milliseconds;
using Why = std::optional<std::string>;

constexpr std::chrono::seconds k_command_limit{60};

std::string joined(const std::vector<std::string>& words) {
  std::string all;
  for (const auto& word : words) all += (all.empty() ? "" : " ") + word;
  return all;
}

// A command that is ended together with whatever it started: it has a process group of its own.
asio::awaitable<Why> command_agrees(RunContext& run, const std::vector<std::string>& command) {
  ChildOptions options;
  options.argv = {"/usr/bin/env", "--"};  // looks the program up in PATH
  options.argv.insert(options.argv.end(), command.begin(), command.end());
  for (char** entry = environ; *entry; ++entry) options.environment.emplace_back(*entry);
  options.out = STDERR_FILENO;  // stdout is for our own answers
  options.err = STDERR_FILENO;
  options.death_signal = SIGTERM;
  auto child = start_child(options);
  if (!child) co_return Why("it could not be started: " + child.error().message);

  const auto until = std::chrono::steady_clock::now() + k_command_limit;
  for (;;) {
    if (auto status = wait_child(*child, milliseconds(0))) {
      if (WIFEXITED(*status) && WEXITSTATUS(*status) == 0) co_return Why();
      co_return Why(WIFEXITED(*status) ? fmt::format("exit {}: {}", WEXITSTATUS(*status), joined(command))
                                       : fmt::format("ended by signal {}: {}", WTERMSIG(*status), joined(command)));
    }
    const bool late = std::chrono::steady_clock::now() >= until;
    if (late || run.control.reason_to_stop()) {
      ::kill(-*child, SIGKILL);
      wait_child(*child, milliseconds(1000));
      co_return Why(late ? fmt::format("no answer within {} s: {}", k_command_limit.count(), joined(command))
                         : std::string("the run was asked to stop"));
    }
    co_await sleep_for(milliseconds(20));
  }
}

}  // namespace

std::vector<ShutPart> shut_by_ledger(const PlanRecord& plan, Phase phase, const std::vector<RequestRecord>& requests,
                                     ServerTime now) {
  std::vector<ShutPart> shut;
  const auto& gate = plan.plan[phase].gate;
  const auto reached = gate_reached_at(plan, phase);
  if (gate.wait) {
    if (!reached) {
      shut.push_back({"wait", "the phase before has not finished"});
    } else if (now < *reached + *gate.wait) {
      const auto left = std::chrono::ceil<std::chrono::seconds>(*reached + *gate.wait - now);
      shut.push_back({"wait", fmt::format("opens in {}", format_duration(left))});
    }
  }
  if (gate.approve && !approval_in_force(requests, plan, phase)) {
    shut.push_back({"approve", fmt::format("nobody has approved it: pgphase approve {} --phase {}", plan.plan.id.value,
                                           to_string(phase))});
  }
  return shut;
}

asio::awaitable<Result<std::vector<ShutPart>>> shut_parts(RunContext& run, const PlanRecord& plan, Phase phase,
                                                          const std::vector<RequestRecord>& requests, ServerTime now) {
  auto shut = shut_by_ledger(plan, phase, requests, now);
  const auto& gate = plan.plan[phase].gate;
  if (gate.window) {
    auto ask = [&gate](Session& session) { return window_open(session, *gate.window); };
    auto answer = co_await run.work.run(ask);
    if (!answer) co_return answer.error();
    if (*answer) shut.push_back({"window", **answer});
  }
  if (shut.empty() && !gate.check.empty()) {
    auto ask = [&gate](Session& session) { return check_holds(session, gate.check); };
    auto answer = co_await run.work.run(ask);
    if (!answer) co_return answer.error();
    if (*answer) shut.push_back({"check", **answer});
  }
  if (shut.empty() && !gate.command.empty()) {
    if (auto why = co_await command_agrees(run, gate.command)) shut.push_back({"command", *why});
  }
  co_return shut;
}

}  // namespace pgphase
