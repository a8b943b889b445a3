#include "orchestrator/throttle/watch.hpp"

#include <fmt/format.h>

#include <boost/asio/as_tuple.hpp>
#include <boost/asio/cancellation_state.hpp>
#include <boost/asio/steady_timer.hpp>
#include <boost/asio/this_coro.hpp>
#include <boost/asio/use_awaitable.hpp>

#include "orchestrator/throttle/latency_window.hpp"
#include "orchestrator/throttle/line.hpp"
#include "phases/throttle/probe.hpp"
#include "phases/throttle/signals.hpp"

namespace pgphase {
namespace {

namespace asio = boost::asio;
using Clock = std::chrono::steady_clock;
using std::chrono::milliseconds;

constexpr milliseconds k_reconnect{1000};
constexpr milliseconds k_slack{2000};  // beyond a statement's timeout, for the way there and back
constexpr int k_most_statements = 4;   // that one signal or probe takes
// The value at rest is taken before the work begins, which waits for it: so many probes, or so long.
constexpr int k_rest_probes = 20;
constexpr milliseconds k_rest_time{300};

// A probe whose limit is seconds must be able to take longer than that.
milliseconds statement_timeout(const ThrottleLimits& limits) {
  const auto twice = milliseconds(static_cast<std::int64_t>(2 * limits[Signal::probe_p95].limit));
  return std::max(Watch::k_shortest_timeout, twice);
}

// What runs on the line's thread. Shared with it: a dialling that is left alone outlives the watch.
struct Instruments {
  explicit Instruments(const ThrottleLimits& limits) : signals(limits), probe(limits.probe) {}
  Signals signals;
  Probe probe;
};

}  // namespace

struct Watch::Impl {
  explicit Impl(WatchOptions given)
      : options(std::move(given)),
        governor(options.limits, Clock::now()),
        instruments(options.limits),
        timeout(statement_timeout(options.limits)) {}

  asio::awaitable<void> run();
  asio::awaitable<void> turn();
  asio::awaitable<bool> connect();
  asio::awaitable<void> look_at_all();
  asio::awaitable<void> measure_rest();
  asio::awaitable<void> run_probe();
  asio::awaitable<void> read(Signal signal);
  asio::awaitable<void> sleep_until(Clock::time_point when);

  template <class Work>
  auto bounded(Work work) -> asio::awaitable<std::invoke_result_t<Work&, Session&>> {
    co_return co_await line->run(std::move(work), timeout * k_most_statements + k_slack);
  }

  bool probes() const { return options.limits[Signal::probe_p95].on; }
  bool connected() const { return line && line->is_open(); }
  void see(const Reading& reading);
  void all_unreadable(const std::string& why);
  void see_p95(Clock::time_point now);

  WatchOptions options;
  Governor governor;
  Instruments instruments;
  LatencyWindow latencies;
  milliseconds timeout;
  bool stopping = false;
  bool loss_told = false;
  std::array<bool, k_signals.size()> failure_told{};
  bool rest_sought = false;
  std::string probe_failed;  // the last one, why; empty: it did not
  std::vector<Signal> due;   // the next one last
  Clock::time_point look_due, slot;
  // Only while run() runs.
  std::shared_ptr<Line> line;
  asio::steady_timer* sleep = nullptr;
};

// Ended by its own time, by stop(), or by cancellation; the loop looks which.
asio::awaitable<void> Watch::Impl::sleep_until(Clock::time_point when) {
  if (stopping) co_return;
  sleep->expires_at(when);
  co_await sleep->async_wait(asio::as_tuple(asio::use_awaitable));
}

void Watch::Impl::see(const Reading& reading) {
  governor.see(reading, Clock::now());
  bool& told = failure_told[static_cast<std::size_t>(reading.signal)];
  if (!reading.value && !told && options.warn) {
    const bool holds = options.limits[reading.signal].unreadable == WhenUnreadable::hold;
    options.warn(fmt::format("throttle: {} {}; the backfill {}", to_string(reading.signal), reading.words,
                             holds ? "waits until it can be" : "goes on without it"));
  }
  told = !reading.value;
}

// One warning for all of them.
void Watch::Impl::all_unreadable(const std::string& why) {
  const auto now = Clock::now();
  for (const Signal signal : k_signals) governor.see(unreadable(signal, why), now);
  if (!loss_told && options.warn) options.warn(fmt::format("throttle: no signal can be read, because {}", why));
  loss_told = true;
}

asio::awaitable<bool> Watch::Impl::connect() {
  line = std::make_shared<Line>(co_await asio::this_coro::executor);
  Line::Connector connector = [make = options.connector, limit = timeout]() -> Result<SessionOptions> {
    PGPHASE_TRY(wanted, make("throttle"));
    wanted.statement_timeout = limit;
    wanted.lock_timeout = limit;
    return wanted;
  };
  const auto opened = co_await line->dial(std::move(connector));
  if (opened) {
    loss_told = false;
    co_return true;
  }
  if (!stopping) all_unreadable(opened.error().message);
  co_return false;
}

// Before the first verdict lets anybody begin; after a loss of the connection it would measure the work.
asio::awaitable<void> Watch::Impl::measure_rest() {
  if (rest_sought || !probes() || options.limits[Signal::probe_p95].times_rest <= 0) co_return;
  rest_sought = true;
  auto measure = [&probe = instruments.probe](Session& session) -> Result<std::optional<double>> {
    LatencyWindow window;
    const auto begun = Clock::now();
    // The first one fills caches of the backend, which later ones find filled.
    PGPHASE_CHECK(probe.run(session));
    for (int i = 0; i < k_rest_probes && Clock::now() - begun < k_rest_time; ++i) {
      PGPHASE_TRY(took, probe.run(session));
      window.add(Clock::now(), took.count());
    }
    return window.p95(Clock::now());
  };
  const auto rest = co_await bounded(measure);
  if (rest && *rest) governor.see_at_rest(**rest);  // else the probe itself says why
}

asio::awaitable<void> Watch::Impl::run_probe() {
  auto once = [&probe = instruments.probe](Session& session) { return probe.run(session); };
  const auto took = co_await bounded(once);
  if (took) {
    probe_failed.clear();
    latencies.add(Clock::now(), took->count());
  } else {
    probe_failed = took.error().message;
  }
}

void Watch::Impl::see_p95(Clock::time_point now) {
  if (!probe_failed.empty()) {
    see(unreadable(Signal::probe_p95, probe_failed));
    return;
  }
  const auto p95 = latencies.p95(now);
  if (!p95) return;
  see({Signal::probe_p95, *p95,
       fmt::format("{} takes {} (p95)", options.limits.probe.empty() ? "the built-in probe" : "the probe",
                   in_words(Unit::milliseconds, *p95))});
}

asio::awaitable<void> Watch::Impl::read(Signal signal) {
  AtWork at_work;
  if (options.own_pids) at_work.pids = options.own_pids();
  if (options.tables) at_work.tables = options.tables();
  at_work.pids.push_back(line->pid());
  auto look = [&signals = instruments.signals, signal, at_work = std::move(at_work)](Session& session) {
    return Result<Reading>(signals.read(session, signal, at_work, Clock::now()));
  };
  const auto reading = co_await bounded(look);
  if (reading) see(*reading);
}

// At the beginning, because the work waits for the first look.
asio::awaitable<void> Watch::Impl::look_at_all() {
  co_await measure_rest();
  for (const Signal signal : instruments.signals.wanted()) {
    if (!stopping && connected()) co_await read(signal);
  }
  due.clear();
  slot = Clock::now();
  look_due = slot + k_look;
}

// A tenth of a second's work: the probe, and of the signals that are due one, so that no series of slow ones keeps the
// probe waiting.
asio::awaitable<void> Watch::Impl::turn() {
  if (!connected()) {
    if (!co_await connect()) {
      co_await sleep_until(Clock::now() + k_reconnect);
      co_return;
    }
    co_await look_at_all();
  }
  if (probes() && connected() && !stopping) co_await run_probe();
  const auto now = Clock::now();
  if (now >= look_due) {
    look_due = now + k_look;
    due = instruments.signals.wanted();
    std::reverse(due.begin(), due.end());
    if (probes()) see_p95(now);
  }
  if (!due.empty() && connected() && !stopping) {
    const Signal next = due.back();
    due.pop_back();
    co_await read(next);
  }
  if (!connected() && !stopping) all_unreadable("the connection to the server was lost");
  slot = std::max(slot + k_probe, Clock::now());
  co_await sleep_until(slot);
}

asio::awaitable<void> Watch::Impl::run() {
  asio::steady_timer timer(co_await asio::this_coro::executor);
  sleep = &timer;
  while (!stopping && (co_await asio::this_coro::cancellation_state).cancelled() == asio::cancellation_type::none) {
    std::string failed;
    try {
      co_await turn();
    } catch (const std::exception& e) {
      failed = e.what();  // a callback of the run's, or the end of the coroutine
    }
    if (failed.empty()) continue;
    if ((co_await asio::this_coro::cancellation_state).cancelled() != asio::cancellation_type::none) break;
    all_unreadable(failed);
    co_await sleep_until(Clock::now() + k_look);
  }
  sleep = nullptr;
  line.reset();
}

Watch::Watch(WatchOptions options) : impl_(std::make_unique<Impl>(std::move(options))) {}
Watch::~Watch() = default;

asio::awaitable<void> Watch::run() {
  const auto& limits = impl_->options.limits.limits;
  if (std::none_of(limits.begin(), limits.end(), [](const SignalLimit& limit) { return limit.on; })) co_return;
  co_await impl_->run();
}

void Watch::stop() {
  impl_->stopping = true;
  if (impl_->sleep) impl_->sleep->cancel();
  if (impl_->line) impl_->line->hang_up(k_grace);
}

Verdict Watch::verdict() {
  return impl_->governor.verdict(Clock::now());
}

}  // namespace pgphase
