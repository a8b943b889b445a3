// What one way cost: read from outside, before and after. Main thread only.
#pragma once

#include <cstdint>
#include <optional>
#include <string>

#include "tests/bench/table.hpp"

namespace pgphase::bench {

struct Sample {
  double seconds = 0;
  std::int64_t rows = 0;
  std::int64_t wal_bytes = 0;  // of the whole server, autovacuum's included
  std::int64_t heap_growth_bytes = 0;
  std::int64_t index_growth_bytes = 0;
  std::optional<double> hot_share;                // of the rows' updates; nothing: the statistics did not arrive
  std::optional<std::int64_t> peak_memory_bytes;  // of the program's, where there is one

  double rows_per_second() const { return static_cast<double>(rows) / seconds; }
  std::int64_t growth_bytes() const { return heap_growth_bytes + index_growth_bytes; }
};

class Measure {
 public:
  explicit Measure(Table& table);  // the state before
  Sample end(double took);         // and after

 private:
  Table& table_;
  std::string lsn_;
  std::int64_t heap_ = 0, indexes_ = 0, updated_ = 0, hot_ = 0;
};

}  // namespace pgphase::bench
