#include "phases/catalogue/snapshot_json.hpp"

#include <fmt/format.h>

#include <boost/json.hpp>

namespace pgphase {
namespace {

namespace json = boost::json;

constexpr std::int64_t k_format = 1;

Error unreadable(std::string_view why) {
  return make_error(
      Errc::refused, fmt::format("a snapshot in the ledger cannot be read: {}", why),
      "Nothing was changed. It was written by another version of pgphase; the next phase that is finished "
      "keeps a new one.");
}

Result<Facts> facts_of(const json::value& value) {
  if (!value.is_object()) return unreadable("the facts about something are no object");
  Facts facts;
  for (const auto& [name, text] : value.as_object()) {
    if (!text.is_string()) return unreadable(fmt::format("fact {} is no text", std::string_view(name)));
    facts.emplace(name, text.as_string());
  }
  return facts;
}

}  // namespace

// {"format": 1, "objects": {"index": {"public.idx": {"table": "public.tasks", …}, …}, …}}
std::string to_json_text(const Snapshot& snapshot) {
  json::object kinds;
  for (const auto& [object, facts] : snapshot.objects) {
    auto& kind = kinds[object.kind];
    if (kind.is_null()) kind.emplace_object();
    json::object described;
    for (const auto& [name, text] : facts) described[name] = text;
    kind.as_object()[object.name] = std::move(described);
  }
  return json::serialize(json::object{{"format", k_format}, {"objects", std::move(kinds)}});
}

Result<Snapshot> snapshot_from_json(std::string_view text) {
  boost::system::error_code bad;
  const auto value = json::parse({text.data(), text.size()}, bad);
  if (bad || !value.is_object()) return unreadable("it is no JSON object");
  const auto* format = value.as_object().if_contains("format");
  if (!format || *format != json::value(k_format)) return unreadable("its format is not known");
  const auto* kinds = value.as_object().if_contains("objects");
  if (!kinds || !kinds->is_object()) return unreadable("it holds no objects");
  Snapshot snapshot;
  for (const auto& [kind, objects] : kinds->as_object()) {
    if (!objects.is_object()) return unreadable(fmt::format("what is of kind {} is no object", std::string_view(kind)));
    for (const auto& [name, described] : objects.as_object()) {
      PGPHASE_TRY(facts, facts_of(described));
      snapshot.objects.emplace(CatalogueObject{kind, name}, std::move(facts));
    }
  }
  return snapshot;
}

}  // namespace pgphase
