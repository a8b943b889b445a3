#include "orchestrator/engine/timers.hpp"

#include <boost/asio/steady_timer.hpp>
#include <boost/asio/this_coro.hpp>
#include <boost/asio/use_awaitable.hpp>

namespace pgphase {

boost::asio::awaitable<void> sleep_for(std::chrono::milliseconds time) {
  boost::asio::steady_timer timer(co_await boost::asio::this_coro::executor, time);
  co_await timer.async_wait(boost::asio::use_awaitable);
}

boost::asio::awaitable<bool> sleep_unless(std::chrono::milliseconds time, const std::function<bool()>& stop) {
  constexpr std::chrono::milliseconds k_slice{50};
  const auto end = std::chrono::steady_clock::now() + time;
  while (!stop()) {
    const auto left = std::chrono::duration_cast<std::chrono::milliseconds>(end - std::chrono::steady_clock::now());
    if (left.count() <= 0) co_return false;
    co_await sleep_for(std::min(left, k_slice));
  }
  co_return true;
}

}  // namespace pgphase
