#include "tests/bench/latency_report.hpp"

#include <fmt/format.h>

#include <algorithm>

#include "tests/bench/figures.hpp"

namespace pgphase::bench {
namespace {

constexpr double k_p99 = 2, k_longest_ms = 150, k_probe_limit = 1.2;

struct Summary {
  std::optional<double> p50, p99, longest, p99_beside_rest, probe_p95;
  std::int64_t transactions = 0, failed = 0;
  std::string first_failure;

  void add(const Waits& waits) {
    transactions += static_cast<std::int64_t>(waits.waited_ms.size());
    failed += waits.failed;
    if (first_failure.empty()) first_failure = waits.first_failure;
    if (const auto most = waits.at(1)) longest = std::max(longest.value_or(0), *most);
  }
};

enum class Pick { rest, beside };

Summary summary(const std::vector<Turn>& turns, Pick pick) {
  Summary out;
  std::vector<double> p50s, p99s, rest_p99s, probe_p95s;
  for (const auto& turn : turns) {
    const Waits& waits = pick == Pick::rest ? turn.rest : turn.beside;
    out.add(waits);
    probe_p95s.push_back(pick == Pick::rest ? turn.rest_probe_p95 : turn.probe_p95);
    if (waits.waited_ms.empty() || turn.rest.waited_ms.empty()) continue;
    p50s.push_back(*waits.at(0.5));
    p99s.push_back(*waits.at(0.99));
    rest_p99s.push_back(*turn.rest.at(0.99));
  }
  out.p50 = median(p50s);
  out.p99 = median(p99s);
  out.p99_beside_rest = median_ratio(p99s, rest_p99s);
  out.probe_p95 = median(probe_p95s);
  return out;
}

// Those that a way is held to. With a probe's limit, that one takes the place of the default settings'.
struct WayBars {
  std::optional<Bar> p99, longest, failed, probe;

  std::vector<Bar> all() const {
    std::vector<Bar> out;
    for (const auto* bar : {&p99, &longest, &failed, &probe}) {
      if (*bar) out.push_back(**bar);
    }
    return out;
  }
};

std::optional<double> failed_of(const Summary& found) {
  if (found.transactions == 0) return std::nullopt;
  return static_cast<double>(found.failed);
}

WayBars default_bars(const std::string& title, const Summary& found) {
  WayBars out;
  out.p99 = Bar{title + ": p99 beside rest", Wanted::at_most, k_p99, Unit::ratio, found.p99_beside_rest};
  out.longest = Bar{title + ": longest", Wanted::at_most, k_longest_ms, Unit::ms, found.longest};
  out.failed = Bar{title + ": failed", Wanted::at_most, 0, Unit::count, failed_of(found)};
  return out;
}

WayBars probe_bars(const std::string& title, const Summary& found, const std::vector<Turn>& turns) {
  WayBars out;
  out.failed = Bar{title + ": failed", Wanted::at_most, 0, Unit::count, failed_of(found)};
  std::vector<double> beside_limit;
  beside_limit.reserve(turns.size());
  for (const auto& turn : turns) beside_limit.push_back(turn.probe_p95 / turn.probe_limit_ms);
  out.probe = Bar{title + ": the probe's p95 beside its limit", Wanted::at_most, k_probe_limit, Unit::ratio,
                  median(std::move(beside_limit))};
  return out;
}

std::vector<std::string> row(const std::string& title, const Summary& found, const WayBars& bars,
                             const std::string& time) {
  const auto probe_verdict = bars.probe && bars.probe->figure ? ", " + bars.probe->verdict() : "";
  return {title,
          with_commas(found.transactions),
          as_milliseconds(found.p50),
          as_milliseconds(found.p99),
          bars.p99 ? with_verdict(*bars.p99) : as_ratio(found.p99_beside_rest),
          bars.longest ? with_verdict(*bars.longest) : as_milliseconds(found.longest),
          bars.failed ? with_verdict(*bars.failed) : with_commas(found.failed),
          as_milliseconds(found.probe_p95) + probe_verdict,
          time};
}

std::string times_of(const std::vector<Turn>& turns) {
  std::vector<double> out;
  out.reserve(turns.size());
  for (const auto& turn : turns) out.push_back(turn.seconds);
  return as_seconds(out);
}

boost::json::object waits_json(const Waits& waits) {
  const auto figure = [&waits](double share) {
    const auto value = waits.at(share);
    return value ? boost::json::value(*value) : boost::json::value(nullptr);
  };
  return {{"transactions", waits.waited_ms.size()},
          {"p50_ms", figure(0.5)},
          {"p95_ms", figure(0.95)},
          {"p99_ms", figure(0.99)},
          {"longest_ms", figure(1)},
          {"failed", waits.failed}};
}

boost::json::object turn_json(const Turn& turn) {
  boost::json::object probe{{"rest", turn.rest_probe_p95}, {"beside", turn.probe_p95}, {"limit", nullptr}};
  if (turn.probe_limit_ms != 0) probe["limit"] = turn.probe_limit_ms;
  return {{"seconds", turn.seconds},
          {"rest", waits_json(turn.rest)},
          {"beside", waits_json(turn.beside)},
          {"probe_p95_ms", std::move(probe)}};
}

boost::json::object way_json(const Way& way, const std::vector<Turn>& turns, bool built) {
  boost::json::array runs;
  for (const auto& turn : turns) runs.push_back(turn_json(turn));
  return {{"way", way.id()}, {"title", way.title()}, {"built", built}, {"runs", std::move(runs)}};
}

void add_way(Report& report, const Way& way, const std::vector<Turn>& turns, bool built) {
  const auto found = summary(turns, Pick::beside);
  WayBars bars;
  if (way.id() == k_probe_way) {
    bars = probe_bars(way.title(), found, turns);
  } else if (way.id() != k_blocking_update) {
    bars = default_bars(way.title(), found);
  }
  const auto all = bars.all();
  report.bars.insert(report.bars.end(), all.begin(), all.end());
  report.figures.rows.push_back(built ? row(way.title(), found, bars, times_of(turns))
                                      : not_built_row(report.figures, way.title()));
  if (found.failed > 0) report.notes.push_back(way.title() + ", the first failure: " + found.first_failure);
  if (bars.probe && !turns.empty()) {
    report.notes.push_back(fmt::format("The probe's limit was {} ms: {}", turns[0].probe_limit_ms, probe_sql()));
  }
}

}  // namespace

void add_latency(Report& report, const std::vector<std::unique_ptr<Way>>& ways,
                 const std::map<std::string, std::vector<Turn>>& turns,
                 const std::map<std::string, std::string>& not_built) {
  report.figures.heads = {"", "transactions", "p50", "p99", "p99 / rest", "longest", "failed", "probe's p95", "time"};
  std::vector<Turn> every_turn;
  for (const auto& [id, of_way] : turns) every_turn.insert(every_turn.end(), of_way.begin(), of_way.end());
  report.figures.rows.push_back(row("rest", summary(every_turn, Pick::rest), {}, ""));
  boost::json::array details;
  for (const auto& way : ways) {
    const bool built = !not_built.contains(way->id());
    const auto found = turns.find(way->id());
    const auto of_way = found == turns.end() ? std::vector<Turn>() : found->second;
    add_way(report, *way, of_way, built);
    details.push_back(way_json(*way, of_way, built));
  }
  report.details["ways"] = std::move(details);
}

}  // namespace pgphase::bench
