// What a bench has found, in three forms from one value. Pure.
#pragma once

#include <boost/json.hpp>
#include <string>
#include <vector>

#include "tests/bench/bars.hpp"
#include "tests/bench/layout.hpp"
#include "tests/bench/machine.hpp"

namespace pgphase::bench {

struct Report {
  std::string name;   // "backfill": the command, and the section of docs/benchmarks.md
  std::string title;  // what was run: "1,500,000 rows, 3 rounds"
  Machine machine;
  Grid figures;
  std::vector<Bar> bars;
  std::vector<std::string> notes;
  boost::json::object details;  // options, and each way with each of its runs
};

// Of a way that the binary refuses.
std::vector<std::string> not_built_row(const Grid& grid, const std::string& title);

// A note where the bars do not count, because the table is so small that what it shows is noise.
void note_size(Report& report, std::int64_t rows);

std::string as_text(const Report& report);
std::string as_markdown(const Report& report);
boost::json::object as_json(const Report& report);

}  // namespace pgphase::bench
