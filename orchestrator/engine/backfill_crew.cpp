#include "orchestrator/engine/backfill_crew.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <boost/asio/co_spawn.hpp>
#include <boost/asio/detached.hpp>

#include "orchestrator/engine/timers.hpp"

namespace pgphase {
namespace {

namespace asio = boost::asio;
using Clock = std::chrono::steady_clock;

constexpr std::chrono::seconds k_try_again{2};
constexpr int k_most_losses = 10;  // of connections, in one backfill

struct Hand {
  AsyncSession session;
  bool leave = false, gone = false;
  int pid = 0;  // once it has joined
};

}  // namespace

struct BackfillCrew::State {
  RunContext& run;
  HelpOptions options;
  std::function<Orders()> orders;
  std::vector<std::shared_ptr<Hand>> hands = {};
  std::optional<Error> failure = {};
  Clock::time_point try_again = {};
  int losses = 0;
  std::uint64_t next_seed = 0;

  void ended(const Result<void>& how);
  static asio::awaitable<void> work(std::shared_ptr<State> state, std::shared_ptr<Hand> hand);
};

void BackfillCrew::State::ended(const Result<void>& how) {
  if (how || how.error().code == Errc::lease_lost) return;  // of the lease, the one that leads hears too
  if (!connection_is_gone(how.error().code)) {
    if (!failure) failure = how.error();
    return;
  }
  try_again = Clock::now() + k_try_again;
  ++losses;
  run.reporter.warn(fmt::format("{}/{}: one of the workers is gone{}: {}", to_string(options.key.phase),
                                options.key.step, losses < k_most_losses ? "" : ", and is not replaced any more",
                                how.error().message));
}

asio::awaitable<void> BackfillCrew::State::work(std::shared_ptr<State> state, std::shared_ptr<Hand> hand) {
  Result<void> how;
  try {
    auto options = state->options;
    options.seed += ++state->next_seed;
    options.joined = [hand](int pid) { hand->pid = pid; };
    std::function<Orders()> orders = [state, hand] {
      auto now = state->orders();
      now.leave = now.leave || hand->leave || state->failure.has_value();
      return now;
    };
    how = co_await help(hand->session, state->run.reporter, std::move(options), std::move(orders));
  } catch (const std::exception& e) {
    how = make_error(Errc::bug, fmt::format("an invariant does not hold: {}", e.what()), "What was committed stands.");
  }
  state->ended(how);
  hand->gone = true;
}

BackfillCrew::BackfillCrew(RunContext& run, StepKey key, const BackfillBody& body, const BackfillSettings& settings,
                           std::function<Orders()> orders)
    : state_(new State{run, {run.connector, run.fence, std::move(key), body, settings, run.seed}, std::move(orders)}) {}
BackfillCrew::~BackfillCrew() = default;

void BackfillCrew::want(int helpers) {
  auto& hands = state_->hands;
  hands.erase(std::remove_if(hands.begin(), hands.end(), [](const auto& hand) { return hand->gone; }), hands.end());
  auto staying = std::count_if(hands.begin(), hands.end(), [](const auto& hand) { return !hand->leave; });
  for (auto hand = hands.rbegin(); hand != hands.rend() && staying > helpers; ++hand) {
    if ((*hand)->leave) continue;
    (*hand)->leave = true;
    --staying;
  }
  if (state_->losses >= k_most_losses || Clock::now() < state_->try_again || state_->failure) return;
  for (; staying < helpers; ++staying) {
    auto hand = std::make_shared<Hand>();
    hands.push_back(hand);
    asio::co_spawn(state_->run.io, State::work(state_, hand), asio::detached);
  }
}

int BackfillCrew::at_work() const {
  return static_cast<int>(pids().size());
}

std::vector<int> BackfillCrew::pids() const {
  std::vector<int> out;
  for (const auto& hand : state_->hands) {
    if (!hand->gone && hand->pid != 0) out.push_back(hand->pid);
  }
  return out;
}

std::optional<Error> BackfillCrew::failure() const {
  return state_->failure;
}

asio::awaitable<void> BackfillCrew::leave() {
  for (const auto& hand : state_->hands) hand->leave = true;
  const auto all_gone = [this] {
    return std::all_of(state_->hands.begin(), state_->hands.end(), [](const auto& hand) { return hand->gone; });
  };
  while (!all_gone()) co_await sleep_for(std::chrono::milliseconds(2));
  state_->hands.clear();
}

}  // namespace pgphase
