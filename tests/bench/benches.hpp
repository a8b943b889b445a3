// The three benches. Each starts a server of its own, tells on stderr what it is at, and returns what it has found.
// Main thread only. They throw std::exception when a way fails or leaves a wrong row, testing::Interrupted on a signal;
// the server is stopped and its folder removed in every case.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "tests/bench/report.hpp"
#include "tests/bench/table.hpp"

namespace pgphase::bench {

struct CommonOptions {
  std::string shared_buffers = "1GB";
  std::string max_wal_size = "16GB";
  std::vector<std::string> settings;  // more of the server's, "autovacuum=off"
  int rounds = 3;
  std::vector<std::string> ways;  // ids; empty: all
  std::string commit;             // that the binary was built from, for the record
};

struct BackfillOptions : CommonOptions {
  std::int64_t rows = 1'500'000;
};

struct LatencyOptions : CommonOptions {
  std::int64_t rows = 1'500'000;
  double per_second = 300;
  int clients = 8;
  int rest_seconds = 10;
  std::vector<std::string> toml;  // more lines for pgphase.toml
  int probe_limit_ms = 0;  // 0: twice what the probe takes at rest
  std::uint64_t seed = 1;
};

struct ScaleOptions : CommonOptions {
  std::vector<std::int64_t> rows = {1'000'000, 5'000'000, 20'000'000};
  std::vector<Key> keys = {Key::bigint};
  int workers = 1;
};

Report bench_backfill(const BackfillOptions& options);
Report bench_latency(const LatencyOptions& options);
Report bench_scale(const ScaleOptions& options);
// Needs no server: the labels are kept (tests/support/proof/label.hpp).
Report bench_check(const CommonOptions& options);

}  // namespace pgphase::bench
