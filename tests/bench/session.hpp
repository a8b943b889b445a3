// A connection of the bench's own, on which no wait is endless: each statement is cancelled at its deadline, and when a
// signal comes. Main thread only.
#pragma once

#include <chrono>
#include <memory>
#include <string>
#include <vector>

#include "tests/support/database.hpp"

namespace pgphase::bench {

using std::chrono::milliseconds;
using std::chrono::seconds;

constexpr auto k_look = std::chrono::seconds(60);  // for what should take a moment

class Session {
 public:
  using Rows = std::vector<testing::PgClient::Row>;

  explicit Session(const std::string& url);

  // Throws testing::PgError as the server says, std::runtime_error at the deadline, testing::Interrupted on a signal.
  Rows query(const std::string& sql, milliseconds limit = k_look);
  std::string value(const std::string& sql, milliseconds limit = k_look);
  std::int64_t number(const std::string& sql, milliseconds limit = k_look);
  void exec(const std::string& sql, milliseconds limit = k_look);

 private:
  testing::PgClient client_;
};

}  // namespace pgphase::bench
