// HTML for whoever signs the rehearsal off, JUnit's XML and JSON for pipelines.
#include <fmt/format.h>

#include <algorithm>

#include "orchestrator/rehearsal/report.hpp"

namespace pgphase {
namespace {

namespace json = boost::json;

constexpr std::string_view k_style =
    "body{font:16px/1.5 system-ui,sans-serif;max-width:52rem;margin:2rem auto;padding:0 1rem;color:#1b1b1b;"
    "background:#fff}ul{list-style:none;padding:0}li{margin:.3rem 0}li::before{display:inline-block;width:1.6rem}"
    ".passed::before{content:'✓';color:#137333}.failed::before{content:'✗';color:#b3261e}"
    ".passed_over::before{content:'–'}.failed{font-weight:600}"
    "pre{font-weight:400;white-space:pre-wrap;background:#f4f4f4;padding:.5rem;margin:.3rem 0}.facts{color:#555}"
    "@media(prefers-color-scheme:dark){body{background:#161616;color:#e8e8e8}pre{background:#262626}.facts{color:#aaa}"
    ".passed::before{color:#5bb974}.failed::before{color:#f28b82}}";

// XML 1.0 has no way at all to write the other control characters.
std::string escaped(std::string_view text) {
  std::string out;
  for (const char c : text) {
    switch (c) {
      case '&':
        out += "&amp;";
        break;
      case '<':
        out += "&lt;";
        break;
      case '>':
        out += "&gt;";
        break;
      case '"':
        out += "&quot;";
        break;
      case '\n':
      case '\t':
        out += c;
        break;
      default:
        out += static_cast<unsigned char>(c) < 0x20 ? '?' : c;
    }
  }
  return out;
}

std::string all_lines(const std::vector<std::string>& lines) {
  std::string out;
  for (const auto& line : lines) out += escaped(line) + "\n";
  return out;
}

}  // namespace

std::string as_html(const Rehearsal& rehearsal) {
  std::string out = fmt::format(
      "<!doctype html>\n<html lang=\"en\">\n<meta charset=\"utf-8\">\n<meta name=\"viewport\" "
      "content=\"width=device-width\">\n<title>Rollback rehearsal: {0}</title>\n<style>{1}</style>\n<h1>Rollback "
      "rehearsal: {0}</h1>\n<p class=\"facts\">Database: {2}<br>Rehearsed on: {3}<br>PostgreSQL {4}, begun {5}, took "
      "{6}</p>\n",
      escaped(verdict(rehearsal)), k_style, escaped(rehearsal.source), escaped(rehearsal.branch),
      escaped(rehearsal.server_version), escaped(rehearsal.began_at), in_seconds(rehearsal.seconds));
  for (const auto& plan : rehearsal.plans) {
    out += fmt::format("<h2>{}</h2>\n<ul>\n", escaped(title(plan)));
    for (const auto& check : plan.checks) {
      out += fmt::format("<li class=\"{}\">{}", name_of(check.outcome), escaped(check.what));
      if (!check.details.empty()) out += "<pre>" + all_lines(check.details) + "</pre>";
      out += "</li>\n";
    }
    out += "</ul>\n<pre class=\"facts\">" + all_lines(figures(plan)) + "</pre>\n";
  }
  return out + "</html>\n";
}

std::string as_junit(const Rehearsal& rehearsal) {
  std::string out = fmt::format(
      "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n<testsuites name=\"pgphase rehearse\" time=\"{:.3f}\">\n",
      rehearsal.seconds);
  for (const auto& plan : rehearsal.plans) {
    const auto count = [&plan](Check::Outcome outcome) {
      return std::count_if(plan.checks.begin(), plan.checks.end(),
                           [outcome](const Check& check) { return check.outcome == outcome; });
    };
    const auto id = escaped(plan.plan.value);
    out += fmt::format("  <testsuite name=\"{}\" tests=\"{}\" failures=\"{}\" skipped=\"{}\" timestamp=\"{}\">\n", id,
                       plan.checks.size(), count(Check::Outcome::failed), count(Check::Outcome::passed_over),
                       escaped(rehearsal.began_at));
    for (const auto& check : plan.checks) {
      out += fmt::format("    <testcase classname=\"{}\" name=\"{}\"", id, escaped(check.what));
      if (check.outcome == Check::Outcome::passed) {
        out += "/>\n";
        continue;
      }
      out += fmt::format("><{0} message=\"{1}\">{2}</{0}></testcase>\n",
                         check.outcome == Check::Outcome::failed ? "failure" : "skipped",
                         escaped(check.details.empty() ? check.what : check.details.front()), all_lines(check.details));
    }
    out += "  </testsuite>\n";
  }
  return out + "</testsuites>\n";
}

json::object as_json(const Rehearsal& rehearsal) {
  json::array plans;
  for (const auto& plan : rehearsal.plans) {
    json::array checks, phases, steps;
    for (const auto& check : plan.checks) {
      checks.push_back(json::object{{"what", check.what},
                                    {"outcome", name_of(check.outcome)},
                                    {"details", json::array(check.details.begin(), check.details.end())}});
    }
    for (const auto& phase : plan.phases) {
      phases.push_back(json::object{{"name", to_string(phase.phase)},
                                    {"forward_seconds", phase.forward_seconds},
                                    {"back_seconds", phase.back_seconds},
                                    {"again_seconds", phase.again_seconds},
                                    {"wal_bytes", phase.wal_bytes}});
    }
    for (const auto& step : plan.steps) {
      steps.push_back(json::object{
          {"phase", to_string(step.phase)}, {"name", step.step}, {"lock_ms", step.lock_ms}, {"rows", step.rows}});
    }
    json::object entry{{"id", plan.plan.value}, {"ok", plan.ok()},  {"split_sha256", plan.split_sha256},
                       {"checks", checks},      {"phases", phases}, {"steps", steps}};
    json::array failed;
    for (const auto& one : plan.failed_statements) {
      failed.push_back(json::object{
          {"phase", to_string(one.phase)}, {"sqlstate", one.sqlstate}, {"count", one.count}, {"example", one.example}});
    }
    if (plan.longest_wait_ms) entry["failed_statements"] = failed;
    if (plan.longest_wait_ms) entry["longest_wait_ms"] = *plan.longest_wait_ms;
    plans.push_back(std::move(entry));
  }
  return {{"ok", rehearsal.ok()},
          {"source", rehearsal.source},
          {"branch", rehearsal.branch},
          {"server_version", rehearsal.server_version},
          {"began_at", rehearsal.began_at},
          {"seconds", rehearsal.seconds},
          {"plans", plans}};
}

}  // namespace pgphase
