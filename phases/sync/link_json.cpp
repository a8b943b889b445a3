#include "phases/sync/link_json.hpp"

#include <fmt/format.h>

#include <array>
#include <boost/json.hpp>
#include <stdexcept>

namespace pgphase {
namespace {

namespace json = boost::json;

constexpr auto k_flows = std::to_array<std::string_view>({"both", "to_targets", "to_sources", "ended"});

json::array to_json(const std::vector<SyncColumn>& columns) {
  json::array list;
  for (const auto& column : columns) {
    list.push_back(json::object{{"name", column.name},
                                {"type", column.type},
                                {"expression", column.expression},
                                {"default", column.default_sql},
                                {"called", column.called},
                                {"numbered", column.numbered},
                                {"required", column.required}});
  }
  return list;
}

std::vector<SyncColumn> columns_of(const json::value& list) {
  const auto text = [](const json::value& from, const char* key) {
    return json::value_to<std::string>(from.as_object().at(key));
  };
  std::vector<SyncColumn> columns;
  for (const auto& one : list.as_array()) {
    const auto flag = [&one](const char* key) {
      const auto* found = one.as_object().if_contains(key);
      return found && found->as_bool();
    };
    columns.push_back({text(one, "name"), text(one, "type"), text(one, "expression"), text(one, "default"),
                       text(one, "called"), flag("numbered"), flag("required")});
  }
  return columns;
}

SyncLink::Flow flow_of(std::string_view word) {
  for (std::size_t i = 0; i < k_flows.size(); ++i) {
    if (k_flows[i] == word) return static_cast<SyncLink::Flow>(i);
  }
  throw std::invalid_argument("an unknown flow");
}

}  // namespace

std::string to_json_text(const SyncLink& link) {
  return json::serialize(json::object{{"sources", to_json(link.sources)},
                                      {"targets", to_json(link.targets)},
                                      {"flow", k_flows[static_cast<std::size_t>(link.flow)]},
                                      {"null_is_absent", link.null_means == SyncLink::NullMeans::absent},
                                      {"errors_become_null", link.on_error == SyncLink::OnError::null},
                                      {"one_is_the_other", link.one_is_the_other},
                                      {"row", link.row},
                                      {"partitions", json::value_from(link.partitions)}});
}

Result<SyncLink> sync_link_from_json(const std::string& text) {
  try {
    const auto from = json::parse(text).as_object();
    SyncLink link;
    link.sources = columns_of(from.at("sources"));
    link.targets = columns_of(from.at("targets"));
    link.flow = flow_of(std::string_view(from.at("flow").as_string()));
    link.null_means = from.at("null_is_absent").as_bool() ? SyncLink::NullMeans::absent : SyncLink::NullMeans::null;
    link.on_error = from.at("errors_become_null").as_bool() ? SyncLink::OnError::null : SyncLink::OnError::reject;
    link.one_is_the_other = from.at("one_is_the_other").as_bool();
    if (const auto* row = from.if_contains("row")) link.row = json::value_to<std::string>(*row);
    if (const auto* partitions = from.if_contains("partitions")) {
      link.partitions = json::value_to<std::vector<std::string>>(*partitions);
    }
    return link;
  } catch (const std::exception& e) {
    return make_error(Errc::bug, fmt::format("the ledger's record of a link cannot be read: {}", e.what()),
                      "Nothing was changed.");
  }
}

}  // namespace pgphase
