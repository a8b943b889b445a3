#include <fmt/format.h>

#include <algorithm>

#include "tests/bench/figures.hpp"
#include "tests/bench/stage.hpp"

namespace pgphase::bench {
namespace {

constexpr double k_speed = 0.9, k_memory_mebibytes = 64, k_flat = 1.2;
constexpr double k_mebibyte = 1 << 20;

const char* words_for(Key key) {
  return key == Key::uuid ? "random uuid" : "bigint";
}

// One size of table with one kind of key, in every round.
struct Size {
  Key key = Key::bigint;
  std::int64_t rows = 0;
  std::vector<Sample> samples;

  std::optional<double> rows_per_second() const {
    std::vector<double> all;
    for (const auto& sample : samples) all.push_back(sample.rows_per_second());
    return median(std::move(all));
  }
  std::optional<double> peak_mebibytes() const {
    std::optional<double> out;
    for (const auto& sample : samples) {
      if (!sample.peak_memory_bytes) continue;
      out = std::max(out.value_or(0), static_cast<double>(*sample.peak_memory_bytes) / k_mebibyte);
    }
    return out;
  }
};

Sample run_once(const LocalServer& server, Way& way, const Size& size) {
  Table table(server.url(), {size.rows, size.key, way.target()});
  way.prepare(table);
  table.settle();
  Measure measure(table);
  const auto run = way.run(table);
  auto sample = measure.end(run.seconds);
  sample.peak_memory_bytes = run.peak_memory_bytes;
  table.check();
  return sample;
}

std::optional<double> divided(std::optional<double> above, std::optional<double> below) {
  if (!above || !below || *below == 0) return std::nullopt;
  return *above / *below;
}

std::vector<Bar> bars_of(const std::vector<Size>& sizes, Key key) {
  const Size* least = nullptr;
  const Size* most = nullptr;
  std::optional<double> peak;
  for (const auto& size : sizes) {
    if (size.key != key) continue;
    if (least == nullptr || size.rows < least->rows) least = &size;
    if (most == nullptr || size.rows > most->rows) most = &size;
    if (const auto found = size.peak_mebibytes()) peak = std::max(peak.value_or(0), *found);
  }
  const std::string of = fmt::format("{} key: ", words_for(key));
  std::vector<Bar> out{{of + "peak memory", Wanted::at_most, k_memory_mebibytes, Unit::mib, peak}};
  if (least == most) return out;
  const auto between = fmt::format(" at {} rows beside {}", with_commas(most->rows), with_commas(least->rows));
  out.push_back({of + "rows/s" + between, Wanted::at_least, k_speed, Unit::ratio,
                 divided(most->rows_per_second(), least->rows_per_second())});
  out.push_back({of + "peak memory" + between, Wanted::at_most, k_flat, Unit::ratio,
                 divided(most->peak_mebibytes(), least->peak_mebibytes())});
  return out;
}

std::vector<std::string> row(const Size& size) {
  std::vector<double> times, hot, wal;
  for (const auto& sample : size.samples) {
    times.push_back(sample.seconds);
    wal.push_back(static_cast<double>(sample.wal_bytes) / static_cast<double>(sample.rows));
    if (sample.hot_share) hot.push_back(*sample.hot_share);
  }
  const auto peak = size.peak_mebibytes();
  return {words_for(size.key),
          with_commas(size.rows),
          as_seconds(times),
          with_commas(static_cast<std::int64_t>(size.rows_per_second().value_or(0))),
          fmt::format("{:.0f} bytes", median(wal).value_or(0)),
          as_percent(median(hot)),
          peak ? as_mebibytes(*peak * k_mebibyte) : as_mebibytes({})};
}

}  // namespace

Report bench_scale(const ScaleOptions& options) {
  std::vector<Size> sizes;
  for (const Key key : options.keys) {
    for (const auto rows : options.rows) sizes.push_back({key, rows, {}});
  }
  const auto server = start_server(options, *std::max_element(options.rows.begin(), options.rows.end()));
  Report out;
  out.name = "scale";
  out.title = fmt::format("pgphase with {} worker{}, {} round{}", options.workers, options.workers == 1 ? "" : "s",
                          options.rounds, options.rounds == 1 ? "" : "s");
  out.machine = describe(server, options);
  const auto way = with_pgphase("pgphase", "pgphase", {.workers = options.workers, .settings = k_full_speed});

  bool built = true;
  for (int round = 0; round < options.rounds && built; ++round) {
    for (auto& size : sizes) {
      tell(fmt::format("round {} of {}: {} rows, {} key", round + 1, options.rounds, with_commas(size.rows),
                       words_for(size.key)));
      try {
        size.samples.push_back(run_once(server, *way, size));
      } catch (const NotBuilt&) {
        built = false;
        break;
      }
      tell(fmt::format("  {}", as_seconds({size.samples.back().seconds})));
    }
  }
  if (!built) out.notes.push_back(fmt::format("Not built in this binary: workers = {}.", options.workers));

  out.figures.heads = {"key", "rows", "time", "rows/s", "WAL a row", "HOT", "peak memory"};
  boost::json::array details;
  for (const auto& size : sizes) {
    if (!size.samples.empty()) out.figures.rows.push_back(row(size));
    boost::json::array runs;
    for (const auto& sample : size.samples) runs.push_back(as_json(sample));
    details.push_back({{"key", key_name(size.key) == "uid" ? "uuid" : "bigint"}, {"rows", size.rows}, {"runs", runs}});
  }
  for (const Key key : options.keys) {
    const auto bars = bars_of(sizes, key);
    out.bars.insert(out.bars.end(), bars.begin(), bars.end());
  }
  out.details = {{"rounds", options.rounds}, {"workers", options.workers}, {"built", built}, {"sizes", details}};
  return out;
}

}  // namespace pgphase::bench
