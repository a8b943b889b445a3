#include "tests/demo/report.hpp"

#include <fmt/format.h>

#include <boost/json.hpp>

#include "tests/demo/terminal.hpp"

namespace pgphase::demo {
namespace {

std::string with_commas(std::int64_t number) {
  std::string out = std::to_string(number);
  for (auto at = static_cast<std::ptrdiff_t>(out.size()) - 3; at > 0; at -= 3) {
    out.insert(static_cast<std::size_t>(at), ",");
  }
  return out;
}

void print_row(const Chapter& chapter) {
  const auto& waits = chapter.waits;
  print_line(fmt::format("  {:<34}{:>8.1f}{:>13}{:>10}{:>11.1f}{:>15.1f}{:>9}", chapter.name,
                         chapter.length.count() / 1000,
                         with_commas(static_cast<std::int64_t>(waits.finished_ms.size())), with_commas(waits.writes),
                         waits.p99_ms(), waits.longest.count(), waits.failed));
}

}  // namespace

std::string in_words(const Chapter& chapter) {
  const auto& waits = chapter.waits;
  return fmt::format("The application meanwhile: {} statements, the longest took {:.1f} ms, {} failed.",
                     with_commas(static_cast<std::int64_t>(waits.finished_ms.size())), waits.longest.count(),
                     waits.failed == 0 ? "none" : std::to_string(waits.failed));
}

void print_phases(const std::string& history) {
  print_line("  What each phase did");
  print_line();
  const auto events = boost::json::parse(history).at("events");
  std::string last_heading;
  for (const auto& value : events.as_array()) {
    const auto& event = value.as_object();
    const auto text = [&event](const char* key) { return boost::json::value_to<std::string>(event.at(key)); };
    const auto kind = text("kind");
    if (kind == "phase_started" || kind == "rollback_started") last_heading.clear();
    if (kind != "step_done" && kind != "step_undone") continue;
    const auto heading = text("phase") + (kind == "step_undone" ? ", back" : "");
    print_line(fmt::format("  {:<20}{}: {}", heading == last_heading ? "" : heading, text("step"), text("message")));
    last_heading = heading;
  }
}

Outcome print_reckoning(const Application& application, const Comparison& comparison) {
  print_line(fmt::format("  {:<34}{:>8}{:>13}{:>10}{:>11}{:>15}{:>9}", "What the application noticed", "seconds",
                         "statements", "writes", "p99 ms", "longest ms", "failed"));
  print_line();
  Chapter all;
  all.name = "all";
  for (const auto& chapter : application.chapters()) {
    print_row(chapter);
    all.length += chapter.length;
    all.waits.merge(chapter.waits);
  }
  print_row(all);
  const Outcome out{all.waits.failed, comparison.wrong + application.wrong_reads()};
  print_line();
  print_line(fmt::format("  longest wait of any statement  {:.1f} ms", all.waits.longest.count()));
  print_line(fmt::format("  failed statements              {}", out.failed));
  print_line(fmt::format("  rows wrong                     {} of {}, compared with {} acknowledged writes", out.wrong,
                         with_commas(comparison.rows), with_commas(all.waits.writes)));
  for (const auto& complaint : application.complaints()) print_line("  " + complaint);
  if (!comparison.first.empty()) print_line("  in the table: " + comparison.first);
  return out;
}

}  // namespace pgphase::demo
