#include "orchestrator/engine/blocking_run.hpp"

#include "orchestrator/engine/signals.hpp"

namespace pgphase {

Result<void> run_under_lease(Control& control, Reporter& reporter, const LeaseRunOptions& options, LeaseBody body) {
  const SignalWords words{"stopping after what is in flight; once more cancels it",
                          "cancelling the statement in flight"};
  return run_with_signals<void>(control, reporter, words, [&](boost::asio::io_context& io) {
    return with_lease(io, control, reporter, options, std::move(body));
  });
}

}  // namespace pgphase
