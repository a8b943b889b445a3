#include "orchestrator/engine/backfill_lead.hpp"

#include <fmt/format.h>

#include <boost/json.hpp>

#include "orchestrator/engine/attempts.hpp"
#include "orchestrator/engine/backfill_crew.hpp"
#include "orchestrator/engine/backfill_runner.hpp"
#include "orchestrator/engine/cadence.hpp"
#include "orchestrator/engine/speed.hpp"
#include "orchestrator/engine/timers.hpp"
#include "orchestrator/engine/watchman.hpp"

namespace pgphase {
namespace {

namespace asio = boost::asio;
using Clock = std::chrono::steady_clock;
using RowCount = std::optional<std::int64_t>;
using std::chrono::milliseconds;

constexpr milliseconds k_look{500};  // at what people have set
constexpr milliseconds k_say{1000};

// As status reads it back (phases/ledger/reading.cpp).
std::string chosen_json(const BackfillChoice& chosen, int workers) {
  boost::json::object out{{"scan", to_string(chosen.scan)},
                          {"stripes", chosen.stripes},
                          {chosen.scan == Scan::index ? "window_rows" : "window_pages", chosen.window},
                          {"hot_share", chosen.hot_share},
                          {"hot_possible", chosen.hot_possible},
                          {"workers", workers}};
  if (!chosen.horizon.empty()) out["horizon"] = chosen.horizon;
  return boost::json::serialize(out);
}

Scan scan_of(Settings::Backfill::Scan wanted) {
  switch (wanted) {
    case Settings::Backfill::Scan::physical:
      return Scan::physical;
    case Settings::Backfill::Scan::index:
      return Scan::index;
    case Settings::Backfill::Scan::automatic:
      break;
  }
  return Scan::automatic;
}

std::string slowed_by(const Verdict& verdict) {
  if (verdict.why.empty()) return "";
  return verdict.hold ? "waits: " + verdict.why
                      : fmt::format("works {:.0f} % of the time: {}", verdict.duty * 100, verdict.why);
}

}  // namespace

struct BackfillLead::Impl {
  RunContext& run;
  StepKey key;
  BackfillBody body;
  BackfillSettings settings;
  Speed speed;
  std::unique_ptr<BackfillRun> backfill = {};
  std::optional<BackfillCrew> crew = {};
  std::optional<Watchman> watchman = {};
  BackfillChoice chosen = {};
  Clock::time_point looked_at = {}, said_at = Clock::now();
  std::string told = {};  // what the ledger has of the speed
  std::string said_slowed = {};
  bool told_at_rows = false;

  bool stop() const { return run.control.reason_to_stop().has_value(); }
  Orders orders();
  asio::awaitable<Result<RowCount>> lead();
  asio::awaitable<Result<void>> look(const Verdict& verdict);
  asio::awaitable<Result<BackfillTick>> advance();
  void take_speed(const SpeedInFlight& in_flight);
  void say(const BackfillTick& tick, const Verdict& verdict);
  void say_slowed(const Verdict& verdict);
};

BackfillLead::BackfillLead(RunContext& run, StepKey key, const BackfillBody& body, std::string sets_as)
    : impl_(new Impl{run, std::move(key), body, {}, {}}) {
  impl_->settings.locks = run.limits.locks;
  impl_->settings.sets_as = std::move(sets_as);
  impl_->take_speed({});
}
BackfillLead::~BackfillLead() = default;

void BackfillLead::Impl::take_speed(const SpeedInFlight& in_flight) {
  speed = speed_of(run.limits.backfill, run.limits.throttle, body.speed, in_flight);
  settings.batch_time = speed.backfill.batch_time;
  settings.workers = speed.backfill.workers;
  settings.stripes = speed.backfill.stripes;
  settings.scan = scan_of(speed.backfill.scan);
  settings.max_bad_rows = speed.backfill.max_bad_rows;
  if (!backfill) return;
  backfill->set_speed(settings.batch_time, settings.stripes);
  backfill->set_max_bad_rows(settings.max_bad_rows);
}

Orders BackfillLead::Impl::orders() {
  return {stop(), settings.batch_time, settings.stripes, settings.max_bad_rows, watchman->verdict()};
}

asio::awaitable<Result<std::optional<std::int64_t>>> BackfillLead::fill() {
  Impl& self = *impl_;
  self.watchman.emplace(self.run, [impl = &self] {
    auto pids = impl->crew ? impl->crew->pids() : std::vector<int>();
    pids.push_back(impl->run.work.session().backend().pid);
    return pids;
  });
  self.crew.emplace(self.run, self.key, self.body, self.settings, [impl = &self] { return impl->orders(); });
  std::exception_ptr thrown;
  Result<RowCount> result = RowCount();
  try {
    result = co_await self.lead();
  } catch (...) {
    thrown = std::current_exception();  // the others must have ended first: they refer to this
  }
  co_await self.crew->leave();
  co_await self.watchman->leave();
  if (thrown) std::rethrow_exception(thrown);
  co_return result;
}

asio::awaitable<Result<void>> BackfillLead::Impl::look(const Verdict& verdict) {
  const auto now = Clock::now();
  if (now - looked_at < k_look) co_return Result<void>();
  looked_at = now;
  const auto slowed = slowed_by(verdict);
  const auto choice = backfill ? chosen_json(chosen, 1 + crew->at_work()) : std::string();
  const bool tell = choice + slowed != told && backfill;
  told = choice + slowed;
  auto ask = [&](Session& session) -> Result<SpeedInFlight> {
    if (tell) PGPHASE_CHECK(tell_speed(session, run.fence, key, choice, slowed));
    return read_speed(session, key.plan);
  };
  auto in_flight = co_await run.work.run(ask);
  if (!in_flight) co_return in_flight.error();
  take_speed(*in_flight);
  co_return Result<void>();
}

asio::awaitable<Result<BackfillTick>> BackfillLead::Impl::advance() {
  auto one = [this](Session& session) { return backfill->advance(session); };
  co_return co_await run_cancellably(run, one);
}

void BackfillLead::Impl::say_slowed(const Verdict& verdict) {
  const auto slowed = verdict.why.empty() ? ""
                      : verdict.hold      ? "the backfill waits: "
                                          : "the backfill is slowed down: ";
  if (slowed == said_slowed) return;
  // That it goes on at full speed again is told by the progress.
  said_slowed = slowed;
  if (!said_slowed.empty()) {
    run.reporter.warn(fmt::format("{}/{}: {}{}", to_string(key.phase), key.step, slowed, verdict.why));
  }
}

void BackfillLead::Impl::say(const BackfillTick& tick, const Verdict& verdict) {
  const auto now = Clock::now();
  if (now - said_at < k_say) return;
  said_at = now;
  say_slowed(verdict);
  auto line = progress_line(key, tick.progress);
  if (const auto slowed = slowed_by(verdict); !slowed.empty()) line += "; " + slowed;
  run.reporter.progress(line);
}

asio::awaitable<Result<RowCount>> BackfillLead::Impl::lead() {
  const Verdict unknown;
  auto looked = co_await look(unknown);
  if (!looked) co_return looked.error();
  auto open = [this](Session& session) { return BackfillRun::open(session, run.fence, key, body, settings); };
  auto opened = co_await run.work.run(open);
  if (!opened) co_return opened.error();
  backfill = std::move(*opened);

  Cadence cadence(run.reporter, key, run.limits.locks, run.seed);
  const std::function<bool()> stopped = [this] { return stop() || crew->failure(); };
  for (;;) {
    if (crew->failure()) co_return *crew->failure();
    if (stop()) co_return RowCount();
    const auto verdict = watchman->verdict();
    looked = co_await look(verdict);
    if (!looked) co_return looked.error();
    if (verdict.hold) {
      if (!verdict.first_look) say_slowed(verdict);
      co_await pause_unless(pause_after(milliseconds(0), verdict), stopped);
      continue;
    }
    const auto tick_begun = Clock::now();
    auto tick = co_await advance();
    if (!tick) {
      if (was_cancelled_by_us(run.control, tick.error())) co_return RowCount();
      co_return tick.error();
    }
    if (tick->kind == BackfillTick::Kind::done) co_return RowCount(tick->progress.rows_done);
    chosen = tick->chosen;
    const bool at_rows = tick->progress.stage == "scan" || tick->progress.stage == "sweep";
    // Told at once: also a short one says how it went about it.
    if (at_rows && !std::exchange(told_at_rows, true)) looked_at = {};
    watchman->watch(speed.throttle, backfill->table(), tick->progress.pages_total);
    if (at_rows) crew->want(settings.workers - 1);
    say(*tick, verdict);
    const auto took = std::chrono::duration_cast<milliseconds>(Clock::now() - tick_begun);
    const auto pause = cadence.after(*tick, took, verdict);
    if (!pause) co_return pause.error();
    co_await pause_unless(*pause, stopped);
  }
}

}  // namespace pgphase
