// A step written by hand, as the TOML of a plan. Pure.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "plans/phased_plan.hpp"

namespace pgphase::translate {

// In quotes; of several lines where the text has several.
std::string quoted(std::string_view text);

struct StepToml {
  Phase phase = Phase::additive;
  std::string name;
  std::vector<std::string> sql;
  std::vector<std::string> rollback;  // as the undo runs them
  std::string irreversible;           // stands instead of `rollback`
  bool stays_with_table = false;      // likewise
};
std::string to_toml(const StepToml& step);

// A note for what was written with IF NOT EXISTS: a rollback has to know what the plan has made.
std::string if_not_exists(const std::string& what);
std::string if_exists(const std::string& what);

// A backfill: `set` is column → SQL over the row; `once`: no row is set twice, whatever `where` says of it afterwards.
std::string backfill_toml(const std::string& name, const TableName& table,
                          const std::vector<std::pair<std::string, std::string>>& set, const std::string& where,
                          bool once = false);

}  // namespace pgphase::translate
