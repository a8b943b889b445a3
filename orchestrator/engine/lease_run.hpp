// A run under the lease: connect, take the lease, supervise, work; and after a lost connection all of it again, from
// what the ledger says. io_context's thread only.
#pragma once

#include <boost/asio/awaitable.hpp>
#include <functional>

#include "orchestrator/engine/run_context.hpp"

namespace pgphase {

struct LeaseRunOptions {
  // Makes the options of a connection; called at every connect, because passwords expire. `purpose` goes into
  // application_name.
  std::function<Result<SessionOptions>(const std::string& purpose)> connector;
  std::string person;   // "ada@build-7"
  std::string command;  // "pgphase up"
  RunLimits limits;
  TakeOver take_over = TakeOver::if_stale;
  std::chrono::milliseconds lease_patience{0};  // how long to wait for another run to give the lease back
  // Called while somebody else has the lease, before each further try; on the lease session's thread. May be empty.
  std::function<Result<void>(Session&)> while_held = {};
  std::chrono::seconds reconnect_patience{60};  // how long to try after the connection was lost
};

// The patience of a command that does not wait for others: the server needs a moment to see that a killed run is gone.
inline constexpr std::chrono::milliseconds k_after_a_crash{500};

using LeaseBody = std::function<boost::asio::awaitable<Result<void>>(RunContext&)>;

// `body` is called again after a reconnect: it must go on from the ledger. Creates the ledger if there is none.
boost::asio::awaitable<Result<void>> with_lease(boost::asio::io_context& io, Control& control, Reporter& reporter,
                                                const LeaseRunOptions& options, LeaseBody body);

}  // namespace pgphase
