// An application in the foreground, at a fixed rate: transactions come when they are due, whether or not the one before
// has been answered, as users do. What a transaction waited counts from when it was due, so a database that stands
// still is seen by everybody who comes meanwhile. Nothing is retried. Public functions: main thread only.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <random>
#include <string>
#include <vector>

#include "tests/bench/table.hpp"

namespace pgphase::bench {

// One transaction; throws testing::PgError when it fails.
using Transaction = std::function<void(testing::PgClient& client, std::mt19937_64& random)>;

// Half of them read a row by its key, half read one and write its title. Never the rows that IdleLocks holds.
Transaction application(const TableShape& shape);

// The statement of a user's probe: a page of the latest rows.
std::string probe_sql();
Transaction probe();

struct ForegroundOptions {
  double per_second = 0;  // of all clients together; each comes at random times
  int clients = 1;
  std::uint64_t seed = 0;
};

// Of the transactions that were due within a window.
struct Waits {
  std::vector<double> waited_ms;
  std::int64_t failed = 0;
  std::string first_failure;

  std::optional<double> at(double share) const;
};

class Foreground {
 public:
  Foreground(const std::string& url, const ForegroundOptions& options, const Transaction& transaction);
  ~Foreground();  // cancels what runs, and waits for it
  Foreground(const Foreground&) = delete;
  Foreground& operator=(const Foreground&) = delete;

  void begin_window();
  // Waits until whatever was due in the window has been answered; throws std::runtime_error when that takes too long.
  Waits end_window();

 private:
  struct State;
  std::unique_ptr<State> state_;
};

}  // namespace pgphase::bench
