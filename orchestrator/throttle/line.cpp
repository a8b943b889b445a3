#include "orchestrator/throttle/line.hpp"

#include <boost/asio/co_spawn.hpp>
#include <boost/asio/detached.hpp>
#include <optional>

namespace pgphase {

namespace asio = boost::asio;

asio::awaitable<Result<void>> Line::dial(Connector connector) {
  // Both outlive this coroutine: the attempt holds them.
  auto outcome = std::make_shared<std::optional<Result<void>>>();
  auto attempt = [](std::shared_ptr<Line> line, Connector make,
                    std::shared_ptr<std::optional<Result<void>>> into) -> asio::awaitable<void> {
    Result<void> opened = make_error(Errc::bug, "the connection was given up");
    try {
      opened = co_await line->session_.open(std::move(make));
    } catch (const std::exception& e) {
      opened = make_error(Errc::unreachable, e.what());
    }
    *into = std::move(opened);
    line->dialled_.cancel();
  };
  asio::co_spawn(executor_, attempt(shared_from_this(), std::move(connector), outcome), asio::detached);
  while (!*outcome && !hung_up_) {
    dialled_.expires_at(asio::steady_timer::time_point::max());
    co_await dialled_.async_wait(asio::as_tuple(asio::use_awaitable));
  }
  if (!*outcome) co_return make_error(Errc::cancelled, "the connection is not needed any more");
  if (!**outcome) co_return (*outcome)->error();
  socket_ = ::dup(session_.session().socket());
  opened_ = true;
  co_return Result<void>();
}

void Line::cut_after(std::chrono::milliseconds limit) {
  deadline_.expires_after(limit);
  auto cut = [line = weak_from_this(), call = call_](const boost::system::error_code& cancelled) {
    const auto self = line.lock();
    if (cancelled || !self || !self->in_flight_ || self->call_ != call || self->socket_ < 0) return;
    ::shutdown(self->socket_, SHUT_RDWR);
  };
  deadline_.async_wait(cut);
}

void Line::hang_up(std::chrono::milliseconds grace) {
  hung_up_ = true;
  dialled_.cancel();
  if (in_flight_) cut_after(grace);
}

}  // namespace pgphase
