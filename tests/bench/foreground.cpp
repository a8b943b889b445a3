#include "tests/bench/foreground.hpp"

#include <fmt/format.h>

#include <atomic>
#include <mutex>
#include <stdexcept>
#include <thread>

#include "tests/bench/figures.hpp"
#include "tests/bench/idle_locks.hpp"
#include "tests/support/interrupt.hpp"

namespace pgphase::bench {
namespace {

using std::chrono::steady_clock;

constexpr auto k_nap = milliseconds(50);  // between two looks whether to stop
constexpr auto k_drain_limit = seconds(300);

std::int64_t some_row(const TableShape& shape, std::mt19937_64& random) {
  std::uniform_int_distribution<std::int64_t> any(1, shape.rows);
  while (true) {
    if (const auto row = any(random); !may_be_held(row)) return row;
  }
}

// One connection, which works off what is due.
class Client {
 public:
  Client(const std::string& url, double per_second, std::uint64_t seed, const Transaction& transaction)
      : client_(url), random_(seed), gap_(per_second), transaction_(transaction) {}

  void run(const std::atomic<bool>& stop) {
    auto due = steady_clock::now();
    while (!stop) {
      due += std::chrono::duration_cast<steady_clock::duration>(std::chrono::duration<double>(gap_(random_)));
      while (!stop && steady_clock::now() < due) {
        std::this_thread::sleep_until(std::min(due, steady_clock::now() + k_nap));
        note_idle_before(due);
      }
      if (!stop) serve(due);
    }
  }

  void cancel() const { client_.cancel(); }

  // All that was due before this has been answered.
  steady_clock::time_point answered() const {
    const std::lock_guard lock(mutex_);
    return answered_;
  }

  void collect(steady_clock::time_point begin, steady_clock::time_point end, Waits& into) const {
    const std::lock_guard lock(mutex_);
    for (const auto& done : done_) {
      if (done.due < begin || done.due >= end) continue;
      into.waited_ms.push_back(done.waited);
      if (!done.failure.empty() && ++into.failed == 1) into.first_failure = done.failure;
    }
  }

 private:
  struct Done {
    steady_clock::time_point due;
    double waited = 0;
    std::string failure;
  };

  void serve(steady_clock::time_point due) {
    Done done{due, 0, {}};
    try {
      transaction_(client_, random_);
    } catch (const testing::PgError& error) {
      done.failure = error.what();
      roll_back();
    }
    const auto now = steady_clock::now();
    done.waited = std::chrono::duration<double, std::milli>(now - due).count();
    const std::lock_guard lock(mutex_);
    done_.push_back(std::move(done));
    answered_ = std::max(answered_, due);
  }

  // A lost connection stays lost: every later transaction fails, and is counted.
  void roll_back() {
    try {
      client_.exec("ROLLBACK");
    } catch (const testing::PgError&) {
    }
  }

  void note_idle_before(steady_clock::time_point due) {
    const std::lock_guard lock(mutex_);
    answered_ = std::max(answered_, std::min(due, steady_clock::now()));
  }

  testing::PgClient client_;
  std::mt19937_64 random_;
  std::exponential_distribution<double> gap_;
  const Transaction& transaction_;
  mutable std::mutex mutex_;
  std::vector<Done> done_;
  steady_clock::time_point answered_ = steady_clock::now();
};

}  // namespace

Transaction application(const TableShape& shape) {
  return [shape](testing::PgClient& client, std::mt19937_64& random) {
    const auto row = some_row(shape, random);
    const auto where = fmt::format("{} = {}", key_name(shape.key), key_sql(shape.key, row));
    const auto select = fmt::format("SELECT email, title FROM accounts WHERE {}", where);
    if (random() % 2 == 0) {
      client.exec(select);
      return;
    }
    client.exec("BEGIN");
    client.exec(select);
    client.exec(fmt::format("UPDATE accounts SET title = 'title {}' WHERE {}", random(), where));
    client.exec("COMMIT");
  };
}

std::string probe_sql() {
  return "SELECT max(title) FROM (SELECT title FROM accounts ORDER BY created_at DESC LIMIT 3000) AS latest";
}

Transaction probe() {
  return [](testing::PgClient& client, std::mt19937_64& /*random*/) { client.exec(probe_sql()); };
}

std::optional<double> Waits::at(double share) const {
  return percentile(waited_ms, share);
}

struct Foreground::State {
  Transaction transaction;
  std::atomic<bool> stop{false};
  std::vector<std::unique_ptr<Client>> clients;
  std::vector<std::thread> threads;
  std::vector<std::atomic<bool>> ended;
  steady_clock::time_point begin;

  State(Transaction work, int count) : transaction(std::move(work)), ended(static_cast<std::size_t>(count)) {}
};

Foreground::Foreground(const std::string& url, const ForegroundOptions& options, const Transaction& transaction)
    : state_(std::make_unique<State>(transaction, options.clients)) {
  for (int i = 0; i < options.clients; ++i) {
    state_->clients.push_back(std::make_unique<Client>(
        url, options.per_second / options.clients, options.seed + static_cast<std::uint64_t>(i), state_->transaction));
  }
  for (std::size_t i = 0; i < state_->clients.size(); ++i) {
    state_->threads.emplace_back([state = state_.get(), i] {
      state->clients[i]->run(state->stop);
      state->ended[i] = true;
    });
  }
}

Foreground::~Foreground() {
  state_->stop = true;
  for (std::size_t i = 0; i < state_->threads.size(); ++i) {
    // What comes between two statements of a transaction is missed by a cancel.
    while (!state_->ended[i]) {
      state_->clients[i]->cancel();
      std::this_thread::sleep_for(milliseconds(20));
    }
    state_->threads[i].join();
  }
}

void Foreground::begin_window() {
  state_->begin = steady_clock::now();
}

Waits Foreground::end_window() {
  const auto end = steady_clock::now();
  Waits out;
  for (const auto& client : state_->clients) {
    while (client->answered() < end) {
      if (steady_clock::now() - end > k_drain_limit)
        throw std::runtime_error("the foreground was not answered in time");
      testing::nap(milliseconds(20));
    }
    client->collect(state_->begin, end, out);
  }
  return out;
}

}  // namespace pgphase::bench
