// For people: the terminal, and Markdown for a ticket or a pull request.
#include <fmt/format.h>

#include "orchestrator/rehearsal/report.hpp"

namespace pgphase {
namespace {

const char* mark(Check::Outcome outcome, bool colour) {
  switch (outcome) {
    case Check::Outcome::passed:
      return colour ? "\033[32m✓\033[0m" : "✓";
    case Check::Outcome::failed:
      return colour ? "\033[31m✗\033[0m" : "✗";
    case Check::Outcome::passed_over:
      return "–";
  }
  return "?";
}

}  // namespace

std::string as_text(const Rehearsal& rehearsal, bool colour) {
  std::string out;
  for (const auto& plan : rehearsal.plans) {
    out += title(plan) + "\n";
    for (const auto& check : plan.checks) {
      out += fmt::format("  {} {}\n", mark(check.outcome, colour), check.what);
      for (const auto& detail : check.details) out += fmt::format("      {}\n", detail);
    }
    for (const auto& line : figures(plan)) out += fmt::format("    {}\n", line);
  }
  return out + fmt::format("{}, in {}", verdict(rehearsal), in_seconds(rehearsal.seconds));
}

std::string as_markdown(const Rehearsal& rehearsal) {
  std::string out = fmt::format("# Rollback rehearsal: {}\n\n", verdict(rehearsal));
  out += fmt::format("- database: {}\n- rehearsed on: {}\n- PostgreSQL {}, begun {}, took {}\n", rehearsal.source,
                     rehearsal.branch, rehearsal.server_version, rehearsal.began_at, in_seconds(rehearsal.seconds));
  for (const auto& plan : rehearsal.plans) {
    out += fmt::format("\n## {}\n\n", title(plan));
    for (const auto& check : plan.checks) {
      const bool ticked = check.outcome == Check::Outcome::passed;
      const bool passed_over = check.outcome == Check::Outcome::passed_over;
      out += fmt::format("- [{}] {}{}\n", ticked ? "x" : " ", check.what, passed_over ? " (passed over)" : "");
      if (check.details.empty()) continue;
      out += "\n  ```\n";
      for (const auto& detail : check.details) out += fmt::format("  {}\n", detail);
      out += "  ```\n";
    }
    out += "\n";
    for (const auto& line : figures(plan)) out += fmt::format("- {}\n", line);
  }
  return out;
}

}  // namespace pgphase
