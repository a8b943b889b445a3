// Transactions that hold locks on some rows and do nothing, as an application does that calls another service within a
// transaction. Each lets go after a while and takes other rows, so whoever waits gets through at last. Main thread
// only.
#pragma once

#include <cstdint>
#include <memory>
#include <string>

#include "tests/bench/table.hpp"

namespace pgphase::bench {

// Every hundredth row: those that the foreground leaves alone, so that what it waits for is not these transactions.
bool may_be_held(std::int64_t row);

struct IdleLocksOptions {
  int transactions = 4;
  int rows_each = 10;
  milliseconds held{2000};
  std::uint64_t seed = 0;
};

class IdleLocks {
 public:
  IdleLocks(const std::string& url, const TableShape& shape, const IdleLocksOptions& options);
  ~IdleLocks();  // lets go of everything
  IdleLocks(const IdleLocks&) = delete;
  IdleLocks& operator=(const IdleLocks&) = delete;

 private:
  struct State;
  std::unique_ptr<State> state_;
};

}  // namespace pgphase::bench
