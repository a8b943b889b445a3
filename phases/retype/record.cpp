#include "phases/retype/record.hpp"

#include <fmt/format.h>

#include <boost/json.hpp>

namespace pgphase {
namespace {

namespace json = boost::json;

std::string text(const json::value& from, const char* key) {
  return json::value_to<std::string>(from.at(key));
}

}  // namespace

RetiredRecord record_of(const Displaced& displaced, std::int64_t number, const StepKey& key) {
  auto record = retired_record(displaced.old, number, key);
  json::array checks, sequences;
  for (const auto& check : displaced.checks) {
    checks.push_back(json::object{{"name", check.name}, {"definition", check.definition}, {"valid", check.valid}});
  }
  for (const auto& sequence : displaced.sequences) {
    sequences.push_back(
        json::object{{"schema", sequence.name.schema}, {"name", sequence.name.name}, {"type", sequence.type}});
  }
  auto definition = json::parse(record.definition).as_object();
  definition["place"] = json::object{{"checks", std::move(checks)},          {"incoming", to_json(displaced.incoming)},
                                     {"sequences", std::move(sequences)},    {"default", displaced.default_sql},
                                     {"indexes", json::array(displaced.indexes.begin(), displaced.indexes.end())},
                                     {"primary_key", displaced.primary_key}, {"needs_value", displaced.needs_value}};
  record.definition = json::serialize(definition);
  return record;
}

Result<Displaced> displaced_of(const RetiredRecord& record) {
  PGPHASE_TRY(old, old_column_of(record));
  try {
    const auto definition = json::parse(record.definition);
    const auto& from = definition.at("place");
    Displaced displaced;
    displaced.old = std::move(old);
    for (const auto& check : from.at("checks").as_array()) {
      displaced.checks.push_back({text(check, "name"), HangingConstraint::Kind::check, text(check, "definition"),
                                  check.at("valid").as_bool()});
    }
    for (const auto& sequence : from.at("sequences").as_array()) {
      displaced.sequences.push_back({{text(sequence, "schema"), text(sequence, "name")}, text(sequence, "type")});
    }
    if (const auto* indexes = from.as_object().if_contains("indexes")) {
      displaced.indexes = json::value_to<std::vector<std::string>>(*indexes);
    }
    displaced.incoming = foreign_keys_from_json(from.at("incoming"));
    displaced.default_sql = text(from, "default");
    displaced.primary_key = text(from, "primary_key");
    displaced.needs_value = from.at("needs_value").as_bool();
    return displaced;
  } catch (const std::exception& e) {
    return make_error(Errc::bug, fmt::format("the ledger's record of a replaced column cannot be read: {}", e.what()),
                      "Nothing was changed.");
  }
}

}  // namespace pgphase
