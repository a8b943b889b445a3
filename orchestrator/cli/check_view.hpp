// What `check` has found, for people and for programs: text, an object of JSON, and SARIF 2.1.0 as code hosts and
// editors read it. Pure.
#pragma once

#include <boost/json/object.hpp>
#include <cstdint>
#include <map>
#include <string>
#include <string_view>
#include <vector>

#include "plans/check/check_script.hpp"
#include "plans/toml/diagnostic.hpp"

namespace pgphase {

struct CheckFinding {
  std::string file;
  Severity severity = Severity::error;
  std::string rule;    // its id; "plan" for what is wrong with a plan's own text
  std::string family;  // of its page, docs/rules/FAMILY.md; or empty
  Position begin, end;
  std::string message, why, instead, toml;  // the last three may be empty
  std::string size;                         // "orders has 1.2 GiB", where a database was asked
  std::string excerpt;                      // the line where it begins
};

struct CheckReport {
  std::vector<CheckFinding> findings;
  std::size_t files = 0, statements = 0, plans = 0, waived = 0;

  std::size_t count(Severity severity) const;
};

// `sizes`: bytes, of tables that a database was asked about.
void add_script(CheckReport& report, const std::string& file, std::string_view text, const ScriptReport& found,
                const std::map<TableName, std::int64_t>& sizes);
void add_plans(CheckReport& report, const Diagnostics& found, std::size_t plans);

std::string as_text(const CheckReport& report);
boost::json::object as_json(const CheckReport& report);
boost::json::object as_sarif(const CheckReport& report, std::string_view version);

}  // namespace pgphase
