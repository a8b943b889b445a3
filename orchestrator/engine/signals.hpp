// Runs a coroutine on an event loop of its own to its end, and counts SIGINT and SIGTERM in `control` meanwhile, for
// callers that have no event loop. Blocking; one at a time, because signals are the process's.
#pragma once

#include <boost/asio/awaitable.hpp>
#include <boost/asio/co_spawn.hpp>
#include <boost/asio/io_context.hpp>
#include <boost/asio/signal_set.hpp>
#include <csignal>
#include <exception>
#include <functional>
#include <string>

#include "orchestrator/engine/control.hpp"
#include "orchestrator/engine/reporter.hpp"

namespace pgphase {

struct SignalWords {
  std::string first, again;  // what is told at the first signal, and at each later one; empty: nothing
};

// `start(io)` makes the coroutine. An exception of it is thrown here.
template <class Value>
Result<Value> run_with_signals(
    Control& control, Reporter& reporter, const SignalWords& words,
    const std::function<boost::asio::awaitable<Result<Value>>(boost::asio::io_context&)>& start) {
  boost::asio::io_context io(1);
  boost::asio::signal_set signals(io, SIGINT, SIGTERM);
  std::function<void(const boost::system::error_code&, int)> on_signal = [&](const boost::system::error_code& gone,
                                                                             int) {
    if (gone) return;
    ++control.signals;
    const auto& said = control.signals == 1 ? words.first : words.again;
    if (!said.empty()) reporter.warn(said);
    signals.async_wait(on_signal);
  };
  signals.async_wait(on_signal);

  Result<Value> result = make_error(Errc::bug, "the run ended without a result");
  boost::asio::co_spawn(io, start(io), [&](std::exception_ptr thrown, Result<Value> ended) {
    result = std::move(ended);
    signals.cancel();
    if (thrown) std::rethrow_exception(thrown);
  });
  io.run();
  return result;
}

}  // namespace pgphase
