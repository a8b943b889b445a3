// Keeps the lease alive and listens: heartbeat, people's requests, and the cancelling of a statement when somebody asks
// for it. Runs beside the work until control.finished. io_context's thread only.
#pragma once

#include <boost/asio/awaitable.hpp>

#include "orchestrator/engine/run_context.hpp"

namespace pgphase {

// Ends when control.finished is set, or after it has set control.lease_error and cancelled the work in flight.
boost::asio::awaitable<void> supervise(RunContext& run);

}  // namespace pgphase
