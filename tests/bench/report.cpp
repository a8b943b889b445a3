#include "tests/bench/report.hpp"

namespace pgphase::bench {
namespace {

constexpr std::int64_t k_least_rows = 1'000'000;

Grid bars_grid(const std::vector<Bar>& bars) {
  Grid out{{"bar", "wanted", "found", ""}, {}};
  for (const auto& bar : bars) out.rows.push_back({bar.what, bar.wanted_text(), bar.figure_text(), bar.verdict()});
  return out;
}

}  // namespace

std::vector<std::string> not_built_row(const Grid& grid, const std::string& title) {
  std::vector<std::string> out(grid.heads.size());
  out.at(0) = title;
  out.at(1) = "not built";
  return out;
}

void note_size(Report& report, std::int64_t rows) {
  if (rows >= k_least_rows) return;
  report.notes.emplace_back("The bars count from 1,000,000 rows: a smaller table is noise.");
}

std::string as_text(const Report& report) {
  std::string out = report.name + ": " + report.title + "\n";
  for (const auto& line : in_words(report.machine)) out += line + "\n";
  out += "\n" + as_text(report.figures);
  if (!report.bars.empty()) out += "\n" + as_text(bars_grid(report.bars));
  for (const auto& note : report.notes) out += "\n" + note + "\n";
  return out;
}

std::string as_markdown(const Report& report) {
  std::string out = report.title + ".\n\n";
  for (const auto& line : in_words(report.machine)) out += "- " + line + "\n";
  out += "\n" + as_markdown(report.figures);
  if (!report.bars.empty()) out += "\n" + as_markdown(bars_grid(report.bars));
  for (const auto& note : report.notes) out += "\n" + note + "\n";
  return out;
}

boost::json::object as_json(const Report& report) {
  boost::json::object out{{"bench", report.name}, {"machine", as_json(report.machine)}};
  for (const auto& [key, value] : report.details) out[key] = value;
  boost::json::array bars;
  for (const auto& bar : report.bars) {
    const auto met = bar.met();
    bars.push_back({{"what", bar.what},
                    {"wanted", bar.wanted_text()},
                    {"figure", bar.figure ? boost::json::value(*bar.figure) : boost::json::value(nullptr)},
                    {"met", met ? boost::json::value(*met) : boost::json::value(nullptr)}});
  }
  out["bars"] = std::move(bars);
  return out;
}

}  // namespace pgphase::bench
