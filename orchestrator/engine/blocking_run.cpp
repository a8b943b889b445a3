#include "orchestrator/engine/blocking_run.hpp"

#include <boost/asio/co_spawn.hpp>
#include <boost/asio/io_context.hpp>
#include <boost/asio/signal_set.hpp>
#include <csignal>

namespace pgphase {

namespace asio = boost::asio;

Result<void> run_under_lease(Control& control, Reporter& reporter, const LeaseRunOptions& options, LeaseBody body) {
  asio::io_context io(1);
  asio::signal_set signals(io, SIGINT, SIGTERM);
  std::function<void(const boost::system::error_code&, int)> on_signal = [&](const boost::system::error_code& gone,
                                                                             int) {
    if (gone) return;
    ++control.signals;
    reporter.warn(control.signals == 1 ? "stopping after what is in flight; once more cancels it"
                                       : "cancelling the statement in flight");
    signals.async_wait(on_signal);
  };
  signals.async_wait(on_signal);

  Result<void> result = make_error(Errc::bug, "the run ended without a result");
  asio::co_spawn(io, with_lease(io, control, reporter, options, std::move(body)),
                 [&](std::exception_ptr thrown, Result<void> ended) {
                   result = std::move(ended);
                   signals.cancel();
                   if (thrown) std::rethrow_exception(thrown);
                 });
  io.run();
  return result;
}

}  // namespace pgphase
