#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <map>
#include <set>

#include "tests/bench/figures.hpp"
#include "tests/bench/foreground.hpp"
#include "tests/bench/idle_locks.hpp"
#include "tests/bench/latency_report.hpp"
#include "tests/bench/stage.hpp"
#include "tests/support/interrupt.hpp"

namespace pgphase::bench {
namespace {

constexpr double k_probes_per_second = 10;
constexpr auto k_warm_up = seconds(3);

const std::set<std::string> k_beside_locks = {"pgphase_1_locks", "pgphase_2_locks"};

std::string lines_of(const std::vector<std::string>& toml) {
  std::string out;
  for (const auto& line : toml) out += line + "\n";
  return out;
}

std::vector<std::unique_ptr<Way>> all_ways(const std::string& settings) {
  std::vector<std::unique_ptr<Way>> out;
  out.push_back(blocking_update());
  out.push_back(with_pgphase("pgphase_1", "pgphase, 1 worker", {.settings = settings}));
  out.push_back(with_pgphase("pgphase_2", "pgphase, 2 workers", {.workers = 2, .settings = settings}));
  out.push_back(with_pgphase("pgphase_1_locks", "pgphase, 1 worker, rows held locked", {.settings = settings}));
  out.push_back(with_pgphase("pgphase_2_locks", "pgphase, 2 workers, rows held locked", {.workers = 2, .settings = settings}));
  out.push_back(with_pgphase(k_probe_way, "pgphase, held by a probe", {.settings = settings}));
  return out;
}

// The limit is known only when rest is.
std::unique_ptr<Way> with_probe_limit(const Way& way, int limit_ms, const std::string& settings) {
  return with_pgphase(way.id(), way.title(),
                      {.settings = fmt::format("{}[throttle]\nprobe = \"{}\"\nprobe_p95 = {{ limit = \"{}ms\" }}\n",
                                               settings, probe_sql(), limit_ms)});
}

class Bench {
 public:
  Bench(const LocalServer& server, const LatencyOptions& options) : server_(server), options_(options) {}

  void take_turn(Way& way, int round) {
    Turn turn;
    const TableShape shape{options_.rows, Key::uuid, way.target()};
    Table table(server_.url(), shape);
    std::unique_ptr<Way> limited;
    if (way.id() == k_probe_way) {
      turn.probe_limit_ms = options_.probe_limit_ms != 0 ? options_.probe_limit_ms : limit_from_rest(table);
      limited = with_probe_limit(way, turn.probe_limit_ms, lines_of(options_.toml));
    }
    Way& running = limited ? *limited : way;
    running.prepare(table);
    table.settle();
    const auto seed = options_.seed + static_cast<std::uint64_t>(round) * 1000;
    Foreground application_clients(table.url(), {options_.per_second, options_.clients, seed}, application(shape));
    Foreground probe_client(table.url(), {k_probes_per_second, 1, seed + 500}, probe());
    testing::nap(k_warm_up);

    const auto begin = [&] {
      application_clients.begin_window();
      probe_client.begin_window();
    };
    begin();
    testing::nap(seconds(options_.rest_seconds));
    turn.rest_probe_p95 = probe_client.end_window().at(0.95).value_or(0);
    turn.rest = application_clients.end_window();

    std::unique_ptr<IdleLocks> locks;
    if (k_beside_locks.contains(way.id())) {
      locks = std::make_unique<IdleLocks>(table.url(), shape, IdleLocksOptions{.seed = seed + 900});
      testing::nap(seconds(1));
    }
    begin();
    turn.seconds = running.run(table).seconds;
    turn.beside = application_clients.end_window();
    turn.probe_p95 = probe_client.end_window().at(0.95).value_or(0);
    locks.reset();
    table.check();
    tell(fmt::format("  {:.1f} s; p99 {} at rest, {} beside it, the longest {}, {} failed", turn.seconds,
                     as_milliseconds(turn.rest.at(0.99)), as_milliseconds(turn.beside.at(0.99)),
                     as_milliseconds(turn.beside.at(1)), turn.beside.failed));
    turns_[way.id()].push_back(std::move(turn));
  }

  const std::map<std::string, std::vector<Turn>>& turns() const { return turns_; }

 private:
  // Whole milliseconds, as the setting takes them.
  int limit_from_rest(Table& table) const {
    table.settle();
    Foreground application_clients(table.url(), {options_.per_second, options_.clients, options_.seed},
                                   application(table.shape()));
    Foreground probe_client(table.url(), {k_probes_per_second, 1, options_.seed}, probe());
    testing::nap(k_warm_up);
    probe_client.begin_window();
    testing::nap(seconds(options_.rest_seconds));
    return std::max(2, static_cast<int>(std::ceil(2 * probe_client.end_window().at(0.95).value_or(0))));
  }

  const LocalServer& server_;
  const LatencyOptions& options_;
  std::map<std::string, std::vector<Turn>> turns_;
};

}  // namespace

Report bench_latency(const LatencyOptions& options) {
  const auto ways = chosen(all_ways(lines_of(options.toml)), options.ways);
  const auto server = start_server(options, options.rows);
  Report out;
  out.name = "latency";
  out.title = fmt::format("{}, {} transactions a second from {} connections",
                          rows_and_rounds(options.rows, options.rounds), options.per_second, options.clients);
  out.machine = describe(server, options);

  Bench bench(server, options);
  const auto not_built =
      take_turns(ways, options.rounds, [&bench](Way& way, int round) { bench.take_turn(way, round); });

  out.details = {{"rows", options.rows},
                 {"rounds", options.rounds},
                 {"per_second", options.per_second},
                 {"clients", options.clients},
                 {"seed", options.seed},
                 {"toml", lines_of(options.toml)}};
  add_latency(out, ways, bench.turns(), not_built);
  note_size(out, options.rows);
  return out;
}

}  // namespace pgphase::bench
