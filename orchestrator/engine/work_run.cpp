#include "orchestrator/engine/work_run.hpp"

#include <fmt/format.h>

#include <random>
#include <utility>

#include "orchestrator/engine/backfill_crew.hpp"
#include "orchestrator/engine/signals.hpp"
#include "orchestrator/engine/speed.hpp"
#include "orchestrator/engine/timers.hpp"
#include "orchestrator/engine/watchman.hpp"
#include "phases/ledger/ledger.hpp"

namespace pgphase {
namespace {

namespace asio = boost::asio;
using Clock = std::chrono::steady_clock;
using std::chrono::milliseconds;

constexpr milliseconds k_look{500};

// What there is to help with.
struct Job {
  std::int64_t token = 0;
  StepKey key;
  BackfillBody body;
  std::int64_t table = 0, pages = 0;
  SpeedInFlight in_flight;
};

struct Seen {
  bool known = false, phase_done = false;
  std::optional<Job> job = {};
};

// The step whose rows are being set at this moment, under a lease that somebody holds.
Result<Seen> look(Session& session, const PlanId& plan) {
  Seen seen;
  PGPHASE_TRY(ledger, read_ledger(session));
  const auto* record = ledger.find(plan);
  if (!record) return seen;
  seen.known = true;
  const auto& phase = (*record)[Phase::backfill];
  seen.phase_done = phase.state == PhaseState::done;
  if (seen.phase_done || phase.state != PhaseState::running || !ledger.lease || !ledger.lease->live) return seen;
  for (const auto& at : record->backfills) {
    if (at.stage != "scan" && at.stage != "sweep") continue;
    for (const auto& step : record->plan[Phase::backfill].steps) {
      const auto* body = std::get_if<BackfillBody>(&step.body);
      if (!body || step.name != at.step) continue;
      PGPHASE_TRY(in_flight, read_speed(session, plan));
      PGPHASE_TRY(table, session.query("SELECT coalesce(to_regclass(format('%I.%I', $1::text, $2::text))::oid, 0)",
                                       {body->table.schema, body->table.name}));
      seen.job = Job{ledger.lease->token,
                     {plan, Phase::backfill, step.name},
                     *body,
                     table[0].integer(0),
                     at.pages_total,
                     in_flight};
    }
  }
  return seen;
}

class Work {
 public:
  Work(asio::io_context& io, Control& control, Reporter& reporter, const WorkOptions& options)
      : options_(options), run_{io, control, reporter, options.limits, options.connector, std::random_device{}(),
                                {}, {},      {}} {}

  asio::awaitable<Result<WorkEnd>> to_the_end() {
    auto last_seen = Clock::now();
    for (;;) {
      if (run_.control.signals > 0) co_return WorkEnd::interrupted;
      auto seen = co_await see();
      if (!seen) co_return seen.error();
      if (seen->phase_done) co_return WorkEnd::done;
      if (seen->job) {
        auto helped = co_await help_with(*seen->job);
        if (!helped) co_return helped.error();
        last_seen = Clock::now();
        continue;
      }
      if (Clock::now() - last_seen >= options_.patience) co_return WorkEnd::nobody;
      co_await pause_unless(k_look, [this] { return run_.control.signals > 0; });
    }
  }

 private:
  // Connects, again where the connection was lost: until there is another one nobody runs it, as far as is known here,
  // and the patience for that is not endless.
  asio::awaitable<Result<Seen>> see() {
    auto seen = co_await look_once();
    if (!seen && connected_once_ && connection_is_gone(seen.error().code)) {
      if (!std::exchange(told_of_loss_, true)) run_.reporter.warn(seen.error().message + "; connecting again");
      co_return Seen{.known = true};
    }
    if (!seen) co_return seen.error();
    connected_once_ = true;
    told_of_loss_ = false;
    if (!seen->known) {
      co_return make_error(Errc::refused, fmt::format("the ledger does not know a plan {}", options_.plan.value),
                           "Nothing was changed. This helps a run: start `pgphase up` first.");
    }
    co_return seen;
  }

  asio::awaitable<Result<Seen>> look_once() {
    if (!run_.work.is_open()) {
      auto connect = [this] { return options_.connector("work"); };
      std::function<Result<SessionOptions>()> connector = connect;
      auto opened = co_await run_.work.open(std::move(connector));
      if (!opened) co_return opened.error();
    }
    auto look_at = [this](Session& session) { return look(session, options_.plan); };
    co_return co_await run_.work.run(look_at);
  }

  void take_speed(const Job& job) {
    speed_ = speed_of(options_.limits.backfill, options_.limits.throttle, job.body.speed, job.in_flight);
  }

  // Until the job is another one, or over.
  asio::awaitable<Result<void>> help_with(Job job) {
    run_.fence = {job.token, ""};
    take_speed(job);
    BackfillSettings settings;
    settings.batch_time = speed_.backfill.batch_time;
    settings.locks = options_.limits.locks;
    settings.stripes = speed_.backfill.stripes;
    settings.max_bad_rows = speed_.backfill.max_bad_rows;
    leave_ = false;
    BackfillCrew* crew_at_work = nullptr;
    Watchman watchman(run_, [&crew_at_work] { return crew_at_work ? crew_at_work->pids() : std::vector<int>(); });
    BackfillCrew crew(run_, job.key, job.body, settings, [this, &watchman] {
      return Orders{leave_ || run_.control.signals > 0, speed_.backfill.batch_time, speed_.backfill.stripes,
                    speed_.backfill.max_bad_rows, watchman.verdict()};
    });
    crew_at_work = &crew;
    run_.reporter.say(fmt::format("helping with {}/{}", to_string(job.key.phase), job.key.step));
    Result<void> result;
    std::exception_ptr thrown;
    try {
      result = co_await fill(job, crew, watchman);
    } catch (...) {
      thrown = std::current_exception();
    }
    leave_ = true;
    co_await crew.leave();
    co_await watchman.leave();
    if (thrown) std::rethrow_exception(thrown);
    co_return result;
  }

  asio::awaitable<Result<void>> fill(const Job& job, BackfillCrew& crew, Watchman& watchman) {
    for (;;) {
      if (run_.control.signals > 0) co_return Result<void>();
      if (crew.failure()) co_return *crew.failure();
      watchman.watch(speed_.throttle, job.table, job.pages);
      crew.want(options_.limits.backfill.workers);
      co_await pause_unless(k_look, [this] { return run_.control.signals > 0; });
      auto seen = co_await see();
      if (!seen) co_return seen.error();
      if (!seen->job || seen->job->token != job.token || seen->job->key.step != job.key.step) co_return Result<void>();
      take_speed(*seen->job);
    }
  }

  WorkOptions options_;
  RunContext run_;
  Speed speed_;
  bool leave_ = false, connected_once_ = false, told_of_loss_ = false;
};

}  // namespace

asio::awaitable<Result<WorkEnd>> work_on_backfill(asio::io_context& io, Control& control, Reporter& reporter,
                                                  const WorkOptions& options) {
  Work work(io, control, reporter, options);
  co_return co_await work.to_the_end();
}

Result<WorkEnd> run_work(Control& control, Reporter& reporter, const WorkOptions& options) {
  return run_with_signals<WorkEnd>(
      control, reporter, {"stopping after the batches in flight", ""},
      [&](asio::io_context& io) { return work_on_backfill(io, control, reporter, options); });
}

}  // namespace pgphase
