#include "tests/bench/session.hpp"

#include <fmt/format.h>

#include <future>
#include <stdexcept>

#include "tests/support/interrupt.hpp"

namespace pgphase::bench {
namespace {

constexpr auto k_poll = milliseconds(20);
constexpr std::size_t k_shown = 200;  // of a statement that came to nothing

}  // namespace

Session::Session(const std::string& url) : client_(url) {}

Session::Rows Session::query(const std::string& sql, milliseconds limit) {
  const auto deadline = std::chrono::steady_clock::now() + limit;
  auto answer = std::async(std::launch::async, [this, &sql] { return client_.query(sql); });
  // A cancel that comes before the statement has begun does nothing, so it is sent until the statement is over.
  const auto give_up = [this, &answer] {
    do client_.cancel();
    while (answer.wait_for(k_poll) != std::future_status::ready);
  };
  while (answer.wait_for(k_poll) != std::future_status::ready) {
    try {
      testing::check_interrupted();
    } catch (...) {
      give_up();
      throw;
    }
    if (std::chrono::steady_clock::now() < deadline) continue;
    give_up();
    throw std::runtime_error(fmt::format("not done after {} s: {}", limit.count() / 1000, sql.substr(0, k_shown)));
  }
  return answer.get();
}

std::string Session::value(const std::string& sql, milliseconds limit) {
  const auto rows = query(sql, limit);
  if (rows.size() != 1 || rows[0].size() != 1) throw std::runtime_error("not one value: " + sql.substr(0, k_shown));
  return rows[0][0].value_or("");
}

std::int64_t Session::number(const std::string& sql, milliseconds limit) {
  return std::stoll(value(sql, limit));
}

void Session::exec(const std::string& sql, milliseconds limit) {
  query(sql, limit);
}

}  // namespace pgphase::bench
