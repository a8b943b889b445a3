// One connection that nobody has to wait for: each call on it has a deadline, after which the connection is cut, and a
// connection that is still being made can be left alone. For what runs beside the work and must not hold it up.
//
// How a call that blocks in libpq is ended: its socket is shut down, and libpq returns with an error. The descriptor
// that is shut down is a duplicate of our own, so a number that was closed and given to something else is never hit.
//
// io_context's thread only. Held by a shared_ptr.
#pragma once

#include <sys/socket.h>
#include <unistd.h>

#include <boost/asio/as_tuple.hpp>
#include <boost/asio/awaitable.hpp>
#include <boost/asio/steady_timer.hpp>
#include <boost/asio/use_awaitable.hpp>
#include <functional>
#include <memory>

#include "orchestrator/engine/async_session.hpp"

namespace pgphase {

class Line : public std::enable_shared_from_this<Line> {
 public:
  using Connector = std::function<Result<SessionOptions>()>;

  explicit Line(boost::asio::any_io_executor executor) : executor_(executor), dialled_(executor), deadline_(executor) {}
  ~Line() {
    if (socket_ >= 0) ::close(socket_);
  }
  Line(const Line&) = delete;
  Line& operator=(const Line&) = delete;

  // Connects; `connector` runs on the line's thread. After hang_up() it returns at once, with an error, and the attempt
  // goes on by itself until it fails or is through: the io_context runs as long.
  boost::asio::awaitable<Result<void>> dial(Connector connector);

  // `work(Session&)` on the line's thread; the connection is cut when it is not through after `limit`. Like
  // AsyncSession::run, one at a time, and `work` is bound to a name by the caller.
  template <class Work>
  auto run(Work work, std::chrono::milliseconds limit)
      -> boost::asio::awaitable<std::invoke_result_t<Work&, Session&>> {
    in_flight_ = true;
    cut_after(limit);
    auto result = co_await session_.run(std::move(work));
    in_flight_ = false;
    ++call_;
    deadline_.cancel();
    co_return result;
  }

  // What is in flight is cut after `grace`. Nothing new may be begun.
  void hang_up(std::chrono::milliseconds grace);

  bool is_open() const { return opened_ && session_.is_open(); }
  int pid() const { return session_.session().backend().pid; }

 private:
  void cut_after(std::chrono::milliseconds limit);

  boost::asio::any_io_executor executor_;
  AsyncSession session_;
  boost::asio::steady_timer dialled_, deadline_;
  int socket_ = -1;
  bool opened_ = false;
  bool hung_up_ = false;
  bool in_flight_ = false;
  std::uint64_t call_ = 0;  // a deadline that comes late is another call's
};

}  // namespace pgphase
