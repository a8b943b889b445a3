// Waiting without blocking. io_context's thread only.
#pragma once

#include <boost/asio/awaitable.hpp>
#include <chrono>
#include <functional>

namespace pgphase {

boost::asio::awaitable<void> sleep_for(std::chrono::milliseconds time);

// Sleeps up to `time`, and less when `stop()` turns true (looked at every 50 ms). Returns true when it was cut short.
boost::asio::awaitable<bool> sleep_unless(std::chrono::milliseconds time, const std::function<bool()>& stop);

}  // namespace pgphase
