#include "orchestrator/engine/speed.hpp"

#include <fmt/format.h>

#include "orchestrator/settings/settings_table.hpp"

namespace pgphase {
namespace {

bool can_be_set(const SettingRow& row) {
  return row.table() == "backfill" || row.table() == "throttle";
}

const SettingRow* row_of(std::string_view key) {
  for (const auto& row : settings_table()) {
    if (can_be_set(row) && (row.key == key || row.name() == key)) return &row;
  }
  return nullptr;
}

Result<SettingValue> value_of(const SettingRow& row, std::string_view text) {
  auto value = parse_setting(row, text);
  if (!value) return value.error();
  if (const auto problem = refused(row, *value)) return make_error(Errc::usage, *problem);
  return value;
}

void lay_over(Settings& settings, const char* key, const std::string& text) {
  const auto* row = row_of(key);
  if (!row) return;
  if (auto value = value_of(*row, text)) row->store(settings, std::move(*value));
}

}  // namespace

Speed speed_of(const Settings::Backfill& backfill, const ThrottleLimits& throttle, const BackfillSpeed& plans,
               const SpeedInFlight& in_flight) {
  Settings all;
  all.backfill = backfill;
  all.throttle = throttle;
  if (plans.workers) all.backfill.workers = *plans.workers;
  if (plans.batch_time) all.backfill.batch_time = *plans.batch_time;
  if (plans.scan) lay_over(all, "backfill.scan", *plans.scan);
  if (plans.stripes) lay_over(all, "backfill.stripes", *plans.stripes);
  if (plans.max_bad_rows) all.backfill.max_bad_rows = *plans.max_bad_rows;
  for (const auto& [key, text] : in_flight) lay_over(all, key.c_str(), text);
  return {all.backfill, all.throttle};
}

Result<std::pair<std::string, std::string>> parse_speed(std::string_view assignment) {
  const auto equals = assignment.find('=');
  if (equals == std::string_view::npos || equals == 0) {
    return make_error(Errc::usage, fmt::format("\"{}\" is not of the form KEY=VALUE", assignment),
                      "Nothing was changed. Write it like workers=1 or batch_time=50ms.");
  }
  const auto key = assignment.substr(0, equals);
  const auto text = assignment.substr(equals + 1);
  const auto* row = row_of(key);
  if (!row) {
    return make_error(Errc::usage, fmt::format("\"{}\" cannot be set in flight", key),
                      fmt::format("Nothing was changed. What can be: {}.", speed_keys()));
  }
  if (text == "default") return std::pair(std::string(row->key), std::string());
  if (auto value = value_of(*row, text); !value) {
    return make_error(Errc::usage, fmt::format("{}: {}", row->name(), value.error().message),
                      "Nothing was changed. docs/settings.md lists what each setting takes.");
  }
  return std::pair(std::string(row->key), std::string(text));
}

std::string speed_keys() {
  std::string all;
  for (const auto& row : settings_table()) {
    if (can_be_set(row)) all += fmt::format("{}{}", all.empty() ? "" : ", ", row.name());
  }
  return all;
}

}  // namespace pgphase
