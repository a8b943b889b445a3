// The figures, bars and notes of `bench latency`, from what its turns have found. Pure. What is shown of several rounds
// is the median of their percentiles, the longest wait of all of them, and all failures.
#pragma once

#include <map>
#include <memory>
#include <string>
#include <vector>

#include "tests/bench/foreground.hpp"
#include "tests/bench/report.hpp"
#include "tests/bench/ways.hpp"

namespace pgphase::bench {

constexpr const char* k_probe_way = "pgphase_probe";

// One turn of one way: what the foreground waited at rest and beside it.
struct Turn {
  Waits rest, beside;
  double rest_probe_p95 = 0, probe_p95 = 0;
  int probe_limit_ms = 0;  // 0: none was set
  double seconds = 0;
};

// Adds to `report`; what needs the options is the caller's. `not_built`: ids of ways.
void add_latency(Report& report, const std::vector<std::unique_ptr<Way>>& ways,
                 const std::map<std::string, std::vector<Turn>>& turns,
                 const std::map<std::string, std::string>& not_built);

}  // namespace pgphase::bench
