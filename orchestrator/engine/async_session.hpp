// A Session on a worker thread of its own, awaited from the io_context. libpqxx blocks; a coroutine must not.
//
// Threading: `run` is called from the io_context's thread only, one call at a time; the work runs on the worker thread.
// `cancel` may be called from any thread while work is under way.
#pragma once

#include <boost/asio/async_result.hpp>
#include <boost/asio/awaitable.hpp>
#include <boost/asio/post.hpp>
#include <boost/asio/thread_pool.hpp>
#include <boost/asio/use_awaitable.hpp>
#include <exception>
#include <functional>
#include <memory>
#include <optional>
#include <type_traits>
#include <utility>

#include "phases/postgres/session.hpp"

namespace pgphase {

class AsyncSession {
 public:
  AsyncSession() : thread_(1) {}
  ~AsyncSession() { thread_.join(); }
  AsyncSession(const AsyncSession&) = delete;
  AsyncSession& operator=(const AsyncSession&) = delete;

  boost::asio::awaitable<Result<void>> open(SessionOptions options) {
    std::function<Result<SessionOptions>()> connector = [options = std::move(options)] {
      return Result<SessionOptions>(options);
    };
    co_return co_await open(std::move(connector));
  }

  // `connector` runs on the worker thread too: it may have to wait for a password.
  boost::asio::awaitable<Result<void>> open(std::function<Result<SessionOptions>()> connector) {
    auto connect = [this, connector = std::move(connector)]() -> Result<void> {
      PGPHASE_TRY(options, connector());
      auto opened = Session::open(options);
      if (!opened) return opened.error();
      session_ = std::move(*opened);
      return {};
    };
    co_return co_await on_thread(std::move(connect));
  }

  // `work(Session&)` on the worker thread. `work` must be bound to a name by the caller: GCC 12 destroys some
  // temporaries of a co_await expression twice.
  template <class Work>
  auto run(Work work) -> boost::asio::awaitable<std::invoke_result_t<Work&, Session&>> {
    auto on_session = [this, work = std::move(work)]() mutable { return work(*session_); };
    co_return co_await on_thread(std::move(on_session));
  }

  bool is_open() const { return session_ && !session_->lost(); }
  const Session& session() const { return *session_; }
  void cancel() noexcept {
    if (session_) session_->cancel();
  }

 private:
  template <class Work>
  auto on_thread(Work work) -> boost::asio::awaitable<std::invoke_result_t<Work&>> {
    using Returned = std::invoke_result_t<Work&>;
    std::optional<Returned> value;
    auto start = [this, &work, &value](auto handler) {
      auto shared = std::make_shared<decltype(handler)>(std::move(handler));
      auto back = boost::asio::get_associated_executor(*shared);
      boost::asio::post(thread_, [&work, &value, shared, back] {
        std::exception_ptr thrown;
        try {
          value.emplace(work());
        } catch (...) {
          thrown = std::current_exception();
        }
        boost::asio::post(back, [shared, thrown] { std::move (*shared)(thrown); });
      });
    };
    co_await boost::asio::async_initiate<const boost::asio::use_awaitable_t<>, void(std::exception_ptr)>(
        start, boost::asio::use_awaitable);
    co_return std::move(*value);
  }

  boost::asio::thread_pool thread_;
  std::unique_ptr<Session> session_;
};

}  // namespace pgphase
