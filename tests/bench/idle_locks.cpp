#include "tests/bench/idle_locks.hpp"

#include <fmt/format.h>

#include <atomic>
#include <random>
#include <thread>
#include <vector>

namespace pgphase::bench {
namespace {

using std::chrono::steady_clock;

constexpr std::int64_t k_every = 100;
constexpr auto k_nap = milliseconds(20);

}  // namespace

bool may_be_held(std::int64_t row) {
  return row % k_every == 0;
}

struct IdleLocks::State {
  struct Holder {
    testing::PgClient client;
    std::thread thread;
    std::atomic<bool> ended{false};
    explicit Holder(const std::string& url) : client(url) {}
  };

  TableShape shape;
  IdleLocksOptions options;
  std::atomic<bool> stop{false};
  std::vector<std::unique_ptr<Holder>> holders;

  std::string lock_sql(std::mt19937_64& random) const {
    std::uniform_int_distribution<std::int64_t> any(1, std::max<std::int64_t>(1, shape.rows / k_every));
    std::string keys;
    for (int i = 0; i < options.rows_each; ++i) {
      keys += (keys.empty() ? "" : ", ") + key_sql(shape.key, any(random) * k_every);
    }
    return fmt::format("SELECT FROM accounts WHERE {} IN ({}) FOR UPDATE", key_name(shape.key), keys);
  }

  void hold(Holder& holder, std::uint64_t seed) const {
    std::mt19937_64 random(seed);
    while (!stop) {
      try {
        holder.client.exec("BEGIN");
        holder.client.exec(lock_sql(random));
        const auto until = steady_clock::now() + options.held;
        while (!stop && steady_clock::now() < until) std::this_thread::sleep_for(k_nap);
        holder.client.exec("COMMIT");
      } catch (const testing::PgError&) {
        // Two holders at the same rows can be each other's deadlock, which is not what is measured.
        roll_back(holder);
      }
    }
  }

  static void roll_back(Holder& holder) {
    try {
      holder.client.exec("ROLLBACK");
    } catch (const testing::PgError&) {
      std::this_thread::sleep_for(k_nap);  // the server is gone
    }
  }
};

IdleLocks::IdleLocks(const std::string& url, const TableShape& shape, const IdleLocksOptions& options)
    : state_(std::make_unique<State>()) {
  state_->shape = shape;
  state_->options = options;
  for (int i = 0; i < options.transactions; ++i) state_->holders.push_back(std::make_unique<State::Holder>(url));
  auto seed = options.seed;
  for (const auto& holder : state_->holders) {
    holder->thread = std::thread([state = state_.get(), &holder = *holder, seed = seed++] {
      state->hold(holder, seed);
      holder.ended = true;
    });
  }
}

IdleLocks::~IdleLocks() {
  state_->stop = true;
  for (const auto& holder : state_->holders) {
    while (!holder->ended) {
      holder->client.cancel();
      std::this_thread::sleep_for(k_nap);
    }
    holder->thread.join();
  }
}

}  // namespace pgphase::bench
