// Watches the database for a run: reads the signals every second and runs the probe ten times a second, on a connection
// of its own, and has the governor's verdict at hand whenever the work asks.
//
//   Watch watch(options);
//   auto work = …;                                            // an awaitable that calls watch.stop() at its end
//   co_await (std::move(work) && watch.run());
//   …in it, between two batches:   pause_after(batch_took, watch.verdict())
//
// Nothing in it ends or delays the run: a signal that fails is unreadable, a lost connection makes all of them so and
// is made anew, and one that does not answer is cut off. io_context's thread only.
#pragma once

#include <boost/asio/awaitable.hpp>
#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "orchestrator/throttle/governor.hpp"
#include "phases/postgres/session.hpp"

namespace pgphase {

struct WatchOptions {
  // Makes the options of the connection, at every connect; called on the watch's own thread, so that a password command
  // may take its time. Timeouts in it are replaced.
  std::function<Result<SessionOptions>(const std::string& purpose)> connector;
  ThrottleLimits limits;
  std::function<std::vector<int>()> own_pids;         // the run's backends; the watch's own is added
  std::function<std::vector<std::int64_t>()> tables;  // oids of the tables being filled
  std::function<void(const std::string&)> warn = {};  // "the signals cannot be read: …", once for each loss
};

class Watch {
 public:
  explicit Watch(WatchOptions options);
  ~Watch();
  Watch(const Watch&) = delete;
  Watch& operator=(const Watch&) = delete;

  // Until stop(), or until the coroutine is cancelled. Returns at once where no signal is on. Never throws because of
  // the database. Call it once.
  boost::asio::awaitable<void> run();

  // Ends run(), before or while it runs: a query in flight is given k_grace, then its connection is cut. A connection
  // that is still being made is left alone: it ends by its own timeout, and keeps only the io_context running.
  void stop();

  // Never blocks. Before run() it holds for up to Governor::k_first, as it does until the signals were read.
  Verdict verdict();

  static constexpr std::chrono::milliseconds k_look{1000};
  static constexpr std::chrono::milliseconds k_probe{100};
  static constexpr std::chrono::milliseconds k_grace{250};
  static constexpr std::chrono::milliseconds k_shortest_timeout{
      1000};  // of a statement; longer for a slow probe's sake

 private:
  struct Impl;
  std::unique_ptr<Impl> impl_;
};

}  // namespace pgphase
