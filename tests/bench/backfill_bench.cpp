#include <fmt/format.h>

#include <map>

#include "tests/bench/figures.hpp"
#include "tests/bench/stage.hpp"

namespace pgphase::bench {
namespace {

constexpr const char* k_one = "pgphase_1";
constexpr const char* k_two = "pgphase_2";
constexpr const char* k_given_up = "pgphase_overwrite";
constexpr const char* k_kept = "pgphase_overwrite_kept";

constexpr double k_one_worker_speed = 1.4, k_two_workers_speed = 2.3, k_trigger_speed = 3, k_wal = 0.70,
                 k_growth = 0.60;

std::vector<std::unique_ptr<Way>> all_ways() {
  std::vector<std::unique_ptr<Way>> out;
  out.push_back(blocking_update());
  out.push_back(keyset_batches());
  out.push_back(trigger_driven_batches());
  out.push_back(with_pgphase(k_one, "pgphase, 1 worker", {.settings = k_full_speed}));
  out.push_back(with_pgphase(k_two, "pgphase, 2 workers", {.workers = 2, .settings = k_full_speed}));
  out.push_back(with_pgphase("pgphase_1_in_step", "pgphase, 1 worker, kept in step with writers",
                             {.in_step = true, .settings = k_full_speed}));
  out.push_back(with_pgphase(k_given_up, "pgphase, overwriting, old values given up",
                             {.old_values = OldValues::given_up, .settings = k_full_speed}));
  out.push_back(with_pgphase(k_kept, "pgphase, overwriting, old values kept",
                             {.old_values = OldValues::kept, .settings = k_full_speed}));
  return out;
}

Sample run_once(const LocalServer& server, Way& way, std::int64_t rows) {
  Table table(server.url(), {rows, Key::uuid, way.target()});
  way.prepare(table);
  table.settle();
  Measure measure(table);
  const auto run = way.run(table);
  auto sample = measure.end(run.seconds);
  sample.peak_memory_bytes = run.peak_memory_bytes;
  table.check();
  tell(fmt::format("  {:.1f} s, {}/s", sample.seconds,
                   with_commas(static_cast<std::int64_t>(sample.rows_per_second()))));
  return sample;
}

// All runs of all ways. Of each way one run a round, in the order of the rounds.
class Runs {
 public:
  void add(const std::string& way, const Sample& sample) { samples_[way].push_back(sample); }

  template <typename Figure>
  std::vector<double> all(const std::string& way, Figure figure) const {
    std::vector<double> out;
    const auto found = samples_.find(way);
    if (found == samples_.end()) return out;
    for (const auto& sample : found->second) out.push_back(static_cast<double>(figure(sample)));
    return out;
  }

  template <typename Figure>
  std::optional<double> ratio(const std::string& way, const std::string& beside, Figure figure) const {
    return median_ratio(all(way, figure), all(beside, figure));
  }

  // How many times as fast as the other.
  std::optional<double> speed(const std::string& way, const std::string& beside) const {
    return ratio(beside, way, seconds);
  }

  std::optional<double> hot_share(const std::string& way) const {
    std::vector<double> out;
    const auto found = samples_.find(way);
    if (found == samples_.end()) return std::nullopt;
    for (const auto& sample : found->second) {
      if (sample.hot_share) out.push_back(*sample.hot_share);
    }
    return median(std::move(out));
  }

  const std::vector<Sample>& of(const std::string& way) { return samples_[way]; }

  static double seconds(const Sample& sample) { return sample.seconds; }
  static std::int64_t wal(const Sample& sample) { return sample.wal_bytes; }
  static std::int64_t growth(const Sample& sample) { return sample.growth_bytes(); }

 private:
  std::map<std::string, std::vector<Sample>> samples_;
};

struct Bars {
  Bar speed, trigger_speed, wal, growth;
};

Bars bars_of(const Runs& runs, const std::string& way, const std::string& title, double speed) {
  const std::string beside = " beside the blocking UPDATE";
  return {
      {title + ": speed" + beside, Wanted::at_least, speed, Unit::ratio, runs.speed(way, k_blocking_update)},
      {title + ": speed beside the trigger-driven way", Wanted::at_least, k_trigger_speed, Unit::ratio,
       runs.speed(way, k_trigger_driven)},
      {title + ": WAL" + beside, Wanted::at_most, k_wal, Unit::ratio, runs.ratio(way, k_blocking_update, Runs::wal)},
      {title + ": heap and index growth" + beside, Wanted::at_most, k_growth, Unit::ratio,
       runs.ratio(way, k_blocking_update, Runs::growth)},
  };
}

std::vector<std::string> row(Runs& runs, const Way& way, const Bars* bars) {
  const auto& id = way.id();
  const auto heap = [](const Sample& s) { return s.heap_growth_bytes; };
  const auto index = [](const Sample& s) { return s.index_growth_bytes; };
  const auto per_second = median(runs.all(id, [](const Sample& s) { return s.rows_per_second(); }));
  return {way.title(),
          as_seconds(runs.all(id, Runs::seconds)),
          with_commas(static_cast<std::int64_t>(per_second.value_or(0))),
          bars != nullptr ? with_verdict(bars->speed) : as_ratio(runs.speed(id, k_blocking_update)),
          as_ratio(runs.speed(id, k_trigger_driven)),
          as_megabytes(median(runs.all(id, Runs::wal))),
          bars != nullptr ? with_verdict(bars->wal) : as_ratio(runs.ratio(id, k_blocking_update, Runs::wal)),
          as_megabytes(median(runs.all(id, heap))),
          as_megabytes(median(runs.all(id, index))),
          bars != nullptr ? with_verdict(bars->growth) : as_ratio(runs.ratio(id, k_blocking_update, Runs::growth)),
          as_percent(runs.hot_share(id))};
}

std::vector<std::string> cost_row(const Runs& runs) {
  const auto times = [&runs](auto figure) { return as_ratio(runs.ratio(k_kept, k_given_up, figure)); };
  return {"cost of old values: kept / given up",
          times(Runs::seconds),
          "",
          "",
          "",
          "",
          times(Runs::wal),
          times([](const Sample& s) { return s.heap_growth_bytes; }),
          times([](const Sample& s) { return s.index_growth_bytes; }),
          times(Runs::growth),
          ""};
}

boost::json::array ways_json(const std::vector<std::unique_ptr<Way>>& ways, Runs& runs,
                             const std::map<std::string, std::string>& not_built) {
  boost::json::array out;
  const auto or_null = [](std::optional<double> value) {
    return value ? boost::json::value(*value) : boost::json::value(nullptr);
  };
  for (const auto& way : ways) {
    boost::json::array samples;
    for (const auto& sample : runs.of(way->id())) samples.push_back(as_json(sample));
    out.push_back({{"way", way->id()},
                   {"title", way->title()},
                   {"built", !not_built.contains(way->id())},
                   {"runs", std::move(samples)},
                   {"speed_beside_blocking_update", or_null(runs.speed(way->id(), k_blocking_update))},
                   {"speed_beside_trigger_driven", or_null(runs.speed(way->id(), k_trigger_driven))},
                   {"wal_beside_blocking_update", or_null(runs.ratio(way->id(), k_blocking_update, Runs::wal))},
                   {"growth_beside_blocking_update", or_null(runs.ratio(way->id(), k_blocking_update, Runs::growth))}});
  }
  return out;
}

}  // namespace

Report bench_backfill(const BackfillOptions& options) {
  const auto ways = chosen(all_ways(), options.ways);
  const auto server = start_server(options, options.rows);
  Report out;
  out.name = "backfill";
  out.title = rows_and_rounds(options.rows, options.rounds);
  out.machine = describe(server, options);

  Runs runs;
  const auto not_built = take_turns(
      ways, options.rounds, [&](Way& way, int /*round*/) { runs.add(way.id(), run_once(server, way, options.rows)); });

  const auto one = bars_of(runs, k_one, "1 worker", k_one_worker_speed);
  const auto two = bars_of(runs, k_two, "2 workers", k_two_workers_speed);
  out.figures.heads = {"way", "time",           "rows/s",      "speed / blocking", "speed / trigger",
                       "WAL", "WAL / blocking", "heap growth", "index growth",     "growth / blocking",
                       "HOT"};
  for (const auto& way : ways) {
    if (not_built.contains(way->id())) {
      out.figures.rows.push_back(not_built_row(out.figures, way->title()));
    } else {
      out.figures.rows.push_back(row(runs, *way, way->id() == k_one ? &one : way->id() == k_two ? &two : nullptr));
    }
  }
  if (!runs.of(k_kept).empty() && !runs.of(k_given_up).empty()) out.figures.rows.push_back(cost_row(runs));
  out.bars = {one.speed, two.speed, two.trigger_speed, one.wal, two.wal, one.growth, two.growth};
  note_size(out, options.rows);
  out.details = {{"rows", options.rows}, {"rounds", options.rounds}, {"ways", ways_json(ways, runs, not_built)}};
  return out;
}

}  // namespace pgphase::bench
