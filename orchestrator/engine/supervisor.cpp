#include "orchestrator/engine/supervisor.hpp"

#include <unistd.h>

#include <boost/asio/as_tuple.hpp>
#include <boost/asio/experimental/awaitable_operators.hpp>
#include <boost/asio/posix/stream_descriptor.hpp>
#include <boost/asio/steady_timer.hpp>
#include <boost/asio/this_coro.hpp>

#include "phases/ledger/ledger.hpp"

namespace pgphase {
namespace {

namespace asio = boost::asio;
using namespace asio::experimental::awaitable_operators;
using Clock = std::chrono::steady_clock;

constexpr std::chrono::milliseconds k_look{250};  // at the latest; a notification comes at once
constexpr std::chrono::seconds k_heartbeat{2};

asio::awaitable<void> readable(asio::posix::stream_descriptor& socket) {
  co_await socket.async_wait(asio::posix::stream_descriptor::wait_read, asio::as_tuple(asio::use_awaitable));
}

asio::awaitable<void> over(asio::steady_timer& timer) {
  co_await timer.async_wait(asio::as_tuple(asio::use_awaitable));
}

}  // namespace

asio::awaitable<void> supervise(RunContext& run) {
  // A descriptor of our own: asio closes what it is given, and the socket belongs to libpq.
  asio::posix::stream_descriptor socket(co_await asio::this_coro::executor, ::dup(run.lease.session().socket()));
  asio::steady_timer timer(co_await asio::this_coro::executor);
  run.control.wake = [&timer] { timer.cancel(); };
  auto heartbeat_due = Clock::now();
  while (!run.control.finished) {
    const bool beat = Clock::now() >= heartbeat_due;
    auto look = [beat, &fence = run.fence](Session& session) -> Result<std::vector<RequestRecord>> {
      PGPHASE_CHECK(session.notifications());
      if (beat) PGPHASE_CHECK(heartbeat(session, fence));
      return read_requests(session);
    };
    auto seen = co_await run.lease.run(look);
    if (!seen) {
      run.control.lease_error = seen.error();
    } else {
      run.control.requests = std::move(*seen);
      if (beat) heartbeat_due = Clock::now() + k_heartbeat;
    }
    const bool worth_it = run.control.step_in_flight || run.control.lease_error;
    if (worth_it && run.control.cancel_wanted() && run.work.is_open()) {
      // On the lease session's thread: asking for a cancel opens a connection and may block.
      auto cancel = [&work = run.work](Session&) -> bool {
        work.cancel();
        return true;
      };
      run.control.cancel_in_flight = true;
      co_await run.lease.run(cancel);
      run.control.cancel_in_flight = false;
    }
    if (run.control.lease_error || run.control.finished) break;
    timer.expires_after(k_look);
    co_await (readable(socket) || over(timer));
  }
  run.control.wake = nullptr;
}

}  // namespace pgphase
