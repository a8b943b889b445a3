#include "orchestrator/cli/check_view.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <boost/json.hpp>
#include <map>

#include "plans/base/units.hpp"
#include "plans/base/utf8.hpp"
#include "plans/check/script_rules.hpp"
#include "plans/sql/quote.hpp"
#include "plans/sql/script.hpp"

namespace pgphase {
namespace {

namespace json = boost::json;

constexpr const char* k_pages = "docs/rules";
constexpr std::size_t k_widest_excerpt = 160;  // characters; longer lines are cut

std::size_t width_of(std::string_view text) {
  return static_cast<std::size_t>(std::count_if(text.begin(), text.end(), [](char c) { return !continues_utf8(c); }));
}

// No control character of a file acts on a terminal, and every character is as wide as it counts.
std::string printable(std::string_view text) {
  std::string out;
  std::size_t width = 0;
  for (const char c : text) {
    if (!continues_utf8(c) && ++width > k_widest_excerpt) return out + "…";
    out += static_cast<unsigned char>(c) < 0x20 || c == 0x7f ? ' ' : c;
  }
  return out;
}

std::string page_of(const CheckFinding& one) {
  return one.family.empty() ? std::string() : fmt::format("{}/{}.md#{}", k_pages, one.family, one.rule);
}

std::string underlined(const CheckFinding& one) {
  const auto shown = printable(one.excerpt);
  const auto before = static_cast<std::size_t>(std::max(one.begin.column - 1, 0));
  const auto width = width_of(shown);
  if (before >= width) return fmt::format("    {}\n", shown);
  std::size_t length = width - before;
  if (one.end.line == one.begin.line && one.end.column > one.begin.column) {
    length = std::min(length, static_cast<std::size_t>(one.end.column - one.begin.column));
  }
  return fmt::format("    {}\n    {}^{}\n", shown, std::string(before, ' '), std::string(length - 1, '~'));
}

std::string indented(const std::string& text, const char* by) {
  std::string out;
  for (std::string_view rest = text; !rest.empty();) {
    const auto line = rest.substr(0, rest.find('\n'));
    out += line.empty() ? "\n" : fmt::format("{}{}\n", by, line);
    rest.remove_prefix(std::min(line.size() + 1, rest.size()));
  }
  return out;
}

std::string counted(std::size_t count, const char* one, const char* many) {
  return fmt::format("{} {}", count, count == 1 ? one : many);
}

std::string summary(const CheckReport& report) {
  std::string looked;
  const auto add = [&](const std::string& part) { looked += (looked.empty() ? "" : ", ") + part; };
  if (report.plans > 0) add(counted(report.plans, "plan", "plans"));
  if (report.files > 0) {
    add(fmt::format("{} in {}", counted(report.statements, "statement", "statements"),
                    counted(report.files, "file", "files")));
  }
  std::string out = fmt::format("{}: {}, {}", looked.empty() ? "nothing was looked at" : looked,
                                counted(report.count(Severity::error), "error", "errors"),
                                counted(report.count(Severity::warning), "warning", "warnings"));
  if (report.count(Severity::note) > 0) out += ", " + counted(report.count(Severity::note), "note", "notes");
  if (report.waived > 0) out += ", " + counted(report.waived, "finding waived", "findings waived");
  return out;
}

json::object place(const Position& at) {
  return {{"line", at.line}, {"column", at.column}};
}

const char* sarif_level(Severity severity) {
  return to_string(severity);  // SARIF's words are ours
}

json::object sarif_result(const CheckFinding& one, const std::map<std::string, std::size_t>& indices) {
  json::object region;
  if (one.begin.line > 0) {
    region = {{"startLine", one.begin.line}, {"startColumn", std::max(one.begin.column, 1)}};
    if (one.begin < one.end) {
      region["endLine"] = one.end.line;
      region["endColumn"] = one.end.column;
    }
  }
  json::object physical{{"artifactLocation", {{"uri", one.file}}}};
  if (!region.empty()) physical["region"] = region;
  std::string text = one.message;
  if (!one.why.empty()) text += fmt::format(" ({})", one.why);
  if (!one.instead.empty()) text += fmt::format(". Instead: {}", one.instead);
  return {{"ruleId", one.rule},
          {"ruleIndex", indices.at(one.rule)},
          {"level", sarif_level(one.severity)},
          {"message", {{"text", text}}},
          {"locations", {{{"physicalLocation", physical}}}}};
}

json::object sarif_rule(const CheckFinding& one) {
  json::object out{{"id", one.rule}};
  const Rule* rule = find_rule(one.rule);
  out["shortDescription"] = {{"text", rule ? std::string(rule->what) : std::string("a plan that cannot be read")}};
  if (rule && !rule->recipe.empty()) out["help"] = {{"text", std::string(rule->recipe)}};
  if (const auto page = page_of(one); !page.empty()) out["helpUri"] = page;
  return out;
}

}  // namespace

std::size_t CheckReport::count(Severity severity) const {
  return static_cast<std::size_t>(std::count_if(
      findings.begin(), findings.end(), [severity](const CheckFinding& one) { return one.severity == severity; }));
}

void add_script(CheckReport& report, const std::string& file, std::string_view text, const ScriptReport& found,
                const std::map<TableName, std::int64_t>& sizes) {
  const Lines lines(text);
  for (const auto& one : found.findings) {
    CheckFinding out;
    out.file = file;
    out.severity = one.severity;
    out.rule = std::string(one.rule->id);
    out.family = std::string(one.rule->family);
    out.begin = one.begin;
    out.end = one.end;
    out.message = one.message;
    if (one.message.find(one.rule->what) == std::string::npos) out.why = std::string(one.rule->what);
    out.instead = std::string(one.rule->recipe);
    out.toml = one.toml;
    if (const auto size = sizes.find(one.relation); size != sizes.end()) {
      out.size = fmt::format("{} has {}", display_name(one.relation), human_bytes(size->second));
    }
    out.excerpt = std::string(lines.line(one.begin.line));
    report.findings.push_back(std::move(out));
  }
  ++report.files;
  report.statements += found.statements;
  report.waived += found.waived;
}

void add_plans(CheckReport& report, const Diagnostics& found, std::size_t plans) {
  for (const auto& one : found) {
    CheckFinding out;
    out.file = one.file;
    out.severity = one.severity;
    out.rule = one.rule.empty() ? "plan" : std::string(one.rule);
    if (const Rule* rule = find_rule(one.rule)) {
      out.family = std::string(rule->family);
      if (one.message.find(rule->what) == std::string::npos) out.why = std::string(rule->what);
    }
    out.begin = out.end = {one.line, one.column};
    out.message = one.message;
    out.instead = one.suggestion;
    out.excerpt = one.excerpt;
    report.findings.push_back(std::move(out));
  }
  report.plans += plans;
}

std::string as_text(const CheckReport& report) {
  std::string out;
  for (const auto& one : report.findings) {
    out += one.file;
    if (one.begin.line > 0) out += fmt::format(":{}:{}", one.begin.line, one.begin.column);
    out += fmt::format(": {}: {} [{}]\n", to_string(one.severity), one.message, one.rule);
    if (!one.excerpt.empty()) out += underlined(one);
    if (!one.why.empty()) out += fmt::format("    why:     {}\n", one.why);
    if (!one.size.empty()) out += fmt::format("    size:    {}\n", one.size);
    if (!one.instead.empty()) out += fmt::format("    instead: {}\n", one.instead);
    if (!one.toml.empty()) out += "    as a plan:\n" + indented(one.toml, "        ");
    if (const auto page = page_of(one); !page.empty()) out += fmt::format("    more:    {}\n", page);
    out += '\n';
  }
  return out + summary(report) + '\n';
}

json::object as_json(const CheckReport& report) {
  json::array findings;
  for (const auto& one : report.findings) {
    json::object found{{"file", one.file},      {"severity", to_string(one.severity)},
                       {"rule", one.rule},      {"begin", place(one.begin)},
                       {"end", place(one.end)}, {"message", one.message}};
    if (!one.why.empty()) found["why"] = one.why;
    if (!one.size.empty()) found["size"] = one.size;
    if (!one.instead.empty()) found["instead"] = one.instead;
    if (!one.toml.empty()) found["plan"] = one.toml;
    if (const auto page = page_of(one); !page.empty()) found["page"] = page;
    findings.push_back(std::move(found));
  }
  return {{"errors", report.count(Severity::error)},
          {"warnings", report.count(Severity::warning)},
          {"notes", report.count(Severity::note)},
          {"waived", report.waived},
          {"files", report.files},
          {"statements", report.statements},
          {"plans", report.plans},
          {"findings", std::move(findings)}};
}

json::object as_sarif(const CheckReport& report, std::string_view version) {
  std::map<std::string, std::size_t> indices;
  json::array rules;
  json::array results;
  for (const auto& one : report.findings) {
    if (indices.try_emplace(one.rule, rules.size()).second) rules.push_back(sarif_rule(one));
    results.push_back(sarif_result(one, indices));
  }
  json::object driver{{"name", "pgphase"}, {"version", version}, {"rules", std::move(rules)}};
  json::object run{
      {"tool", {{"driver", std::move(driver)}}}, {"columnKind", "unicodeCodePoints"}, {"results", std::move(results)}};
  return {{"$schema", "https://json.schemastore.org/sarif-2.1.0.json"},
          {"version", "2.1.0"},
          {"runs", json::array{std::move(run)}}};
}

}  // namespace pgphase
